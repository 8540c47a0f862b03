import { composeWrite, type StoreState, type Write } from './compose-write.ts'
import { GATHER_TURNS, OVERLAP_ROWS, type StoreLimits } from './config.ts'
import {
  StoreClosedError,
  StoreIndeterminateError,
  StorePoisonedError,
  StoreQueueFullError
} from './errors.ts'
import type { Level, LevelOperation } from './level.ts'
import type { LogState } from './log-state.ts'
import type { MarkValue } from './side-mark.ts'
import type { LogBatch, LogRow } from './types.ts'
import { WriteGroup } from './write-group.ts'

/** Counts over the life of a store, whatever queues it goes through. */
export interface Counters {
  appends: number
  writes: number
  rowsWritten: number
  bytesWritten: number
  queuedAppendsPeak: number
  queuedBytesPeak: number
  compactions: number
}

/** What the queue tells of. */
export interface CommitQueueEvents {
  /** A synced write is done. */
  synced(mark: MarkValue): void
  /** A write is done, which made the log's live bytes grow by `bytes`. */
  wrote(group: WriteGroup, bytes: number): void
  /** Nothing waits any more. */
  rest(): void
}

/** An append of which nobody knows yet whether it is on disk: it is if the log's batch number reached `batch`. */
export interface Indeterminate {
  readonly log: LogState
  readonly batch: bigint
  readonly settle: (tookEffect: boolean | undefined) => void
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
  readonly #counters: Counters
  readonly #events: CommitQueueEvents
  #indeterminate: Indeterminate[] = []
  #groups: WriteGroup[] = []
  #visits: (() => void)[] = []
  #queuedAppends = 0
  #queuedBytes = 0
  #queuedRows = 0
  #rowsInFlight = 0
  /** What the side mark has to say of the last synced write. */
  #mark: MarkValue | undefined
  #running: Promise<void> | undefined
  #poisoned: StorePoisonedError | undefined
  #closed = false

  constructor(
    level: Level,
    state: StoreState,
    limits: StoreLimits,
    counters: Counters,
    events: CommitQueueEvents
  ) {
    this.#level = level
    this.#state = state
    this.#limits = limits
    this.#counters = counters
    this.#events = events
  }

  get poisoned(): StorePoisonedError | undefined {
    return this.#poisoned
  }

