import {
  encodeSetAside,
  joinEntries,
  NOTHING_KNOWN,
  type Answer,
  type Entry,
  type KnownStamps,
  type ReplicaId,
  type SessionStart,
  type SetAsideDot,
  type StaleSession
} from '@starling/ormap'
import type { FingerprintTree } from '@starling/reconcile'
import { SMALL_ENTRY_BYTES } from './config.ts'
import type { Core } from './core.ts'
import { ReplicaClosedError, ReplicaPoisonedError } from './errors.ts'
import {
  SKIPPED_REF,
  type ExchangeEnd,
  type ExchangeSession,
  type ExchangeState,
  type Incoming,
  type Outgoing,
  type Received
} from './exchange-state.ts'
import { lastStampOf, type Intake, type Judge } from './intake.ts'
import type { LocalWrites } from './local-writes.ts'
import { splitEntry } from './split-entry.ts'

/** What sessions use of the rest of the replica. */
export interface SessionRooms {
  readonly core: Core
  readonly intake: Intake
  readonly writes: LocalWrites
}

/** The replica as reconciliation sees it. */
export class Sessions implements ExchangeState {
  readonly #rooms: SessionRooms

  constructor(rooms: SessionRooms) {
    this.#rooms = rooms
  }

  assertReady(): void {
    this.#rooms.core.assertWorks()
  }

  begin(peer: string): ExchangeSession {
    this.assertReady()
    this.#rooms.core.checkClocks()
    return new Session(peer, this.#rooms)
  }
}

/**
 * One session. What it compares and what it says it knows are of the same moment, its start, on both sides; that is why nothing
 * has to be compared again that changes meanwhile. A write that the peer knew of at its start was live in the peer's tree then, or
 * dead. If it was live, it was live here too, or its entry was sent; so at the end it is live here, or was superseded since,
 * here or there: either way what `known` says of it holds.
 */
class Session implements ExchangeSession {
  readonly tree: FingerprintTree
  readonly skipped: number
  readonly known: KnownStamps
  readonly #peer: string
  readonly #rooms: SessionRooms
  readonly #start: SessionStart
  readonly #stale: StaleSession
  readonly #answers = new Map<string, Entry>()
  #peerKnown: KnownStamps = NOTHING_KNOWN
  #refused = 0

