import type { Damage, StoreDamagedError, StorePoisonedError } from './errors.ts'

/**
 * When an append resolves. `sync`: after the disk confirmed the write; it survives a power cut. `async`: after the write
 * was handed to the operating system; it survives a crash of the process, a power cut may cost the last writes.
 * `memory`: nothing is written; everything is gone when the store closes.
 */
export type Durability = 'sync' | 'async' | 'memory'

/**
 * Which of a key's rows; keys of different kinds have nothing to do with each other. `live`: a key's state. `evidence`: what of it was
 * superseded. `known`: what the owner knows of another writer. `setAside`: a value the owner keeps out of its state. The log
 * treats them all alike.
 */
export type RowKind = 'live' | 'evidence' | 'known' | 'setAside'

/** One row to write or to delete. Arrays are read during the call and not kept. */
export interface LogRow {
  readonly kind: RowKind
  readonly key: Uint8Array
  /** The row's bytes, opaque to the log; `undefined` deletes the row. */
  readonly value: Uint8Array | undefined
  /** The item hash of the new row, 32 bytes; `undefined` exactly when `value` is. */
  readonly hash: Uint8Array | undefined
  /**
   * The hash of the row that this one replaces or deletes, 32 bytes; `undefined` when there is none. The caller's duty:
   * a wrong one makes the next open report a damaged log.
   */
  readonly replaces: Uint8Array | undefined
}

/** Rows that reach the disk together or not at all. One without rows persists its clock mark. */
export interface LogBatch {
  readonly rows: readonly LogRow[]
  /** At least every stamp in `rows`, 0 … 2^64 − 1. The log keeps the greatest it was ever given. */
  readonly clockMark: bigint
}

/**
 * A row as it was found on opening; its checksum was verified. The arrays are views, made when they are asked for: copy what outlives
 * the log's `recovered`, and name the properties, because spreading the row takes none of the arrays along.
 */
export interface RecoveredRow {
  readonly kind: RowKind
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly hash: Uint8Array
}

/** Rows that were read, in key order; any number of times. */
export interface RecoveredRows extends Iterable<RecoveredRow> {
  readonly length: number
}

/** A row that was found damaged. It is not in `rows`. */
export interface QuarantinedRow {
  /** `unknown` when even that is unreadable. */
  readonly kind: RowKind | 'unknown'
  /** The key as stored; when the damage hit the key it names a key that never existed. */
  readonly key: Uint8Array
  readonly reason: 'checksum' | 'layout' | 'format'
}

/** What opening a log found. */
export interface RecoveredLog {
  /** All good rows. Empty after `releaseRecovered()`. */
  readonly rows: RecoveredRows
  /** The greatest clock mark ever appended, 0n for a new log. When the log is damaged, the greatest of the whole store. */
  readonly clockMark: bigint
  readonly quarantined: readonly QuarantinedRow[]
  /**
   * Set when the log cannot be proven whole. It is reported at every opening until the first append with rows, which accepts
   * what is there: before it the owner has to arrange for what is missing.
   */
  readonly damaged: StoreDamagedError | undefined
}

/** How far reading has come. */
export interface LogProgress {
  readonly rows: number
  /** Rows there should be at the end; more or fewer are there only in a damaged log. */
  readonly expected: number
}

/** Called about every 10,000 rows while a log is read. What it throws ends the reading. */
export type ProgressListener = (progress: LogProgress) => void

/** How a log is opened. */
export interface OpenLogOptions {
  /** Default: the store's. */
  readonly durability?: Durability
  /** Told of the reading when the log opens, and again whenever it recovers. */
  readonly onProgress?: ProgressListener
}

/** What an owner knows to be applied: one row as it has to be on disk. */
export interface AppliedRow {
  readonly kind: RowKind
  readonly key: Uint8Array
  readonly hash: Uint8Array
  /** The row's bytes; called only for a row that the disk lacks or holds otherwise. */
  value(): Uint8Array
}

/**
 * Says what has to be written before a recovered log answers anybody: it is given what is on disk and returns the batches that turn it
 * into what its owner has applied. See `restoreApplied` for owners whose applied rows simply win.
 */
export type Restore = (found: RecoveredLog) => Iterable<LogBatch> | void

/** What recovering a log did. */
export interface LogRecovery {
  /** What was on disk, before anything was restored. */
  readonly found: RecoveredLog
  /** Rows that were written again or deleted again, synced. */
  readonly rowsRestored: number
  /**
   * The disk held exactly what had been acknowledged, or that and the write that had failed. Otherwise `found.damaged` says what is
   * wrong, and the owner has to treat itself as one that lost its disk: a new replica id, `known` cleared.
   */
  readonly proven: boolean
}