  get queuedAppends(): number {
    return this.#queuedAppends
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Encodes the batch now and queues it. `bytes` is its checked size. */
  append(log: LogState, batch: LogBatch, bytes: number, sync: boolean): Promise<void> {
    const refused = this.#refusal(log, bytes)
    if (refused !== undefined) return Promise.reject(refused)
    let rows = log.rows
    for (let i = 0; i < batch.rows.length; i++) {
      const row = batch.rows[i] as LogRow
      if (row.hash !== undefined) rows++
      if (row.replaces !== undefined) rows--
    }
    if (rows < 0) {
      return Promise.reject(
        new RangeError('the batch replaces more rows than there are; give each row’s own hash')
      )
    }
    log.rows = rows
    const group = this.#groupFor(batch.rows.length, bytes)
    group.add(log, batch, bytes, sync)
    this.#queuedAppends++
    this.#queuedBytes += bytes
    this.#queuedRows += batch.rows.length
    const { queuedAppendsPeak, queuedBytesPeak } = this.#counters
    if (this.#queuedAppends > queuedAppendsPeak) this.#counters.queuedAppendsPeak = this.#queuedAppends
    if (this.#queuedBytes > queuedBytesPeak) this.#counters.queuedBytesPeak = this.#queuedBytes
    return this.#wait(group, log)
  }

  /** Deletes the log's meta row and these keys, as a write of its own. */
  drop(log: LogState, operations: readonly LevelOperation[]): Promise<void> {
    const refused = this.#refusal(log, 0)
    if (refused !== undefined) return Promise.reject(refused)
    const group = new WriteGroup()
    this.#groups.push(group)
    group.drop(log, operations)
    this.#queuedAppends++
    this.#queuedRows += operations.length
    return this.#wait(group, log)
  }

  /** Resolves when no append of this log waits for its answer. */
  async answered(log: LogState): Promise<void> {
    while (log.unanswered > 0) await new Promise<void>(resolve => this.quiet(resolve))
  }

  /** Calls `visit` when no write is in flight: then disk and memory say the same. */
  quiet(visit: () => void): void {
    if (this.#running === undefined) visit()
    else this.#visits.push(visit)
  }

  /** Hands over the log's appends that were in flight when a write failed. */
  takeIndeterminate(log: LogState): Indeterminate[] {
    const taken = this.#indeterminate.filter(one => one.log === log)
    this.#indeterminate = this.#indeterminate.filter(one => one.log !== log)
    return taken
  }

  /** Ends the queue after a failure outside a write. */
  poison(cause: unknown): void {
    if (this.#poisoned !== undefined) return
    this.#poisoned = new StorePoisonedError({ cause })
    const groups = this.#groups
    this.#groups = []
    this.#queuedAppends = 0
    this.#queuedBytes = 0
    this.#queuedRows = 0
    for (const { waiting } of groups) {
      for (const { log, reject } of waiting) {
        log.unanswered--
        reject(new StorePoisonedError({ cause }))
      }
    }
  }

  /** Resolves when nothing queued so far is left, written or not. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Takes no more and waits for what is queued. */
  close(): Promise<void> {
    this.#closed = true
    return this.idle()
  }

  #refusal(log: LogState, bytes: number): Error | undefined {
    if (this.#poisoned !== undefined) return new StorePoisonedError({ cause: this.#poisoned.cause })
    if (this.#closed) return new StoreClosedError('the store')
    // A log with nothing waiting always gets in, so that an owner who awaits each append is never refused for the others' sake.
    if (log.waiting === 0) return undefined
    const { queueAppendsMax, queueBytesMax } = this.#limits
    return this.#queuedAppends >= queueAppendsMax || this.#queuedBytes + bytes > queueBytesMax
      ? new StoreQueueFullError(this.#queuedBytes, this.#queuedAppends)
      : undefined
  }

  /** The last group, or a new one when that would grow beyond the limits of one write. */
  #groupFor(rows: number, bytes: number): WriteGroup {
    const last = this.#groups.at(-1)
    const { batchRowsMax, batchBytesMax } = this.#limits
    // Half of what is on its way: then one half is written while the callers of the other are at work.
    const half = Math.max(OVERLAP_ROWS, (this.#queuedRows + this.#rowsInFlight) / 2)
    const rowsMax = Math.min(batchRowsMax, half)
    if (last !== undefined && last.rows + rows <= rowsMax && last.bytes + bytes <= batchBytesMax) return last
    const group = new WriteGroup()
    this.#groups.push(group)
    return group
  }

  #wait(group: WriteGroup, log: LogState): Promise<void> {
    log.waiting++
    log.unanswered++
    return new Promise<void>((resolve, reject) => {
      group.waiting.push({ log, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    /** Written, but its callers were not told yet. */
    let done: WriteGroup | undefined
    for (;;) {
      if ((this.#groups[0]?.rows ?? 0) < OVERLAP_ROWS) {
        if (done !== undefined) answer(done)
        done = undefined
        for (let turn = 0; turn < GATHER_TURNS; turn++) await Promise.resolve()
      }
      for (const visit of this.#visits.splice(0)) visit()
      const group = this.#groups.shift()
      if (group === undefined) break
      this.#begin(group)
      const write = composeWrite(group, this.#state)
      const written = this.#level.batch(write.operations, { sync: write.sync })
      this.#tellMark()
      // Much waits, so the callers of the write before prepare their next appends while this one is on its way.
      if (done !== undefined) answer(done)
      done = undefined
      try {
        await written
        // What failed beside it, such as the side mark, ended the handle while the write was in flight.
        if (this.#poisoned !== undefined) throw this.#poisoned.cause
      } catch (cause) {
        this.#fail(group, write.batch, cause)
        continue
      }
      this.#land(group, write)
      done = group
    }
    this.#tellMark()
    this.#running = undefined
    if (this.#poisoned === undefined) this.#events.rest()
  }

  #begin(group: WriteGroup): void {
    this.#queuedAppends -= group.waiting.length
    this.#queuedBytes -= group.bytes
    this.#queuedRows -= group.rows
    this.#rowsInFlight = group.rows
    for (const { log } of group.waiting) log.waiting--
  }

  #land(group: WriteGroup, write: Write): void {
    this.#counters.writes++
    this.#counters.appends += group.waiting.length
    this.#counters.rowsWritten += group.rows
    this.#counters.bytesWritten += group.bytes
    const grown = write.land()
    if (write.sync) this.#mark = { batch: write.batch, clockMark: this.#state.clockMark }
    this.#events.wrote(group, grown)
  }

  /** The mark is told of while the next write is on its way, or nothing waits: no caller waits for it. */
  #tellMark(): void {
    if (this.#mark !== undefined) this.#events.synced(this.#mark)
    this.#mark = undefined
  }

  #fail(group: WriteGroup, batch: bigint, cause: unknown): void {
    for (const { log, reject } of group.waiting) {
      const { promise: tookEffect, resolve: settle } = Promise.withResolvers<boolean | undefined>()
      this.#indeterminate.push({ log, batch, settle })
      log.unanswered--
      reject(new StoreIndeterminateError({ cause, tookEffect }))
    }
    this.poison(cause)
  }
}

function answer(group: WriteGroup): void {
  for (const { log, resolve } of group.waiting) {
    log.unanswered--
    resolve()
  }
}
