import { equalBytes } from '@starling/codec'
import {
  encodeEvidence,
  encodeKey,
  encodeLive,
  joinEntries,
  type Entry,
  type EntryChange,
  type ReplicaId
} from '@starling/ormap'
import type { TimerHandle } from '@starling/ports'
import type { Group, Staged } from './commit-queue.ts'
import { REOPEN_MS, REOPEN_MS_MAX, RESTORE_BYTES_MAX, RESTORE_ROWS_MAX } from './config.ts'
import type { Core } from './core.ts'
import { IndeterminateWriteError, ReplicaPoisonedError } from './errors.ts'
import { readPair, sortRows } from './load-log.ts'
import type { FoundLog, LogBatch, LogRow, RecoveredRow } from './ports.ts'
import type { Write } from './stage-commit.ts'
import type { Change } from './types.ts'

/** The batch that was on its way when the log failed. */
interface Indeterminate {
  readonly writes: readonly {
    readonly key: string
    readonly replica: ReplicaId
    readonly stamp: bigint
    /** Only of what a repaired clock writes. */
    readonly repaired: Pick<Write, 'entry' | 'repair'> | undefined
  }[]
  readonly settle: (tookEffect: boolean | undefined) => void
}

/** A row as it has to be on disk; its bytes are made only if they are not there. */
interface AppliedRow {
  readonly kind: LogRow['kind']
  readonly key: Uint8Array
  readonly hash: Uint8Array
  readonly value: Uint8Array
}

/**
 * What follows a failed log: callers are told, and the log is recovered, again and again until it works. Every applied row that the
 * disk lacks is written once more, synced, before anything is acknowledged again.
 */
export class Reopening {
  readonly #core: Core
  readonly #reopened: () => void
  #indeterminate: Indeterminate[] = []
  #running: Promise<void> | undefined
  #timer: TimerHandle | undefined
  #pauseMs = REOPEN_MS
  #stopped = false

  /** @param reopened called after each recovery that worked. */
  constructor(core: Core, reopened: () => void) {
    this.#core = core
    this.#reopened = reopened
  }

  /** The log failed. */
  failed(error: unknown, inFlight: Group<Write>, waiting: readonly Staged<Write>[]): void {
    const { state, init } = this.#core
    this.#core.failure = { error }
    this.#core.emit({ type: 'poisoned', error })
    for (const { writes } of [...inFlight.commits, ...waiting]) {
      for (const { key, growth } of writes) state.land(key, growth)
    }
    // All of a batch is on disk, or nothing is: that also answers a commit that only waited for one before it.
    const tookEffect = this.#tellLater(inFlight.commits.flatMap(commit => commit.writes))
    for (const commit of inFlight.commits) {
      commit.reject(new IndeterminateWriteError(keysOf(commit.writes), error, tookEffect))
    }
    for (const commit of waiting) commit.reject(new ReplicaPoisonedError(init.name, error))
    this.#pauseMs = REOPEN_MS
    this.#tryLater()
  }

  /** Recovers the log now, or joins in the attempt that is under way. */
  reopen(): Promise<void> {
    if (this.#core.failure === undefined) return Promise.resolve()
    this.#timer?.cancel()
    this.#running ??= this.#reopen().finally(() => (this.#running = undefined))
    return this.#running
  }

  /** No attempt follows; waits for the one under way. What is still indeterminate stays so. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#running?.catch(() => undefined)
    for (const { settle } of this.#indeterminate.splice(0)) settle(undefined)
  }

  /** Resolves once it is known whether the writes took effect. */
  #tellLater(writes: readonly Write[]): Promise<boolean | undefined> {
    const kept = writes.map(({ key, replica, stamp, entry, repair }) => {
      const repaired = repair === undefined ? undefined : { entry, repair }
      return { key, replica, stamp, repaired }
    })
    const { promise, resolve: settle } = Promise.withResolvers<boolean | undefined>()
    // A log that cannot be recovered never tells.
    if (this.#stopped || this.#core.components.log.recover === undefined) settle(undefined)
    else this.#indeterminate.push({ writes: kept, settle })
    return promise
  }

  #tryLater(): void {
    const { log, timers } = this.#core.components
    if (this.#stopped || log.recover === undefined) return
    this.#timer = timers.schedule(this.#pauseMs, () => void this.reopen().catch(() => undefined))
    this.#pauseMs = Math.min(this.#pauseMs * 2, REOPEN_MS_MAX)
  }

  async #reopen(): Promise<void> {
    const { components, init, failure } = this.#core
    const { log } = components
    if (log.recover === undefined) throw new ReplicaPoisonedError(init.name, failure?.error)
    let recovery: Awaited<ReturnType<NonNullable<typeof log.recover>>>
    try {
      recovery = await log.recover(found => this.#restore(found))
    } catch (error) {
      const retryable = (error as { readonly retryable?: unknown } | undefined)?.retryable !== false
      this.#core.emit({ type: 'reopenFailed', error, retryable })
      if (retryable) this.#tryLater()
      // It may take an operator days; whoever waits for an answer is told that there is none.
      else for (const { settle } of this.#indeterminate) settle(undefined)
      throw error
    }
    log.releaseRecovered?.()
    this.#resume(recovery)
  }

  #resume({
    found: onDisk,
    rowsRestored,
    proven
  }: Awaited<ReturnType<NonNullable<Core['components']['log']['recover']>>>): void {
    const { state, side, identity, queue } = this.#core
    const whole = proven && onDisk.quarantined.length === 0
    state.ledger.meetAll()
    side.met()
    const found = this.#indeterminate.splice(0).map(one => ({ ...one, tookEffect: this.#tookEffect(one) }))
    if (whole) {
      for (const { writes, tookEffect } of found) if (tookEffect) this.#noteApplied(writes)
      // No write of this id is counted on any more that is not known to be there.
      identity.renew()
    } else {
      identity.doubt()
    }
    queue.resume()
    this.#core.failure = undefined
    for (const { settle, tookEffect } of found) settle(tookEffect || whole ? tookEffect : undefined)
    this.#core.emit({ type: 'reopened', rowsRestored, proven: whole })
    if (side.waits) queue.nudge()
    this.#reopened()
  }

