/**
 * A true observed-remove map: a removal takes away what it had seen and nothing else, concurrent writes stay side by side until a
 * later write settles them, and the size depends on who writes at the same time, not on how often. After Bieniusa et al., "An
 * Optimized Conflict-free Replicated Set" (2012), with one item per replica and a merge that is the pointwise greater item.
 *
 * It is pure: it mints no stamps, stores nothing and sends nothing. Building an entry and applying it are separate, so that a
 * log can stand between them.
 *
 * @example
 * ```ts
 * import { encodeValue } from '@starling/codec'
 * import { systemHash } from '@starling/ports/system'
 * import { encodeEntry, ingest, ObservedRemoveMap, putEntry } from '@starling/ormap'
 *
 * const here = new ObservedRemoveMap(systemHash)
 * const entry = putEntry(here.get('flag'), '00000000000000aa', 1n, encodeValue(true))
 * const { changed } = ingest(here, [encodeEntry('flag', entry)], { wallMs: Date.now() })
 * for (const { key, joined } of changed) here.join(key, joined)
 * ```
 *
 * @packageDocumentation
 */
export {
  ENTRY_FORMAT,
  ENTRY_LIMITS,
  INGEST_ITEMS_MAX,
  LIVE_DOTS_REPORTED,
  type EntryLimits
} from './config.ts'
export {
  compareItems,
  countClashes,
  EMPTY_ENTRY,
  equalEntries,
  greatestStamp,
  hasLiveDot,
  isDot,
  joinEntries,
  liveDots,
  putEntry,
  removeEntry,
  winner
} from './entry.ts'
export { InvalidKeyError, type InvalidKeyReason } from './errors.ts'
export {
  ingest,
  type IngestChange,
  type IngestOptions,
  type IngestRejection,
  type IngestResult
} from './ingest.ts'
export { encodeKey } from './key.ts'
export { ObservedRemoveMap } from './map.ts'
export { isReplicaId, REPLICA_ID_BYTES, replicaIdBytes, replicaIdOf } from './replica-id.ts'
export type { Dot, Entry, EntryChange, Item, ReplicaId } from './types.ts'
export { versionOf } from './version.ts'
export {
  decodeEntry,
  decodeRows,
  encodeEntry,
  encodeEvidence,
  encodeLive,
  encodeWithRows,
  itemHash,
  type EncodedEntry,
  type EncodedRow
} from './wire.ts'
