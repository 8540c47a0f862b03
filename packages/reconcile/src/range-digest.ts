import type { Hash } from '@starling/ports'
import { concat } from './concat.ts'
import { CHUNK_ITEMS } from './config.ts'
import type { FingerprintTree } from './fingerprint-tree.ts'
import { Fingerprint, ITEM_HASH_BYTES, WIRE_FINGERPRINT_BYTES, wireFingerprint } from './fingerprint.ts'

/** How two sides compare a range: 16 bytes that are equal when their items are. */
export interface RangeDigest {
  /** Of the items from rank `from` to rank `to`. */
  range(from: number, to: number): Uint8Array
  /** Of items in order, given by their hashes one after the other. */
  hashes(hashes: Uint8Array): Uint8Array
}

/** Sums: O(log n) for any range. */
export function sumDigest(tree: FingerprintTree, hash: Hash): RangeDigest {
  return {
    range: (from, to) => wireFingerprint(tree.fingerprint(from, to), hash),
    hashes: hashes => {
      const sum = new Fingerprint()
      for (let at = 0; at < hashes.length; at += ITEM_HASH_BYTES) {
        sum.add(hashes.subarray(at, at + ITEM_HASH_BYTES))
      }
      return wireFingerprint(sum, hash)
    }
  }
}

/** The hash over salt and items in order: O(n), and as strong as the hash. For when sums have been made to collide. */
export function orderedDigest(tree: FingerprintTree, hash: Hash, salt: Uint8Array): RangeDigest {
  const chunkBytes = CHUNK_ITEMS * ITEM_HASH_BYTES
  const digest = (count: number, chunk: (i: number) => Uint8Array): Uint8Array => {
    const parts = [salt]
    for (let i = 0; i * CHUNK_ITEMS < count; i++) parts.push(hash(chunk(i)))
    return hash(concat(parts)).slice(0, WIRE_FINGERPRINT_BYTES)
  }
  return {
    range: (from, to) =>
      digest(to - from, i => tree.hashes(from + i * CHUNK_ITEMS, Math.min(to, from + (i + 1) * CHUNK_ITEMS))),
    hashes: hashes =>
      digest(hashes.length / ITEM_HASH_BYTES, i => hashes.subarray(i * chunkBytes, (i + 1) * chunkBytes))
  }
}
