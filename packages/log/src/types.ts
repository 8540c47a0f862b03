import type { StoreDamagedError, StorePoisonedError } from './errors.ts'

/**
 * When an append resolves. `sync`: after the disk confirmed the write; it survives a power cut. `async`: after the write
 * was handed to the operating system; it survives a crash of the process, a power cut may cost the last writes.
 * `memory`: nothing is written; everything is gone when the store closes.
 */
export type Durability = 'sync' | 'async' | 'memory'

/** Which of a key's rows: the one with its live state, or the one that remembers what was superseded. */
export type RowKind = 'live' | 'evidence'

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

/** Rows that reach the disk together or not at all. */
export interface LogBatch {
  readonly rows: readonly LogRow[]
  /** At least every stamp in `rows`, 0 … 2^64 − 1. The log keeps the greatest it was ever given. */
  readonly clockMark: bigint
}

/** A row as it was found on opening; its checksum was verified. */
export interface RecoveredRow {
  readonly kind: RowKind
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly hash: Uint8Array
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
  readonly rows: readonly RecoveredRow[]
  /** The greatest clock mark ever appended, 0n for a new log. When its row is lost, the greatest of the whole store. */
  readonly clockMark: bigint
  readonly quarantined: readonly QuarantinedRow[]
  /**
   * Set when the log cannot be proven whole. It is reported at every opening until the first append, which accepts what
   * is there: before it the owner has to arrange for what is missing.
   */
  readonly damaged: StoreDamagedError | undefined
}

/** One log of a store: rows by key, opaque to it. */
export interface ReplicaLog {
  readonly name: string
  readonly durability: Durability
  readonly recovered: RecoveredLog
  /**
   * Writes the rows, all or nothing, and resolves when they are durable as `durability` says. Appends resolve in the
   * order of the calls; concurrent ones, of all logs of the store, share one write. The arrays are copied during the call.
   *
   * Rejects with `StoreIndeterminateError` (this write failed and may be on disk), `StorePoisonedError` (an earlier one
   * failed; not on disk), `StoreQueueFullError`, `StoreClosedError` (not on disk), `TypeError` or `RangeError` (a row that
   * is malformed or beyond a limit; not on disk).
   */
  append(batch: LogBatch): Promise<void>
  /** Lets go of `recovered.rows`, once the owner has loaded them. */
  releaseRecovered(): void
  /** Waits for what is queued, then lets the name go. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Counters of a store; whole numbers, from its opening. */
export interface StoreStats {
  readonly logs: number
  readonly appends: number
  readonly writes: number
  readonly rowsWritten: number
  readonly bytesWritten: number
  readonly queuedAppends: number
  readonly queuedBytes: number
}

/** Several logs that share one folder, one owner and one write at a time. */
export interface Store {
  /** The real path of the folder; `undefined` for a store in memory. */
  readonly directory: string | undefined
  /** Set after the first failed write: from then on nothing is acknowledged. Close the store and open it again. */
  readonly poisoned: StorePoisonedError | undefined
  /**
   * Opens a log and reads all its rows. `name` is 1 … 255 bytes of UTF-8.
   *
   * Rejects with `StoreClosedError`, `StoreOpenError` (unreadable), `TypeError` (already open) or `RangeError`.
   */
  openLog(name: string, options?: { readonly durability?: Durability }): Promise<ReplicaLog>
  stats(): StoreStats
  /** Waits for what is queued, closes every log and the database, and gives up the folder. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
