/**
 * Ordered sets that know the fingerprint of any of their ranges: what two replicas compare to see whether they hold the same
 * items, and where not, at a cost that does not depend on how many there are. It is no Merkle tree and keeps no data, only hashes.
 *
 * @example
 * ```ts
 * import { FingerprintTree, wireFingerprint } from '@starling/reconcile'
 * import { systemHash } from '@starling/ports/system'
 *
 * const item = (text: string) => systemHash(new TextEncoder().encode(text))
 * const tree = new FingerprintTree()
 * tree.insert(1n, item('a'))
 * tree.insert(2n, item('b'))
 * console.log(wireFingerprint(tree.fingerprint(0, 2), systemHash).length)
 * ```
 *
 * @packageDocumentation
 */
export {
  boundBetween,
  compareBounds,
  INFINITY_BOUND,
  readBound,
  START_BOUND,
  writeBound,
  type Bound
} from './bound.ts'
export {
  decodeFingerprint,
  encodeFingerprint,
  Fingerprint,
  FINGERPRINT_BYTES,
  ITEM_HASH_BYTES,
  WIRE_FINGERPRINT_BYTES,
  wireFingerprint
} from './fingerprint.ts'
export { FingerprintTree, type Item } from './fingerprint-tree.ts'
export { FingerprintTreeBuilder } from './tree-builder.ts'