  #tookEffect({ writes }: Indeterminate): boolean {
    const { map } = this.#core.state
    return writes.every(({ key, replica, stamp }) =>
      map.get(key)?.items.some(item => item.replica === replica && item.stamp >= stamp)
    )
  }

  #noteApplied(writes: Indeterminate['writes']): void {
    const { identity } = this.#core
    for (const { replica, stamp } of writes) if (replica === identity.current) identity.known.applied(stamp)
  }

  /** Takes in what only the disk has, which is what failed and took effect; then lists what the disk lacks. */
  *#restore(found: FoundLog): Generator<LogBatch> {
    const { identity } = this.#core
    const { pairs } = sortRows(found.rows)
    const changes: Change[] = []
    // Only what was on its way can be ahead of the applied state; elsewhere the disk may hold what was collected since.
    const writes = this.#indeterminate.flatMap(one => one.writes)
    const repairs = new Map(writes.map(({ key, repaired }) => [key, repaired]))
    // A write of the same batch on top of what a repair wrote takes nothing back of it.
    for (const { key, repaired } of writes) if (repaired !== undefined) repairs.set(key, repaired)
    for (const [key, repaired] of repairs) {
      const pair = pairs.get(key)
      const entry = pair && readPair(pair).entry
      const change = entry && this.#takeBack(key, entry, repaired)
      if (change !== undefined) changes.push({ ...change, cause: 'written', origin: 'local' })
    }
    this.#core.tell(changes)
    const onDisk = new Map<string, RecoveredRow>()
    for (const row of found.rows) onDisk.set(nameOf(row), row)
    let rows: LogRow[] = []
    let bytes = 0
    const clockMark = identity.mark
    const add = function* (row: LogRow): Generator<LogBatch> {
      rows.push(row)
      bytes += row.key.length + (row.value?.length ?? 0)
      if (rows.length < RESTORE_ROWS_MAX && bytes < RESTORE_BYTES_MAX) return
      yield { rows, clockMark }
      rows = []
      bytes = 0
    }
    for (const row of this.#appliedRows()) {
      const name = nameOf(row)
      const before = onDisk.get(name)
      onDisk.delete(name)
      if (before !== undefined && equalBytes(before.hash, row.hash)) continue
      yield* add({ ...row, replaces: before?.hash })
    }
    for (const { kind, key, hash } of onDisk.values()) {
      yield* add({ kind, key, value: undefined, hash: undefined, replaces: hash })
    }
    if (rows.length > 0) yield { rows, clockMark }
  }

  /** By join; but what a repair has taken out of an entry on disk must not come back with the entry as it was. */
  #takeBack(
    key: string,
    entry: Entry,
    repaired: Indeterminate['writes'][number]['repaired']
  ): EntryChange | undefined {
    const { state } = this.#core
    const held = state.map.get(key)
    const isDone = repaired !== undefined && joinEntries(entry, repaired.entry) === entry
    if (!isDone || held === undefined || repaired.repair === undefined) return state.join(key, entry)
    return state.replace(key, joinEntries(repaired.repair(held), entry))
  }

  /** What the disk has to hold: rows beside the keys' first, since they must not be missing when the others are there. */
  *#appliedRows(): Generator<AppliedRow> {
    const { state, side } = this.#core
    yield* side.rows()
    for (const [key, entry] of state.map.allEntries()) yield* this.#rowsOf(key, entry)
  }

  *#rowsOf(key: string, entry: Entry): Generator<AppliedRow> {
    const { hash } = this.#core.components
    const { map } = this.#core.state
    const itemHash = map.itemHash(key)
    const live = itemHash && encodeLive(key, entry, () => itemHash as Uint8Array<ArrayBuffer>)
    const evidence = encodeEvidence(key, entry, hash)
    const keyBytes = encodeKey(key)
    if (live !== undefined) yield { kind: 'live', key: keyBytes, hash: live.hash, value: live.bytes }
    if (evidence !== undefined) {
      yield { kind: 'evidence', key: keyBytes, hash: evidence.hash, value: evidence.bytes }
    }
  }
}

function keysOf(writes: readonly Write[]): readonly string[] {
  return [...new Set(writes.map(({ key }) => key))]
}

function nameOf({ kind, key }: Pick<RecoveredRow, 'kind' | 'key'>): string {
  let name: string = kind
  for (const byte of key) name += String.fromCharCode(byte)
  return name
}
