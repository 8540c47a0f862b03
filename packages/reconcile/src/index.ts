/**
 * Set fingerprints: what two replicas compare to see whether they hold the same items, at a cost that does not depend on how
 * many there are. It is no Merkle tree and stores no items.
 *
 * @example
 * ```ts
 * import { Fingerprint, wireFingerprint } from '@starling/reconcile'
 * import { systemHash } from '@starling/ports/system'
 *
 * const item = (text: string) => systemHash(new TextEncoder().encode(text))
 * const ours = new Fingerprint().add(item('a')).add(item('b'))
 * const theirs = new Fingerprint().add(item('b')).add(item('a'))
 * console.log(ours.equals(theirs), wireFingerprint(ours, systemHash).length)
 * ```
 *
 * @packageDocumentation
 */
export {
  decodeFingerprint,
  encodeFingerprint,
  Fingerprint,
  FINGERPRINT_BYTES,
  ITEM_HASH_BYTES,
  WIRE_FINGERPRINT_BYTES,
  wireFingerprint
} from './fingerprint.ts'