/** One log of a store: rows by key, opaque to it. */
export interface ReplicaLog {
  readonly name: string
  readonly durability: Durability
  /** What opening found, or recovering since. */
  readonly recovered: RecoveredLog
  /** Set from a failed write of the store on until this log was recovered. */
  readonly poisoned: StorePoisonedError | undefined
  /**
   * Writes the rows, all or nothing, and resolves when they are durable as `durability` says. Appends resolve in the
   * order of the calls; concurrent ones, of all logs of the store, share one write. The arrays are copied during the call.
   *
   * Rejects with `StoreIndeterminateError` (this write failed and may be on disk), `StorePoisonedError` (an earlier one
   * failed; not on disk), `StoreQueueFullError`, `StoreClosedError` (not on disk), `TypeError` or `RangeError` (a row that
   * is malformed or beyond a limit; not on disk).
   */
  append(batch: LogBatch): Promise<void>
  /**
   * After a failed write: closes the database and opens it again, verifies every row of this log, writes what `restore` returns, synced,
   * and only then lets appends through again and settles `tookEffect` of every append that was indeterminate. The folder stays ours
   * throughout. Each log of the store recovers for itself; the first one to ask opens the database for all.
   *
   * Rejects with `StoreOpenError` while the database does not open (`retryable` says whether trying again makes sense, as after a full
   * disk), with `StoreIndeterminateError` or `StorePoisonedError` when restoring fails: nothing is lost then, and it can be
   * called again. `TypeError` when nothing has failed, or when it runs already; `StoreClosedError`; whatever `restore` throws.
   */
  recover(restore: Restore): Promise<LogRecovery>
  /** Lets go of `recovered.rows`, once the owner has loaded them. */
  releaseRecovered(): void
  /** Waits for what is queued, then lets the name go. Idempotent. */
  close(): Promise<void>
  /** Closes the log and deletes everything in it, durably; see `Store.destroyLog`. */
  destroy(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Counters and gauges of a store; whole numbers, counters from its opening. */
export interface StoreStats {
  /** Open logs. */
  readonly logs: number
  readonly appends: number
  /** Groups of appends that were written together. */
  readonly writes: number
  readonly rowsWritten: number
  readonly bytesWritten: number
  readonly queuedAppends: number
  readonly queuedBytes: number
  readonly queuedAppendsPeak: number
  readonly queuedBytesPeak: number
  /** Keys and values of all rows of all logs, open or not. */
  readonly bytesLive: number
  /** Of the database's files, as last measured, and what was written since. */
  readonly bytesOnDisk: number
  readonly compactions: number
  /** Times the database was opened again after a failed write. */
  readonly recoveries: number
  readonly poisoned: boolean
}

/** What verifying found of one log. */
export interface LogVerification {
  readonly name: string
  /** Good rows, and their bytes. */
  readonly rows: number
  readonly bytes: number
  /** Rows there should be. */
  readonly expected: number
  /** Rows that failed, by key, as many as `quarantineRowsMax`; `damage` has their number. */
  readonly quarantined: readonly QuarantinedRow[]
  /** Empty when the rows are those that the running sum promises. */
  readonly damage: readonly Damage[]
}

/** What verifying a store found. */
export interface StoreVerification {
  /** Nothing is damaged. A missing mark is no damage: it is written again with the next synced write. */
  readonly ok: boolean
  readonly logs: readonly LogVerification[]
  /** What is wrong beyond the logs. */
  readonly damage: readonly Damage[]
  /** The newest batch in the store. */
  readonly batch: bigint
  /** The newest batch that the side mark names; `undefined` when it is missing or unreadable. */
  readonly mark: bigint | undefined
  /** Damaged rows whose bytes were kept when an append accepted their loss. */
  readonly damagedKept: number
}

/** Several logs that share one folder, one owner and one write at a time. */
export interface Store {
  /** The real path of the folder; `undefined` for a store in memory. */
  readonly directory: string | undefined
  /** Set after the first failed write, until a log is recovered: nothing is acknowledged meanwhile. */
  readonly poisoned: StorePoisonedError | undefined
  /**
   * Opens a log and reads all its rows. `name` is 1 … 255 bytes of UTF-8.
   *
   * Rejects with `StoreClosedError`, `StorePoisonedError`, `StoreOpenError` (unreadable), `TypeError` (already open) or
   * `RangeError`.
   */
  openLog(name: string, options?: OpenLogOptions): Promise<ReplicaLog>
  /**
   * Reads everything there is, of open and of closed logs, and checks it against the running sums, while writes go on. It changes nothing.
   *
   * Rejects with `StoreClosedError`, `StorePoisonedError` or `StoreOpenError` (unreadable).
   */
  verify(options?: { readonly onProgress?: ProgressListener }): Promise<StoreVerification>
  /**
   * Deletes a log that is not open, its rows that were set aside included, durably. A crash in between leaves a log with fewer rows, undamaged.
   * One that is not there is no error.
   *
   * Rejects with `TypeError` (open), and as `append` does.
   */
  destroyLog(name: string): Promise<void>
  stats(): StoreStats
  /** Waits for what is queued, closes every log and the database, and gives up the folder. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
