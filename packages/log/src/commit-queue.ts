import type { Fingerprint } from '@starling/reconcile/fingerprint'
import { GATHER_TURNS, type StoreLimits } from './config.ts'
import {
  StoreClosedError,
  StoreIndeterminateError,
  StorePoisonedError,
  StoreQueueFullError
} from './errors.ts'
import { STORE_KEY, rowKey } from './keys.ts'
import type { Level, LevelOperation } from './level.ts'
import type { LogState } from './log-state.ts'
import { encodeMeta, encodeRow, encodeStoreRow } from './rows.ts'
import type { MarkValue } from './side-mark.ts'
import type { LogBatch } from './types.ts'

/** The store's own row, as of the last write. */
export interface StoreState {
  batch: bigint
  clockMark: bigint
  /** Over all logs. */
  readonly sum: Fingerprint
  damagedAt: bigint
}

interface Pending {
  readonly log: LogState
  readonly operations: readonly LevelOperation[]
  readonly added: readonly Uint8Array[]
  readonly removed: readonly Uint8Array[]
  readonly clockMark: bigint
  readonly bytes: number
  readonly sync: boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Group commit: one write at a time, in call order. Everything that is queued when a write starts, of all logs, shares it,
 * together with the meta row of every log it touches and the store's row.
 *
 * The first failed write ends it for good. After one full disk LevelDB acknowledges later synced writes that are gone
 * after reopening (measured), so nothing after a failure may be believed.
 */
export class CommitQueue {
  readonly #level: Level
  readonly #state: StoreState
  readonly #limits: StoreLimits
  readonly #synced: (mark: MarkValue) => void
  #queue: Pending[] = []
  #queuedBytes = 0
  #running: Promise<void> | undefined
  #poisoned: StorePoisonedError | undefined
  #closed = false
  #appends = 0
  #writes = 0
  #rowsWritten = 0
  #bytesWritten = 0

  constructor(level: Level, state: StoreState, limits: StoreLimits, synced: (mark: MarkValue) => void) {
    this.#level = level
    this.#state = state
    this.#limits = limits
    this.#synced = synced
  }

  get poisoned(): StorePoisonedError | undefined {
    return this.#poisoned
  }

  get counters(): {
    readonly appends: number
    readonly writes: number
    readonly rowsWritten: number
    readonly bytesWritten: number
    readonly queuedAppends: number
    readonly queuedBytes: number
  } {
    return {
      appends: this.#appends,
      writes: this.#writes,
      rowsWritten: this.#rowsWritten,
      bytesWritten: this.#bytesWritten,
      queuedAppends: this.#queue.length,
      queuedBytes: this.#queuedBytes
    }
  }

