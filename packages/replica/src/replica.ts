import type { SourceSkew } from '@starling/hlc'
import { EVIDENCE_MS, type Entry, type OnStale, type SetAsideDot } from '@starling/ormap'
import { Acknowledgements } from './acknowledgements.ts'
import { encodeCustom, readCustom } from './announce.ts'
import { BatchWriter } from './batch-writer.ts'
import { callUser } from './call-user.ts'
import { ACKNOWLEDGE_MS, ACKNOWLEDGE_MS_MAX } from './config.ts'
import { Core } from './core.ts'
import { readBroadcast } from './frames.ts'
import { replicaFigures, type ReplicaFigures } from './figures.ts'
import { Housekeeping } from './housekeeping.ts'
import { Intake } from './intake.ts'
import { LocalWrites } from './local-writes.ts'
import type { PeerPort, SyncProtocol } from './ports.ts'
import { RangeExchange } from './range-exchange.ts'
import { Reopening } from './reopening.ts'
import { repairClock } from './repair-clock.ts'
import { Sessions } from './session-state.ts'
import type {
  CommitOptions,
  Operation,
  OperationResult,
  Replica,
  ReplicaComponents,
  ReplicaInit,
  ReplicaStats,
  ReplicaStatus
} from './types.ts'

/**
 * Opens a replica on a log: rebuilds its state, tells the owner, and listens to the broadcast.
 *
 * @throws RangeError for a limit that is none.
 */
export async function createReplica(components: ReplicaComponents, init: ReplicaInit): Promise<Replica> {
  return new LoggedReplica(components, init)
}

class LoggedReplica implements Replica {
  readonly name: string
  readonly protocol: SyncProtocol
  readonly #core: Core
  readonly #writes: LocalWrites
  readonly #intake: Intake
  readonly #acknowledgements: Acknowledgements
  readonly #reopening: Reopening
  readonly #housekeeping: Housekeeping
  readonly #stopListening: () => void
  readonly #figures: ReplicaFigures | undefined
  readonly #stopFigures: (() => void) | undefined
  #repairing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(components: ReplicaComponents, init: ReplicaInit) {
    this.name = init.name
    const core = new Core(
      components,
      init,
      whole => new BatchWriter(whole, (...failed) => this.#reopening.failed(...failed))
    )
    this.#core = core
    this.#writes = new LocalWrites(core)
    this.#intake = new Intake(core, init.evidenceMs ?? EVIDENCE_MS)
    this.#acknowledgements = new Acknowledgements(core, this.#intake)
    this.#housekeeping = new Housekeeping(core)
    this.#reopening = new Reopening(core, () => this.#housekeeping.noticeEnds())
    this.protocol = this.#makeProtocol()
    const { keys, badRows, quarantined, damaged } = core.loaded
    core.emit({ type: 'recovered', keys, badRows, quarantined, damaged })
    this.#housekeeping.noticeEnds()
    this.#figures = components.metrics === undefined ? undefined : replicaFigures(components.metrics)
    this.#stopFigures = this.#figures?.add(this.name, this)
    this.#stopListening = components.broadcast.onMessage((payload, from) => this.#onMessage(payload, from))
  }

  get size(): number {
    return this.#core.state.map.size
  }

