/**
 * Range-based set reconciliation: two replicas find which items each has that the other lacks, at a cost of the differences and
 * not of the sets. It sends no items and keeps no data, only hashes; it is no Merkle tree.
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
export { RECONCILER_LIMITS, type ReconcilerLimits } from './config.ts'
export { FRAME_TYPES_END } from './frame.ts'
export type { ItemRanges } from './item-ranges.ts'
export {
  Reconciler,
  type ReconcileEnd,
  type ReconcileFailure,
  type ReconcilerInit,
  type ReconcileStep
} from './reconciler.ts'
