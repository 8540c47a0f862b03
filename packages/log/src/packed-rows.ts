import { ITEM_HASH_BYTES, type Fingerprint } from '@starling/reconcile/fingerprint'
import { HashSum } from './hash-sum.ts'
import { kindOf } from './keys.ts'
import type { LevelKey, LevelValue } from './level.ts'
import { HASH_AT, ROW_HEADER_BYTES, rowProblem } from './rows.ts'
import type { SizeTable } from './size-table.ts'
import type { QuarantinedRow, RecoveredRow, RecoveredRows, RowKind } from './types.ts'

/** The first piece of memory, in bytes; each next one holds as much as all before, up to the second number. */
const SLAB_BYTES_MIN = 4 * 1024
const SLAB_BYTES_MAX = 1024 * 1024
/** `keyBytes:u32 valueBytes:u32`, then the database's key and value as they are. */
const HEADER_BYTES = 8
const PAYLOAD_AT = HASH_AT + ITEM_HASH_BYTES
const PAYLOAD_END = ROW_HEADER_BYTES - PAYLOAD_AT
/** Bytes of UTF-8 that one unit of a string takes at most. */
const UNIT_BYTES_MAX = 3

interface Slab {
  readonly bytes: Buffer
  readonly view: DataView
  used: number
}

/**
 * Rows one behind the other in large pieces of memory, each checked where it lies. A million rows as objects with arrays of
 * their own take ten times the memory, and the collector as long as reading them takes (measured).
 */
export class PackedRows implements RecoveredRows {
  readonly #prefixBytes: number
  readonly #sizes: SizeTable
  readonly #slabs: Slab[] = []
  readonly #sum = new HashSum()
  #bytes = 0

  /** `prefixBytes`: what the database's keys have before the kind. `sizes` learns of each row. */
  constructor(prefixBytes: number, sizes: SizeTable) {
    this.#prefixBytes = prefixBytes
    this.#sizes = sizes
  }

  get length(): number {
    return this.#sum.count
  }

  /** Of the rows' hashes. */
  get sum(): Fingerprint {
    return this.#sum.fingerprint()
  }

  /** Of the rows' keys and values in the database. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds a row, or says why it is none. */
  add(key: LevelKey, value: LevelValue): QuarantinedRow['reason'] | undefined {
    const text = typeof key === 'string'
    const slab = this.#room(HEADER_BYTES + key.length * (text ? UNIT_BYTES_MAX : 1) + value.length)
    const { bytes, view, used } = slab
    const keyAt = used + HEADER_BYTES
    let keyBytes = key.length
    if (text) keyBytes = bytes.write(key, keyAt, 'utf8')
    else bytes.set(key, keyAt)
    const valueAt = keyAt + keyBytes
    let valueBytes = value.length
    if (typeof value === 'string') valueBytes = bytes.write(value, valueAt, 'base64')
    else bytes.set(value, valueAt)
    const end = valueAt + valueBytes
    const problem = rowProblem(bytes, keyAt, valueAt, end)
    if (problem !== undefined) return problem
    if (kindOf(bytes[keyAt + this.#prefixBytes]) === undefined) return 'layout'
    view.setUint32(used, keyBytes)
    view.setUint32(used + 4, valueBytes)
    slab.used = end
    this.#bytes += end - keyAt
    this.#sum.add(view, valueAt + HASH_AT)
    this.#sizes.addPrefix(view.getUint32(valueAt + HASH_AT), end - keyAt)
    return undefined
  }

  *[Symbol.iterator](): IterableIterator<RecoveredRow> {
    for (const { bytes, view, used } of this.#slabs) {
      for (let at = 0; at < used;) {
        const valueAt = at + HEADER_BYTES + view.getUint32(at)
        const end = valueAt + view.getUint32(at + 4)
        const kindAt = at + HEADER_BYTES + this.#prefixBytes
        yield new PackedRow(kindOf(bytes[kindAt]) as RowKind, bytes.buffer, kindAt + 1, valueAt, end)
        at = end
      }
    }
  }

  #room(length: number): Slab {
    const last = this.#slabs.at(-1)
    if (last !== undefined && last.used + length <= last.bytes.length) return last
    const size = Math.min(SLAB_BYTES_MAX, Math.max(SLAB_BYTES_MIN, this.#bytes))
    const bytes = Buffer.from(new ArrayBuffer(Math.max(size, length)))
    const slab = { bytes, view: new DataView(bytes.buffer), used: 0 }
    this.#slabs.push(slab)
    return slab
  }
}

/** A row where it lies. Each view is made when it is asked for: they cost more than finding it. */
class PackedRow implements RecoveredRow {
  readonly kind: RowKind
  readonly #memory: ArrayBufferLike
  readonly #keyAt: number
  readonly #valueAt: number
  readonly #end: number

  constructor(kind: RowKind, memory: ArrayBufferLike, keyAt: number, valueAt: number, end: number) {
    this.kind = kind
    this.#memory = memory
    this.#keyAt = keyAt
    this.#valueAt = valueAt
    this.#end = end
  }

  get key(): Uint8Array {
    return new Uint8Array(this.#memory, this.#keyAt, this.#valueAt - this.#keyAt)
  }

  get value(): Uint8Array {
    const payload = this.#valueAt + PAYLOAD_AT
    return new Uint8Array(this.#memory, payload, this.#end - PAYLOAD_END - payload)
  }

  get hash(): Uint8Array {
    return new Uint8Array(this.#memory, this.#valueAt + HASH_AT, ITEM_HASH_BYTES)
  }
}
