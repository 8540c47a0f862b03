import { ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import type { RecoveredRow, RecoveredRows, RowKind } from './types.ts'

const SLAB_BYTES = 1024 * 1024
/** `kind:u8 keyBytes:u32 valueBytes:u32`, little-endian, then hash, key and value. */
const HEADER_BYTES = 9

interface Slab {
  readonly bytes: Uint8Array
  readonly view: DataView
  used: number
}

/**
 * Rows one behind the other in large pieces of memory. A million rows as objects with arrays of their own take ten times the
 * memory, and the collector as long as reading them takes (measured).
 */
export class PackedRows implements RecoveredRows {
  readonly #slabs: Slab[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  add(kind: RowKind, key: Uint8Array, value: Uint8Array, hash: Uint8Array): void {
    const { slab, at } = this.#room(HEADER_BYTES + ITEM_HASH_BYTES + key.length + value.length)
    slab.view.setUint8(at, kind === 'live' ? 0 : 1)
    slab.view.setUint32(at + 1, key.length, true)
    slab.view.setUint32(at + 5, value.length, true)
    slab.bytes.set(hash, at + HEADER_BYTES)
    slab.bytes.set(key, at + HEADER_BYTES + ITEM_HASH_BYTES)
    slab.bytes.set(value, at + HEADER_BYTES + ITEM_HASH_BYTES + key.length)
    this.#length++
  }

  *[Symbol.iterator](): IterableIterator<RecoveredRow> {
    for (const { bytes, view, used } of this.#slabs) {
      for (let at = 0; at < used;) {
        const hashAt = at + HEADER_BYTES
        const keyAt = hashAt + ITEM_HASH_BYTES
        const valueAt = keyAt + view.getUint32(at + 1, true)
        const end = valueAt + view.getUint32(at + 5, true)
        yield {
          kind: view.getUint8(at) === 0 ? 'live' : 'evidence',
          key: bytes.subarray(keyAt, valueAt),
          value: bytes.subarray(valueAt, end),
          hash: bytes.subarray(hashAt, keyAt)
        }
        at = end
      }
    }
  }

  #room(length: number): { readonly slab: Slab; readonly at: number } {
    let slab = this.#slabs.at(-1)
    if (slab === undefined || slab.used + length > slab.bytes.length) {
      const bytes = new Uint8Array(Math.max(SLAB_BYTES, length))
      slab = { bytes, view: new DataView(bytes.buffer), used: 0 }
      this.#slabs.push(slab)
    }
    const at = slab.used
    slab.used += length
    return { slab, at }
  }
}