  /** Encodes the batch now and queues it. `bytes` is its checked size. */
  append(log: LogState, batch: LogBatch, bytes: number, sync: boolean): Promise<void> {
    if (this.#closed) return Promise.reject(new StoreClosedError('the store'))
    if (this.#poisoned !== undefined) {
      return Promise.reject(new StorePoisonedError({ cause: this.#poisoned.cause }))
    }
    // A log with nothing waiting always gets in, so that an owner who awaits each append is never refused for the others' sake.
    if (
      log.waiting > 0 &&
      (this.#queue.length >= this.#limits.queueAppendsMax ||
        this.#queuedBytes + bytes > this.#limits.queueBytesMax)
    ) {
      return Promise.reject(new StoreQueueFullError(this.#queuedBytes, this.#queue.length))
    }
    const added = copies(batch.rows.map(row => row.hash))
    const removed = copies(batch.rows.map(row => row.replaces))
    const rows = log.rows + added.length - removed.length
    if (rows < 0) {
      return Promise.reject(
        new RangeError('the batch replaces more rows than there are; give each row’s own hash')
      )
    }
    log.rows = rows
    log.waiting++
    return new Promise<void>((resolve, reject) => {
      this.#queue.push({
        log,
        operations: batch.rows.map(row => operation(log, row)),
        added,
        removed,
        clockMark: batch.clockMark,
        bytes,
        sync,
        resolve,
        reject
      })
      this.#queuedBytes += bytes
      this.#running ??= this.#run()
    })
  }

  /** Ends the queue after a failure outside a write. */
  poison(cause: unknown): void {
    if (this.#poisoned !== undefined) return
    this.#poisoned = new StorePoisonedError({ cause })
    const queued = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    for (const pending of queued) pending.reject(new StorePoisonedError({ cause }))
  }

  /** Resolves when nothing queued so far is left, written or not. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Takes no more and waits for what is queued. */
  async close(): Promise<void> {
    this.#closed = true
    await this.idle()
  }

  async #run(): Promise<void> {
    for (let turn = 0; turn < GATHER_TURNS; turn++) await Promise.resolve()
    while (this.#queue.length > 0) {
      const group = this.#take()
      const sync = group.some(pending => pending.sync)
      try {
        await this.#level.batch(this.#compose(group), { sync })
      } catch (cause) {
        for (const pending of group) pending.reject(new StoreIndeterminateError({ cause }))
        this.poison(cause)
        break
      }
      this.#writes++
      this.#appends += group.length
      if (sync) this.#synced({ batch: this.#state.batch, clockMark: this.#state.clockMark })
      for (const pending of group) pending.resolve()
      for (let turn = 0; turn < GATHER_TURNS; turn++) await Promise.resolve()
    }
    this.#running = undefined
  }

  /** The longest run of queued appends within the limits of one write; at least one. */
  #take(): Pending[] {
    let rows = 0
    let bytes = 0
    let count = 0
    for (const pending of this.#queue) {
      rows += pending.operations.length
      bytes += pending.bytes
      if (count > 0 && (rows > this.#limits.batchRowsMax || bytes > this.#limits.batchBytesMax)) break
      count++
    }
    const group = this.#queue.splice(0, count)
    for (const pending of group) {
      this.#queuedBytes -= pending.bytes
      pending.log.waiting--
    }
    return group
  }

  /** Moves the sums on and lists the write's operations. The sums are right only if it succeeds; else nothing reads them. */
  #compose(group: readonly Pending[]): LevelOperation[] {
    const state = this.#state
    const operations: LevelOperation[] = []
    const logs = new Set<LogState>()
    state.batch += 1n
    for (const pending of group) {
      const log = pending.log
      if (!logs.has(log)) {
        logs.add(log)
        for (const one of log.repairs) operations.push(one)
        this.#accept(log)
        log.batch = state.batch
      }
      for (const one of pending.operations) operations.push(one)
      for (const hash of pending.added) {
        log.sum.add(hash)
        state.sum.add(hash)
      }
      for (const hash of pending.removed) {
        log.sum.remove(hash)
        state.sum.remove(hash)
      }
      if (pending.clockMark > log.clockMark) log.clockMark = pending.clockMark
      if (pending.clockMark > state.clockMark) state.clockMark = pending.clockMark
      this.#rowsWritten += pending.operations.length
      this.#bytesWritten += pending.bytes
    }
    for (const log of logs) {
      operations.push({ type: 'put', key: log.metaKey, value: encodeMeta(log.metaKey, log) })
    }
    operations.push({ type: 'put', key: STORE_KEY, value: encodeStoreRow(STORE_KEY, state) })
    return operations
  }

  /** What reading the log found takes the place of what its meta row promised. */
  #accept(log: LogState): void {
    log.repairs = []
    log.metaDamaged = false
    if (log.found === undefined) return
    this.#state.sum.subtract(log.sum)
    this.#state.sum.combine(log.found)
    log.sum = log.found
    log.found = undefined
  }
}

function operation(log: LogState, row: LogBatch['rows'][number]): LevelOperation {
  const key = rowKey(log.name, row.kind, row.key)
  return row.value === undefined || row.hash === undefined
    ? { type: 'del', key }
    : { type: 'put', key, value: encodeRow(key, row.hash, row.value) }
}

/** Not slice(): a Node buffer's is a view. */
function copies(hashes: readonly (Uint8Array | undefined)[]): Uint8Array[] {
  return hashes.flatMap(hash => (hash === undefined ? [] : new Uint8Array(hash)))
}
