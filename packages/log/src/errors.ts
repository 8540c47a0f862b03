/** Another handle, thread or process owns the folder. Close it there, or use another folder. */
export class StoreLockedError extends Error {
  override readonly name = 'StoreLockedError'
  /** The folder that was asked for. */
  readonly directory: string
  /** The owner's process id; `undefined` when only the database's own lock told of it. */
  readonly pid: number | undefined

  constructor(directory: string, pid: number | undefined, options?: ErrorOptions) {
    const owner =
      pid === undefined ? 'another process' : pid === process.pid ? `this process (${pid})` : `process ${pid}`
    super(`the store in ${directory} is in use by ${owner}; close it there or choose another folder`, options)
    this.directory = directory
    this.pid = pid
  }
}

/** Why a folder could not be opened. */
export type StoreOpenReason =
  | 'notADirectory'
  | 'missing'
  | 'permission'
  | 'readOnly'
  | 'full'
  | 'tooManyFiles'
  | 'corrupt'
  | 'foreign'
  | 'failed'

/** The folder cannot be opened. The message says what to do; `cause` is the system's or the database's own error. */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError'
  readonly directory: string
  readonly reason: StoreOpenReason
  /** Opening again may succeed without anybody touching the store: once there is space, a mount, a permission. */
  readonly retryable: boolean

  constructor(directory: string, reason: StoreOpenReason, advice: string, options?: ErrorOptions) {
    super(`cannot open the store in ${directory}: ${advice}`, options)
    this.directory = directory
    this.reason = reason
    this.retryable = !FOR_GOOD.has(reason)
  }
}

/** What no waiting cures. */
const FOR_GOOD: ReadonlySet<StoreOpenReason> = new Set(['notADirectory', 'corrupt', 'foreign'])

/** The store was written by a newer release. Nothing was changed; open it with that release. */
export class FormatNewerError extends Error {
  override readonly name = 'FormatNewerError'
  readonly directory: string
  readonly found: number
  readonly supported: number

  constructor(directory: string, found: number, supported: number) {
    super(
      `the store in ${directory} has format ${found}, this release reads up to ${supported}; use the newer release`
    )
    this.directory = directory
    this.found = found
    this.supported = supported
  }
}

/** The store was written by a release whose format this one no longer reads. Nothing was changed. */
export class FormatOlderError extends Error {
  override readonly name = 'FormatOlderError'
  readonly directory: string
  readonly found: number
  readonly oldest: number

  constructor(directory: string, found: number, oldest: number) {
    super(
      `the store in ${directory} has format ${found}, this release reads from ${oldest} on; use the release that wrote it, or destroy the store and fetch from peers`
    )
    this.directory = directory
    this.found = found
    this.oldest = oldest
  }
}

/** One thing that does not add up in a store. */
export type Damage =
  /** Rows were read, but their checksum or layout is wrong; they are listed in `quarantined`. */
  | { readonly type: 'rowsQuarantined'; readonly rows: number }
  /** Rows and running sum disagree. `missing` is the number of rows that are gone, or `undefined` when counts agree. */
  | { readonly type: 'sumMismatch'; readonly missing: number | undefined }
  /** The row that holds a log's sum and clock mark is gone or unreadable. */
  | { readonly type: 'metaDamaged' }
  /** The row that holds the store's batch number is gone or unreadable. */
  | { readonly type: 'storeRowDamaged' }
  /** The logs' sums do not add up to the store's: a log, or the newest state of one, is gone. */
  | { readonly type: 'logsMismatch' }
  /** The side mark names a newer synced batch than the store holds: acknowledged writes at the end are gone. */
  | { readonly type: 'behindMark'; readonly batch: bigint; readonly mark: bigint }
  /** Opened again after a failed write, the log is older than what it had acknowledged, or another one. */
  | { readonly type: 'behindAcknowledged'; readonly batch: bigint; readonly acknowledged: bigint }
  /** The store was damaged in an earlier run, and this log has not been written since. */
  | { readonly type: 'damagedEarlier'; readonly batch: bigint }

/**
 * The store cannot be proven to hold every acknowledged write. It is a report in `recovered.damaged`, not thrown: what
 * could be read is there, the rest must be fetched from peers.
 */
export class StoreDamagedError extends Error {
  override readonly name = 'StoreDamagedError'
  readonly log: string
  readonly damage: readonly Damage[]

  constructor(log: string, damage: readonly Damage[]) {
    super(
      `the log ${JSON.stringify(log)} is damaged (${damage.map(one => one.type).join(', ')}); fetch what is missing from peers`
    )
    this.log = log
    this.damage = damage
  }
}

/** The write in flight failed: it may or may not be on disk. `ReplicaLog.recover` finds out. */
export class StoreIndeterminateError extends Error {
  override readonly name = 'StoreIndeterminateError'
  /**
   * Whether this append is on disk after all: known once `recover` has restored everything that was acknowledged.
   * `undefined` when it cannot be told, because the log was found damaged or was closed without recovering. Never rejects.
   */
  readonly tookEffect: Promise<boolean | undefined>

  constructor(options: { readonly cause: unknown; readonly tookEffect: Promise<boolean | undefined> }) {
    super('a write failed and may or may not be on disk; recover the log to learn which', options)
    this.tookEffect = options.tookEffect
  }
}

/** An earlier write failed, so nothing more is written; this append is not on disk. Recover the log, then try again. */
export class StorePoisonedError extends Error {
  override readonly name = 'StorePoisonedError'

  constructor(options: { readonly cause: unknown }) {
    super(
      'the store stopped after a failed write; nothing of this append is on disk, recover the log',
      options
    )
  }
}

/** The store or the log was closed before this call. */
export class StoreClosedError extends Error {
  override readonly name = 'StoreClosedError'

  constructor(what: string) {
    super(`${what} is closed; open it again`)
  }
}

/** Too much waits for the disk; nothing of this append is on disk. Wait for earlier appends, then try again. */
export class StoreQueueFullError extends Error {
  override readonly name = 'StoreQueueFullError'
  readonly queuedBytes: number
  readonly queuedAppends: number

  constructor(queuedBytes: number, queuedAppends: number) {
    super(
      `${queuedAppends} appends with ${queuedBytes} bytes wait for the disk; wait for earlier appends, then try again`
    )
    this.queuedBytes = queuedBytes
    this.queuedAppends = queuedAppends
  }
}
