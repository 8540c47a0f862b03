import { ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { kindOf } from './keys.ts'
import { HASH_AT, ROW_HEADER_BYTES, rowProblem } from './rows.ts'
import type { QuarantinedRow, RecoveredRow, RecoveredRows } from './types.ts'

const SLAB_BYTES = 1024 * 1024
/** `keyBytes:u32 valueBytes:u32`, then the database's key and value as they are. */
const HEADER_BYTES = 8
const PAYLOAD_AT = HASH_AT + ITEM_HASH_BYTES
const PAYLOAD_END = ROW_HEADER_BYTES - PAYLOAD_AT

interface Slab {
  readonly bytes: Uint8Array
  readonly view: DataView
  used: number
}

/**
 * Rows one behind the other in large pieces of memory, each checked where it lies. A million rows as objects with arrays of
 * their own take ten times the memory, and the collector as long as reading them takes (measured).
 */
export class PackedRows implements RecoveredRows {
  readonly #prefixBytes: number
  readonly #slabs: Slab[] = []
  #length = 0

  /** `prefixBytes`: what the database's keys have before the kind. */
  constructor(prefixBytes: number) {
    this.#prefixBytes = prefixBytes
  }

  get length(): number {
    return this.#length
  }

  /** Adds a row and returns its hash, a view; or says why it is none. */
  add(key: Uint8Array, value: Uint8Array): Uint8Array | QuarantinedRow['reason'] {
    const slab = this.#room(HEADER_BYTES + key.length + value.length)
    const keyAt = slab.used + HEADER_BYTES
    const valueAt = keyAt + key.length
    const end = valueAt + value.length
    const { bytes, view } = slab
    bytes.set(key, keyAt)
    bytes.set(value, valueAt)
    const problem = rowProblem(bytes, keyAt, valueAt, end)
    if (problem !== undefined) return problem
    if (kindOf(key[this.#prefixBytes]) === undefined) return 'layout'
    view.setUint32(slab.used, key.length)
    view.setUint32(slab.used + 4, value.length)
    slab.used = end
    this.#length++
    return bytes.subarray(valueAt + HASH_AT, valueAt + PAYLOAD_AT)
  }

  *[Symbol.iterator](): IterableIterator<RecoveredRow> {
    for (const { bytes, view, used } of this.#slabs) {
      for (let at = 0; at < used;) {
        const kindAt = at + HEADER_BYTES + this.#prefixBytes
        const valueAt = at + HEADER_BYTES + view.getUint32(at)
        const end = valueAt + view.getUint32(at + 4)
        const hash = valueAt + HASH_AT
        const payload = valueAt + PAYLOAD_AT
        yield {
          kind: kindOf(bytes[kindAt]) ?? 'live',
          key: new Uint8Array(bytes.buffer, kindAt + 1, valueAt - kindAt - 1),
          value: new Uint8Array(bytes.buffer, payload, end - PAYLOAD_END - payload),
          hash: new Uint8Array(bytes.buffer, hash, ITEM_HASH_BYTES)
        }
        at = end
      }
    }
  }

  #room(length: number): Slab {
    const last = this.#slabs.at(-1)
    if (last !== undefined && last.used + length <= last.bytes.length) return last
    const bytes = new Uint8Array(Math.max(SLAB_BYTES, length))
    const slab = { bytes, view: new DataView(bytes.buffer), used: 0 }
    this.#slabs.push(slab)
    return slab
  }
}
