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
export { Collector, type CollectorInit } from './collect.ts'
export {
  ENTRY_FORMAT,
  ENTRY_LIMITS,
  EVIDENCE_MS,
  INGEST_ITEMS_MAX,
  KNOWN_IDS_MAX,
  LIVE_DOTS_REPORTED,
  REFUSAL_PAUSE_MS,
  REFUSAL_PAUSE_MS_MAX,
  REFUSALS_MAX,
  SET_ASIDE_BYTES_MAX,
  SET_ASIDE_MAX,
  SILENCE_MS,
  SNAPSHOT_FORMAT,
  SNAPSHOT_PIECE_BYTES,
  STALE_DOTS_MAX,
  STALE_SHARE,
  type EntryLimits
} from './config.ts'
export { encodeSnapshot, type SnapshotOptions } from './encode-snapshot.ts'
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
export { InvalidKeyError, QuotaExceededError, StaleConflictError, type InvalidKeyReason } from './errors.ts'
export { ExpiryQueue } from './expiry-queue.ts'
export { expireEntry, isExpired, isOver, nextEndMs, visibleDots, visibleWinner } from './expiry.ts'
export { BY_AGE, type Coverage, type Forgetting } from './forgetting.ts'
export {
  ingest,
  type Answer,
  type IngestChange,
  type IngestOptions,
  type IngestRejection,
  type IngestResult,
  type IngestState
} from './ingest.ts'
export { ItemCensus } from './item-census.ts'
export { encodeKey } from './key.ts'
export { decodeKnown, encodeKnown, NOTHING_KNOWN } from './known-wire.ts'
export {
  Known,
  type KnownRow,
  type KnownStamps,
  type RaiseResult,
  type SessionProof,
  type SessionStart
} from './known.ts'
export { loadSnapshot, type LoadOptions, type LoadResult } from './load-snapshot.ts'
export { ObservedRemoveMap, type LiveRow } from './map.ts'
export { entryBytes, lifeGained, Quota, type QuotaLimits, type QuotaPart, type QuotaTaken } from './quota.ts'
export { Refusals, type RefusalReason, type RefusedItem } from './refusals.ts'
export { isReplicaId, REPLICA_ID_BYTES, replicaIdBytes, replicaIdOf } from './replica-id.ts'
export {
  decodeSetAside,
  encodeSetAside,
  SetAside,
  type OnStale,
  type SetAsideDot,
  type SetAsideInit,
  type StaleOutcome,
  type StaleSession
} from './set-aside.ts'
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
  type EncodedEntries,
  type EncodedEntry,
  type EncodedRow
} from './wire.ts'
