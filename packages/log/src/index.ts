/**
 * The durable store under a replicated map: rows by key on classic-level, with checksums, a running sum that notices what
 * is missing, and one synced write for everything that waits. It is no logger, and it knows nothing of what rows mean.
 *
 * Durability, failure and corruption rules follow what was measured of LevelDB: after a failed write nothing is believed
 * until the store was closed and opened again.
 *
 * @example
 * ```ts
 * import { openStore } from '@starling/log'
 *
 * const store = await openStore({ directory: './data' })
 * const log = await store.openLog('flags')
 * for (const row of log.recovered.rows) load(row)
 * await log.append({ rows: [{ kind: 'live', key, value, hash, replaces: undefined }], clockMark: 1n })
 * await store.close()
 * ```
 *
 * @packageDocumentation
 */
export { STORE_LIMITS, type StoreLimits } from './config.ts'
export {
  FormatNewerError,
  FormatOlderError,
  StoreClosedError,
  StoreDamagedError,
  StoreIndeterminateError,
  StoreLockedError,
  StoreOpenError,
  StorePoisonedError,
  StoreQueueFullError,
  type Damage,
  type StoreOpenReason
} from './errors.ts'
export {
  createMemoryMedium,
  createMemoryStore,
  type MemoryMedium,
  type MemoryStoreOptions
} from './memory-store.ts'
export { destroyStore } from './destroy-store.ts'
export { registerStore } from './figures.ts'
export type { KeyRange } from './keys.ts'
export type { Level, LevelOperation, LevelScan } from './level.ts'
export type { MarkFile, StoreMedium } from './medium.ts'
export { moveStoreAside } from './move-store-aside.ts'
export { openStore, openStoreIn, type StoreInit, type StoreOptions } from './open-store.ts'
export { restoreApplied } from './restore-applied.ts'
export type {
  AppliedRow,
  Durability,
  LogBatch,
  LogProgress,
  LogRecovery,
  LogRow,
  LogVerification,
  OpenLogOptions,
  ProgressListener,
  QuarantinedRow,
  RecoveredLog,
  RecoveredRow,
  RecoveredRows,
  ReplicaLog,
  Restore,
  RowKind,
  Store,
  StoreStats,
  StoreVerification
} from './types.ts'