  async commit(
    operations: readonly Operation[],
    options: CommitOptions = {}
  ): Promise<readonly OperationResult[]> {
    const { replicas = 1, timeoutMs = ACKNOWLEDGE_MS, signal } = options
    if (!Number.isSafeInteger(replicas) || replicas < 1) {
      throw new RangeError(`replicas must be a whole number of at least 1, got ${replicas}`)
    }
    if (!(timeoutMs >= 0 && timeoutMs <= ACKNOWLEDGE_MS_MAX)) {
      throw new RangeError(`timeoutMs must be from 0 to ${ACKNOWLEDGE_MS_MAX}, got ${timeoutMs}`)
    }
    signal?.throwIfAborted()
    // While a clock is being repaired, what it stamped in the future is still here, and no write can exceed it.
    while (this.#repairing !== undefined) await this.#repairing.catch(() => undefined)
    this.#core.assertWorks()
    const { clock } = this.#core.components
    const startedMs = this.#figures === undefined ? 0 : clock.monotonicMs()
    const committed = this.#writes.stage(operations)
    const durable = this.#writes.add(committed.writes, committed.bytes)
    this.#housekeeping.noticeEnds()
    await durable
    this.#figures?.commits.observe((clock.monotonicMs() - startedMs) / 1_000)
    this.#housekeeping.noticeEnds()
    const { onDurable } = options
    if (onDurable !== undefined) {
      callUser(
        () => onDurable(committed.results),
        error => this.#core.emit({ type: 'ownerFailed', error })
      )
    }
    if (replicas > 1 && committed.writes.length > 0) {
      await this.#acknowledgements.collect(committed, replicas - 1, options)
    }
    return committed.results
  }

  entry(key: string): Entry | undefined {
    return this.#core.state.map.get(key)
  }

  entries(): IterableIterator<[key: string, entry: Entry]> {
    return this.#core.state.map.entries()
  }

  allEntries(): IterableIterator<[key: string, entry: Entry]> {
    return this.#core.state.map.allEntries()
  }

  versionOf(entry: Entry): string | undefined {
    return this.#writes.versionOf(entry)
  }

  root(): { readonly sum: Uint8Array; readonly count: number } {
    return this.#core.state.map.root
  }

  broadcastCustom(payload: Uint8Array): void {
    this.#core.assertWorks()
    const { broadcast } = this.#core.components
    const bytesMax = Math.min(broadcast.messageBytesMax ?? Infinity, this.#core.limits.broadcastBytesMax) - 1
    if (payload.length > bytesMax) {
      throw new RangeError(`a message has at most ${bytesMax} bytes, got ${payload.length}`)
    }
    try {
      broadcast.broadcast(encodeCustom(payload))
    } catch (error) {
      this.#core.emit({ type: 'broadcastFailed', error })
    }
  }

  setPeers(peers: PeerPort | undefined): void {
    this.#acknowledgements.peers = peers
  }

  status(): ReplicaStatus {
    const { identity, state, refusals, aside, wallMs } = this.#core
    return {
      state: this.#phase,
      clockAheadMs: identity.clock.isAhead(wallMs) ? identity.clock.aheadMs(wallMs) : 0,
      overQuota: state.quota.isOver,
      refused: refusals.counts(),
      staleConflict: aside.conflict,
      stale: aside.size,
      damagedKeys: [...state.damaged]
    }
  }

  stats(): ReplicaStats {
    const { identity, state, queue, counters } = this.#core
    return {
      state: this.#phase,
      replica: identity.current,
      clock: identity.clock.last,
      liveKeys: this.size,
      entries: state.map.entryCount,
      bytes: state.quota.bytes,
      evidence: state.evidence,
      knownIds: identity.known.size,
      waitingBytes: queue.waitingBytes,
      ...counters.snapshot()
    }
  }

  skew(): readonly SourceSkew[] {
    return this.#core.skew.all()
  }

  stale(): readonly SetAsideDot[] {
    return this.#core.aside.stale()
  }

  decideStale(onStale: OnStale): void {
    if (onStale !== 'set-aside' && onStale !== 'keep') {
      throw new TypeError(`onStale is 'set-aside' or 'keep', got ${JSON.stringify(onStale)}`)
    }
    this.#core.aside.decide(onStale)
  }

  async reopen(): Promise<void> {
    if (this.#core.phase !== 'open') this.#core.assertWorks()
    await this.#reopening.reopen()
  }

  async repairClock(): Promise<void> {
    this.#core.assertWorks()
    // One at a time: a second one would take what the first is writing for something still to be repaired.
    this.#repairing ??= repairClock(this.#core, this.#writes).finally(() => (this.#repairing = undefined))
    await this.#repairing
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async destroy(): Promise<void> {
    const { log } = this.#core.components
    if (log.destroy === undefined) throw new TypeError('the log of this replica cannot be destroyed')
    // A log that failed to close is to be deleted all the same; whether it can be, it says itself.
    await this.close().catch(() => undefined)
    await log.destroy()
  }

  get #phase(): ReplicaStatus['state'] {
    const { phase, failure } = this.#core
    return phase === 'open' && failure !== undefined ? 'poisoned' : phase
  }

  async #close(): Promise<void> {
    this.#core.phase = 'closing'
    this.#stopListening()
    this.#housekeeping.stop()
    try {
      // It may have been called by who is told of a change, in the middle of a turn that changes more.
      await Promise.resolve()
      await this.#core.queue.idle()
    } finally {
      this.#acknowledgements.stop()
      await this.#reopening.stop()
      this.#core.phase = 'closed'
      this.#stopFigures?.()
      await this.#core.components.log.close()
    }
  }

  #makeProtocol(): SyncProtocol {
    const core = this.#core
    const { clock, random, hash } = core.components
    const { limits, driftMsMax } = core
    const sessions = new Sessions({ core, intake: this.#intake, writes: this.#writes })
    const exchange = new RangeExchange(sessions, { clock, random, hash, limits, driftMsMax })
    return {
      reconcile: async (conversation, context) => {
        try {
          return await exchange.reconcile(conversation, context)
        } finally {
          this.#housekeeping.noticeEnds()
        }
      },
      answer: async (payload, peer) => {
        try {
          return await this.#acknowledgements.answer(payload, peer)
        } finally {
          this.#housekeeping.noticeEnds()
        }
      }
    }
  }

  #onMessage(payload: Uint8Array, from: string): void {
    const { works, counters, queue, limits, init } = this.#core
    const { dropped } = counters
    if (!works) {
      dropped.unavailable++
      return
    }
    const custom = readCustom(payload)
    if (custom !== undefined) {
      callUser(
        () => init.owner.custom?.(custom, from),
        error => this.#core.emit({ type: 'ownerFailed', error })
      )
      return
    }
    // The broadcast cannot wait for the disk. What is dropped is a hint; reconciliation brings it again.
    if (queue.touchedBytes > limits.backlogBytesMax) {
      dropped.backlog++
      return
    }
    const entries = readBroadcast(payload, limits.frameBytesMax)
    if (entries === undefined) {
      dropped.malformed++
      this.#core.emit({ type: 'rejected', peer: from, reasons: new Map([['malformed', 1]]) })
      return
    }
    this.#intake.take(entries, from)
    this.#housekeeping.noticeEnds()
  }
}
