import type { Log } from '@starling/ports'
import { DRIFT_MS_MAX, SkewReport } from '@starling/hlc'
import {
  BY_AGE,
  EVIDENCE_MS,
  Refusals,
  SetAside,
  type Entry,
  type EntryChange,
  type Forgetting
} from '@starling/ormap'
import { guardedLog } from '@starling/ports/guarded'
import { callUser } from './call-user.ts'
import { CommitQueue, type CommitQueueTarget } from './commit-queue.ts'
import { LINGER_MS, resolveLimits, type ReplicaLimits } from './config.ts'
import { Counters } from './counters.ts'
import { ReplicaClosedError, ReplicaPoisonedError } from './errors.ts'
import { Identity } from './identity.ts'
import { loadLog, type Loaded } from './load-log.ts'
import { logEvent } from './log-event.ts'
import { ReplicaState } from './replica-state.ts'
import { SideRows } from './side-rows.ts'
import { rowBytes } from './split-entry.ts'
import type { Write } from './stage-commit.ts'
import type { Change, ReplicaComponents, ReplicaEvent, ReplicaInit } from './types.ts'

const IGNORED = (): void => undefined

/** What the rooms of a replica share: its state, its identity, its queue to the log, and whom it tells. */
export class Core {
  readonly components: ReplicaComponents
  readonly init: ReplicaInit
  readonly limits: ReplicaLimits
  readonly driftMsMax: number
  readonly state: ReplicaState
  readonly side: SideRows
  readonly identity: Identity
  readonly aside: SetAside
  readonly refusals: Refusals = new Refusals()
  readonly skew: SkewReport = new SkewReport()
  readonly counters: Counters = new Counters()
  readonly queue: CommitQueue<Write>
  /** What the absence of a write means here. */
  readonly forgetting: Forgetting
  readonly #log: Log | undefined
  /** What was found on disk. */
  readonly loaded: Loaded
  phase: 'open' | 'closing' | 'closed' = 'open'
  /** The wall time up to which the owner has been told of values that ended. */
  endsToldMs: number
  /** Set while the log has failed. */
  failure: { readonly error: unknown } | undefined

  /** @param target made of this; used once it is whole. */
  constructor(
    components: ReplicaComponents,
    init: ReplicaInit,
    target: (core: Core) => CommitQueueTarget<Write>
  ) {
    const { clock, random, hash, log } = components
    const { driftMsMax = DRIFT_MS_MAX, quota, onStale = 'set-aside', evidenceMs = EVIDENCE_MS } = init
    this.components = components
    const { logger } = components
    this.#log = logger === undefined ? undefined : guardedLog(logger, 'starling:replica')
    this.endsToldMs = clock.wallMs()
    this.init = init
    this.limits = resolveLimits(init.limits)
    this.driftMsMax = driftMsMax
    this.side = new SideRows(hash)
    this.aside = new SetAside({ onStale })
    const rows = loadLog(log.recovered, { side: this.side, aside: this.aside, random })
    const { knownRows } = rows
    this.forgetting = init.forgetting === 'byAge' ? BY_AGE : { type: 'byKnown', known: knownRows.known }
    this.state = new ReplicaState({
      hash,
      clock,
      forgetting: this.forgetting,
      quota: { entriesMax: Infinity, bytesMax: Infinity, ...quota },
      driftMsMax,
      evidenceMs
    })
    this.loaded = rows.into(this.state, changes => this.tell(changes))
    log.releaseRecovered?.()
    this.identity = new Identity({
      clock,
      random,
      knownRows,
      driftMsMax,
      floor: this.loaded.clockFloor,
      reserves: log.durability === 'async' || log.durability === 'memory'
    })
    if (this.loaded.doubtful) this.identity.doubt()
    this.counters.badRows = this.loaded.badRows
    this.counters.quarantined = this.loaded.quarantined
    this.queue = new CommitQueue(target(this), this.limits, {
      timers: components.timers,
      lingerMs: init.lingerMs ?? LINGER_MS
    })
  }

  get wallMs(): number {
    return this.components.clock.wallMs()
  }

  /** Whether entries are taken in and rows written. */
  get works(): boolean {
    return this.phase === 'open' && this.failure === undefined
  }

  /** @throws ReplicaClosedError, ReplicaPoisonedError */
  assertWorks(): void {
    if (this.phase !== 'open') throw new ReplicaClosedError(this.init.name)
    if (this.failure !== undefined) throw new ReplicaPoisonedError(this.init.name, this.failure.error)
  }

  /** Looks whether the clocks parted, before anything is written under an id that may be another's by now. */
  checkClocks(): void {
    if (!this.identity.hasParted()) return
    this.doubt()
    this.emit({ type: 'clockParted' })
  }

  /** Nothing is certain any more: what was known is forgotten, and the next write has another id. */
  doubt(): void {
    this.identity.doubt()
    if (this.side.waits && this.works) this.queue.nudge()
  }

  /**
   * Joins an entry that no commit made into the state, and has its row written.
   *
   * @param wire what it came as, when that is how it counts.
   */
  take(key: string, entry: Entry, wire?: Uint8Array): EntryChange | undefined {
    const change = this.state.join(key, entry, undefined, wire)
    if (change !== undefined) this.queue.touch(key, rowBytes(key, change.entry))
    return change
  }

  /** Tells the owner. */
  tell(changes: readonly Change[]): void {
    if (changes.length === 0) return
    callUser(
      () => this.init.owner.applied(changes, this.endsToldMs),
      error => this.emit({ type: 'ownerFailed', error })
    )
  }

  emit(event: ReplicaEvent): void {
    if (this.#log !== undefined) logEvent(this.#log, this.init.name, event)
    // Who listens to events has nobody to report to; the replica goes on.
    callUser(() => this.init.onEvent?.(event), IGNORED)
  }
}