  constructor(peer: string, rooms: SessionRooms) {
    const { state, identity, aside, forgetting, components } = rooms.core
    this.#peer = peer
    this.#rooms = rooms
    this.#start = identity.known.startSession()
    this.#stale = aside.startSession(state.map.size)
    this.known = forgetting.type === 'byKnown' ? upTo(this.#start.stamps, rooms.core.wallMs) : NOTHING_KNOWN
    this.tree = state.tree.snapshot()
    this.skipped = addRefused(this.tree, rooms.core, components.clock.monotonicMs())
  }

  setPeerKnown(known: KnownStamps): void {
    this.#peerKnown = known
  }

  keyOf(ref: number): string | undefined {
    return this.#rooms.core.state.map.keyOf(ref)
  }

  encode(key: string, bytesMax: number): Outgoing | undefined {
    const { map } = this.#rooms.core.state
    const answers = this.#answers.get(key)
    this.#answers.delete(key)
    if (answers === undefined) {
      // So short that it cannot have too many items either.
      const encoded = map.encoded(key)
      if (encoded === undefined) return { parts: [], answered: [] }
      if (encoded.length <= Math.min(bytesMax, SMALL_ENTRY_BYTES)) return { parts: [encoded], answered: [] }
    }
    const held = map.get(key)
    const entry = answers === undefined ? held : joinEntries(held, answers)
    if (entry === undefined) return { parts: [], answered: [] }
    const parts = splitEntry(key, entry, bytesMax)
    return parts && { parts, answered: answers?.items.map(item => item.replica) ?? [] }
  }

  async receive(entries: readonly Incoming[]): Promise<Received> {
    const { core, intake } = this.#rooms
    await core.queue.room(core.limits.backlogBytesMax)
    if (!core.works) core.counters.dropped.unavailable++
    core.assertWorks()
    let refused = 0
    let news = false
    let changed = false
    let keeping: Promise<void> | undefined
    const back = new Set<string>()
    for (const { answered, list } of runsOf(entries)) {
      const kept: SetAsideDot[] = []
      try {
        const judge = answered.length === 0 ? undefined : this.#judge(answered, kept)
        const taken = intake.take(list, this.#peer, judge)
        refused += taken.rejectedCount
        news ||= taken.news
        changed ||= taken.changed > 0 || taken.answers.length > 0
        this.#owe(taken.answers)
        for (const key of [...taken.behind, ...taken.answers.map(answer => answer.key)]) back.add(key)
      } finally {
        for (const dot of kept) keeping = this.#writeAgain(dot)
      }
      // A full queue would refuse the next.
      if (keeping === undefined || core.queue.commitBytes <= core.limits.queueBytesMax / 2) continue
      await keeping
      core.assertWorks()
    }
    this.#refused += refused
    return { refused, changed, news, back: [...back] }
  }

  collided(): void {
    this.#rooms.core.emit({ type: 'fingerprintCollision', peer: this.#peer })
  }

  async finish({ wholeRange, refused }: ExchangeEnd): Promise<void> {
    const { core } = this.#rooms
    const { aside, identity, loaded, queue, state, forgetting, init } = core
    const { count, forgotten } = this.#stale
    if (count > 0) core.emit({ type: 'setAside', peer: this.#peer, count, forgotten })
    const durable = await queue.settled()
    const nothingRefused = refused + this.#refused === 0
    if (!durable && core.failure !== undefined) throw new ReplicaPoisonedError(init.name, core.failure.error)
    // A raise would need a batch of its own, which a log that is closing takes no more.
    if (core.phase !== 'open') throw new ReplicaClosedError(init.name)
    if (wholeRange && nothingRefused) {
      state.quota.settled()
      core.refusals.settle(this.#peer)
      aside.completeSession()
      this.#giveUpDamaged()
    }
    if (forgetting.type === 'byAge') return
    // Nothing changes in a tree once it is compared: it is a clone of the start (see the class).
    const proof = { wholeRange, refused: refused + this.#refused, uncompared: 0, durable }
    const raise = identity.known.raise(this.#start, this.#peerKnown, proof)
    if (raise.type === 'raised' && raise.rows.length > 0) {
      loaded.knownRows.note(raise.rows)
      queue.nudge()
      await queue.settled()
    }
  }

  /** What this peer did not bring back it does not have; that is told once, instead of being waited for as long as this opening lasts. */
  #giveUpDamaged(): void {
    const { core } = this.#rooms
    const keys = [...core.state.damaged]
    if (keys.length === 0) return
    core.state.damaged.clear()
    core.emit({ type: 'damagedMissing', peer: this.#peer, keys })
  }

  /** Looks at each change whether values are taken away by an answer alone. */
  #judge(answered: readonly ReplicaId[], kept: SetAsideDot[]): Judge {
    const { core } = this.#rooms
    const { aside, side } = core
    return (change, previous) => {
      const isNew = aside.conflict === undefined
      const outcome = aside.take(this.#stale, change, previous, answered, core.wallMs)
      if (outcome.type === 'stop') {
        if (isNew) core.emit({ type: 'staleConflict', peer: this.#peer, error: outcome.error })
        throw outcome.error
      }
      for (const dot of outcome.setAside) {
        const { rowKey, bytes } = encodeSetAside(dot)
        side.put('setAside', rowKey, bytes)
      }
      for (const dot of outcome.forgotten) side.delete('setAside', encodeSetAside(dot).rowKey)
      if (outcome.keep !== undefined) kept.push(outcome.keep)
      return outcome.setAside.length > 0 ? 'setAside' : 'written'
    }
  }

  /** Whoever keeps values writes them again. Until that is durable they are set aside, and so they stay when it fails. */
  async #writeAgain(dot: SetAsideDot): Promise<void> {
    const { core, writes } = this.#rooms
    const { value, expiresAtMs } = dot.dot
    const ends = expiresAtMs === undefined ? {} : { expiresAtMs }
    try {
      // Not over what the owner has written since, who was told that the key is gone.
      await writes.commit([{ type: 'put', key: dot.key, value, ...ends, expected: { version: undefined } }])
    } catch {
      core.aside.leave(dot)
      return
    }
    core.aside.release(dot)
    core.side.delete('setAside', encodeSetAside(dot).rowKey)
    if (core.works) core.queue.nudge()
  }

  #owe(answers: readonly Answer[]): void {
    for (const { key, evidence } of answers) {
      this.#answers.set(key, joinEntries(this.#answers.get(key), evidence))
    }
  }
}

/**
 * What is known up to now. Own writes may lie ahead of the wall, and far ahead after the wall was set back; a peer takes nothing of the
 * future, and to say less is always safe.
 */
function upTo(stamps: KnownStamps, wallMs: number): KnownStamps {
  const now = lastStampOf(wallMs)
  return new Map(Array.from(stamps, ([replica, stamp]) => [replica, stamp > now ? now : stamp]))
}

/** Entries one after the other, those without answers together. */
function* runsOf(
  entries: readonly Incoming[]
): Iterable<{ readonly answered: readonly ReplicaId[]; readonly list: readonly Uint8Array[] }> {
  let list: Uint8Array[] = []
  // By index: these are many, and the iterator would make an object for each.
  for (let i = 0; i < entries.length; i++) {
    const { bytes, answered } = entries[i] as Incoming
    if (answered.length === 0) {
      list.push(bytes)
      continue
    }
    if (list.length > 0) yield { answered: [], list }
    list = []
    yield { answered, list: [bytes] }
  }
  if (list.length > 0) yield { answered: [], list }
}

/** Puts what was refused lately among the items, so that it is not fetched. Says how many they are. */
function addRefused(
  tree: FingerprintTree,
  { refusals, state, wallMs, driftMsMax }: Core,
  nowMs: number
): number {
  let added = 0
  const here: Uint8Array[] = []
  for (const { stamp, hash } of refusals.paused(nowMs, lastStampOf(wallMs + driftMsMax))) {
    const isHere = state.tree.has(stamp, hash)
    if (isHere) here.push(hash)
    else if (tree.insert(stamp, hash, SKIPPED_REF)) added++
  }
  // What was taken in after all is refused no more.
  for (const hash of here) refusals.forget(hash)
  return added
}
