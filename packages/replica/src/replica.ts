import { HybridLogicalClock } from '@starling/hlc'
import {
  hasLiveDot,
  ObservedRemoveMap,
  REPLICA_ID_BYTES,
  replicaIdOf,
  versionOf,
  type Entry,
  type ReplicaId
} from '@starling/ormap'
import type { Hash } from '@starling/ports'
import { wireFingerprint } from '@starling/reconcile/fingerprint'
import { announce } from './announce.ts'
import { CommitQueue, type Group, type Staged } from './commit-queue.ts'
import { resolveLimits, type ReplicaLimits } from './config.ts'
import { Counters } from './counters.ts'
import {
  IndeterminateWriteError,
  ReplicaClosedError,
  ReplicaPoisonedError,
  WriteQueueFullError
} from './errors.ts'
import { formRows } from './form-rows.ts'
import { readBroadcast } from './frames.ts'
import { FullExchange, type Received } from './full-exchange.ts'
import { takeIn } from './intake.ts'
import type { SyncProtocol } from './ports.ts'
import { recover } from './recovery.ts'
import { RowLedger } from './row-ledger.ts'
import { rowBytes, splitEntry } from './split-entry.ts'
import { stageCommit, type Write } from './stage-commit.ts'
import { StagedState } from './staged-state.ts'
import type {
  Change,
  Operation,
  OperationResult,
  Replica,
  ReplicaComponents,
  ReplicaEvent,
  ReplicaInit,
  ReplicaStats
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
  readonly #components: ReplicaComponents
  readonly #init: ReplicaInit
  readonly #limits: ReplicaLimits
  readonly #hash: Hash
  readonly #state: StagedState
  readonly #ledger: RowLedger
  readonly #clock: HybridLogicalClock
  readonly #queue: CommitQueue<Write>
  readonly #counters = new Counters()
  readonly #stopListening: () => void
  #id: ReplicaId | undefined
  #failure: { readonly error: unknown } | undefined
  #phase: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<void> | undefined

  constructor(components: ReplicaComponents, init: ReplicaInit) {
    this.name = init.name
    this.#components = components
    this.#init = init
    this.#limits = resolveLimits(init.limits)
    this.#hash = components.hash
    this.#state = new StagedState(new ObservedRemoveMap(components.hash))
    this.#ledger = new RowLedger(components.hash)
    const { log } = components
    const recovery = recover(log, this.#state.applied, this.#ledger, changes => this.#tellOwner(changes))
    const { driftMsMax } = init
    this.#clock = new HybridLogicalClock({
      floor: recovery.clockFloor,
      ...(driftMsMax === undefined ? {} : { driftMsMax })
    })
    this.#counters.badRows = recovery.badRows
    this.#counters.quarantined = recovery.quarantined
    this.#queue = new CommitQueue<Write>(
      {
        append: group => this.#append(group),
        durable: group => this.#durable(group),
        failed: (error, inFlight, waiting) => this.#poison(error, inFlight, waiting)
      },
      this.#limits
    )
    this.protocol = new FullExchange(
      {
        assertReady: () => this.#assertWritable(),
        fingerprint: () => wireFingerprint(this.#state.applied.root, this.#hash),
        keys: () => Array.from(this.allEntries(), ([key]) => key),
        encode: (key, bytesMax) => this.#encode(key, bytesMax),
        receive: (entries, peer) => this.#receive(entries, peer)
      },
      this.#limits
    )
    const { keys, badRows, quarantined } = recovery
    this.#emit({ type: 'recovered', keys, badRows, quarantined, damaged: log.recovered.damaged })
    this.#stopListening = components.broadcast.onMessage((payload, from) => this.#onBroadcast(payload, from))
  }

  get size(): number {
    return this.#state.applied.size
  }

  async commit(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    this.#assertWritable()
    const { commitBytes } = this.#queue
    if (commitBytes > this.#limits.queueBytesMax) {
      throw new WriteQueueFullError(commitBytes, this.#limits.queueBytesMax)
    }
    const { writes, results, bytes } = stageCommit(operations, {
      base: this.#state,
      clock: this.#clock,
      wallMs: this.#components.clock.wallMs(),
      limits: this.#limits,
      hash: this.#hash,
      replicaId: () => (this.#id ??= replicaIdOf(this.#components.random.bytes(REPLICA_ID_BYTES))),
      versionOf: entry => this.versionOf(entry)
    })
    for (const { key, entry } of writes) this.#state.stage(key, entry)
    // A commit that found nothing to do waits too: what it found absent may be a removal that is not durable yet.
    await new Promise<void>((resolve, reject) => this.#queue.add({ writes, bytes, resolve, reject }))
    return results
  }

  entry(key: string): Entry | undefined {
    return this.#state.applied.get(key)
  }

  entries(): IterableIterator<[key: string, entry: Entry]> {
    return this.#state.applied.entries()
  }

  allEntries(): IterableIterator<[key: string, entry: Entry]> {
    return this.#state.applied.allEntries()
  }

  versionOf(entry: Entry): string | undefined {
    return hasLiveDot(entry) ? versionOf(entry, this.#hash) : undefined
  }

  root(): { readonly sum: Uint8Array; readonly count: number } {
    return this.#state.applied.root
  }

  stats(): ReplicaStats {
    const poisoned = this.#phase === 'open' && this.#failure !== undefined
    return {
      state: poisoned ? 'poisoned' : this.#phase,
      replica: this.#id,
      clock: this.#clock.last,
      liveKeys: this.size,
      waitingBytes: this.#queue.waitingBytes,
      ...this.#counters.snapshot()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#phase = 'closing'
    this.#stopListening()
    try {
      await this.#queue.idle()
    } finally {
      this.#phase = 'closed'
      await this.#components.log.close()
    }
  }

  #assertWritable(): void {
    if (this.#phase !== 'open') throw new ReplicaClosedError(this.name)
    if (this.#failure !== undefined) throw new ReplicaPoisonedError(this.name, this.#failure.error)
  }

  async #append(group: Group<Write>): Promise<void> {
    const rows = formRows(group, this.#state.applied, this.#ledger)
    if (rows.length === 0) return
    this.#counters.batches++
    this.#counters.rows += rows.length
    await this.#components.log.append({ rows, clockMark: this.#clock.last })
  }

  /** Applies by join, so that whatever arrived meanwhile stays; then tells the owner, then the others. */
  #durable(group: Group<Write>): void {
    const changes: Change[] = []
    const writes = group.commits.flatMap(commit => commit.writes)
    for (const { key, entry, encoded } of writes) {
      const change = this.#state.applied.join(key, entry, encoded.live?.hash)
      this.#state.land(key)
      if (change !== undefined) {
        changes.push({ key, previous: change.previous, entry: change.entry, origin: 'local' })
      }
    }
    this.#counters.localWrites += writes.length
    this.#tellOwner(changes)
    this.#broadcast(writes)
  }

  #broadcast(writes: readonly Write[]): void {
    const announced = announce(writes, this.#components.broadcast, this.#limits.broadcastBytesMax)
    this.#counters.broadcasts += announced.messages
    this.#counters.broadcastOversize += announced.oversize
    for (const error of announced.errors) this.#emit({ type: 'broadcastFailed', error })
  }

  #poison(error: unknown, inFlight: Group<Write>, waiting: readonly Staged<Write>[]): void {
    this.#failure = { error }
    this.#emit({ type: 'poisoned', error })
    for (const commit of inFlight.commits) {
      const keys = new Set(commit.writes.map(write => write.key))
      commit.reject(new IndeterminateWriteError([...keys], error))
    }
    for (const commit of waiting) commit.reject(new ReplicaPoisonedError(this.name, error))
  }

  #onBroadcast(payload: Uint8Array, from: string): void {
    const { dropped } = this.#counters
    if (this.#phase !== 'open' || this.#failure !== undefined) {
      dropped.unavailable++
      return
    }
    // The broadcast cannot wait for the disk. What is dropped is a hint; reconciliation brings it again.
    if (this.#queue.touchedBytes > this.#limits.backlogBytesMax) {
      dropped.backlog++
      return
    }
    const entries = readBroadcast(payload, this.#limits.frameBytesMax)
    if (entries !== undefined) {
      this.#take(entries, from)
      return
    }
    dropped.malformed++
    this.#emit({ type: 'rejected', peer: from, reasons: new Map([['malformed', 1]]) })
  }

  async #receive(entries: readonly Uint8Array[], peer: string): Promise<Received> {
    await this.#queue.room(this.#limits.backlogBytesMax)
    if (this.#phase !== 'open' || this.#failure !== undefined) this.#counters.dropped.unavailable++
    this.#assertWritable()
    return this.#take(entries, peer)
  }

  #take(entries: readonly Uint8Array[], peer: string): Received {
    const taken = takeIn(entries, this.#components.clock.wallMs(), {
      state: this.#state,
      clock: this.#clock,
      limits: this.#limits,
      driftMsMax: this.#init.driftMsMax,
      own: this.#id
    })
    this.#counters.take(taken)
    if (taken.duplicate && this.#id !== undefined) {
      this.#emit({ type: 'identityDuplicate', peer, replica: this.#id })
      this.#id = undefined
    }
    for (const { key, entry } of taken.changes) this.#queue.touch(key, rowBytes(key, entry))
    this.#tellOwner(taken.changes)
    for (const [key, dots] of taken.overflows) this.#emit({ type: 'conflictOverflow', key, dots })
    if (taken.rejectedCount > 0) this.#emit({ type: 'rejected', peer, reasons: taken.rejected })
    return { refused: taken.rejectedCount, news: taken.news }
  }

  #encode(key: string, bytesMax: number): readonly Uint8Array[] | undefined {
    const entry = this.#state.applied.get(key)
    return entry === undefined ? [] : splitEntry(key, entry, bytesMax)
  }

  #tellOwner(changes: readonly Change[]): void {
    if (changes.length === 0) return
    try {
      this.#init.owner.applied(changes)
    } catch (error) {
      this.#emit({ type: 'ownerFailed', error })
    }
  }

  #emit(event: ReplicaEvent): void {
    try {
      this.#init.onEvent?.(event)
    } catch {
      // Whoever listens to events has nowhere to report to; the replica goes on.
    }
  }
}
