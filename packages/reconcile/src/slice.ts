import { equalBytes } from '@starling/codec'
import type { Hash, Random } from '@starling/ports'
import { concat } from './concat.ts'
import { SALT_BYTES, SLICE_DIGEST_BYTES, SLICE_ITEMS_MAX, SLICE_SHARE } from './config.ts'
import type { FingerprintTree } from './fingerprint-tree.ts'
import type { Slice } from './frame.ts'
import type { RangeDigest } from './range-digest.ts'

/** The comparison of two sets whose sums are equal: a slice at a rank that neither side could choose alone. */
export function equalDigest(
  tree: FingerprintTree,
  hash: Hash,
  initiatorSalt: Uint8Array,
  responderSalt: Uint8Array
): Uint8Array {
  const salts = concat([initiatorSalt, responderSalt])
  const from = sliceStart(tree.count, salts, hash)
  return sliceDigest(tree, from, from + sliceSize(tree.count), salts, hash)
}

/** A slice of the responder's items, which must be some: a few neighbours, anywhere. */
export function makeSlice(
  tree: FingerprintTree,
  hash: Hash,
  sums: RangeDigest,
  initiatorSalt: Uint8Array,
  random: Random
): Slice {
  const from = random.below(tree.count - sliceSize(tree.count) + 1)
  const to = from + sliceSize(tree.count)
  const salt = random.bytes(SALT_BYTES)
  return {
    lower: tree.boundAt(from),
    upper: tree.boundAt(to),
    salt,
    fingerprint: sums.range(from, to),
    digest: sliceDigest(tree, from, to, concat([initiatorSalt, salt]), hash)
  }
}

/**
 * Whether the initiator's items of a slice agree with the responder's, or differ in their number or sums already, which is no
 * collision.
 */
export function agreesOn(
  slice: Slice,
  tree: FingerprintTree,
  hash: Hash,
  sums: RangeDigest,
  initiatorSalt: Uint8Array
): boolean {
  const from = tree.rank(slice.lower)
  const to = tree.rank(slice.upper)
  if (to - from > SLICE_ITEMS_MAX || !equalBytes(slice.fingerprint, sums.range(from, to))) return true
  return equalBytes(slice.digest, sliceDigest(tree, from, to, concat([initiatorSalt, slice.salt]), hash))
}

/** How many items a slice of a set of `count` has. */
function sliceSize(count: number): number {
  return Math.min(SLICE_ITEMS_MAX, Math.ceil(count / SLICE_SHARE))
}

/** Where the slice of two equal sets begins: a rank that neither side could choose alone. */
function sliceStart(count: number, salts: Uint8Array, hash: Hash): number {
  const { buffer, byteOffset } = hash(salts)
  const random = new DataView(buffer, byteOffset).getUint32(0)
  return random % (count - sliceSize(count) + 1)
}

/** The hash over both salts and the items in order. */
function sliceDigest(
  tree: FingerprintTree,
  from: number,
  to: number,
  salts: Uint8Array,
  hash: Hash
): Uint8Array {
  return hash(concat([salts, tree.hashes(from, to)])).slice(0, SLICE_DIGEST_BYTES)
}
