import {
  encodeEntry,
  equalEntries,
  joinEntries,
  type Entry,
  type IngestResult,
  type KnownStamps,
  type ReplicaId,
  type SessionStart,
  type SetAsideDot,
  type StaleSession
} from '../src/index.ts'
import { DRIVER_FAULTS } from './forget-faults.ts'
import { KEYS, type TestReplica } from './forget-replica.ts'

interface Side {
  readonly replica: TestReplica
  readonly start: SessionStart
  readonly stale: StaleSession
  refused: number
  /** What the peer had learned of a key when it was found equal: learned here too if the session comes to its end. */
  readonly equal: Map<string, number>
}

/** One entry of a key from one side to the other, and which of its items are answers. */
interface Mail {
  readonly bytes: Uint8Array | undefined
  /** The item hash of the entry, by which the other side fetches it. */
  readonly hash: Uint8Array | undefined
  readonly carries: number
  readonly answered: readonly ReplicaId[]
}

type Phase =
  | { readonly type: 'list'; readonly key: string }
  | { readonly type: 'compare'; readonly key: string; readonly hash: string; readonly learned: number }
  | {
      readonly type: 'take'
      readonly key: string
      readonly to: 0 | 1
      readonly mail: Mail
      readonly reply: boolean
    }

const hashOf = (replica: TestReplica, key: string): string =>
  Buffer.from(replica.map.itemHash(key) ?? []).toString('base64')

/** One key of a session after the other, each in up to five messages, between any of which anything may happen. */
export class TestSession {
  readonly sides: readonly [Side, Side]
  readonly #keys: readonly string[]
  readonly #left: string[]
  /** Keys that were compared and then changed by anyone else. */
  readonly #again = new Set<string>()
  #phase: Phase | undefined
  /** Entries that crossed, either way. */
  entries = 0
  bytes = 0
  /** What happened in it, so that a suite can see that its schedules get that far. */
  readonly reached: Set<string> = new Set()
  /** A side will not take away more values. */
  stopped = false
  /** What the owner of a side keeps, to be written again by it. */
  readonly kept: { readonly replica: TestReplica; readonly value: SetAsideDot }[] = []

  constructor(a: TestReplica, b: TestReplica, keys: readonly string[] = KEYS) {
    this.#keys = keys
    this.#left = [...keys]
    const side = (replica: TestReplica): Side => ({
      replica,
      start: replica.known.startSession(),
      stale: replica.aside.startSession(replica.map.size),
      refused: 0,
      equal: new Map()
    })
    this.sides = [side(a), side(b)]
  }

  /** Whether the whole range has been compared once, though some of it may have changed since. */
  get isThrough(): boolean {
    return this.#phase === undefined && this.#left.length === 0
  }

  has(replica: TestReplica): boolean {
    return this.sides.some(side => side.replica === replica)
  }

  /** A key changed on one side and not by this session. */
  touch(key: string): void {
    if (!this.#left.includes(key)) this.#again.add(key)
  }

  /** The next message. Says whether everything has been compared. */
  step(nowMs: number, changed: (replica: TestReplica, key: string) => void): boolean {
    const [a, b] = this.sides
    const phase = this.#phase ?? this.#next()
    if (phase === undefined || this.stopped) return true
    const { key } = phase
    if (phase.type === 'list') {
      this.#phase = {
        type: 'compare',
        key,
        hash: hashOf(a.replica, key),
        learned: a.replica.learned.get(key) ?? 0
      }
    } else if (phase.type === 'compare') {
      if (phase.hash === hashOf(b.replica, key)) {
        a.equal.set(key, b.replica.learned.get(key) ?? 0)
        b.equal.set(key, phase.learned)
        this.#phase = undefined
      } else {
        this.#phase = { type: 'take', key, to: 0, mail: mailOf(b.replica, key, []), reply: true }
      }
    } else {
      this.#take(phase, nowMs, changed)
    }
    return this.isThrough && this.#again.size === 0
  }

  #next(): Phase | undefined {
    let key = this.#left.shift()
    if (key === undefined) {
      key = this.#again.values().next().value
      if (key === undefined) return undefined
      this.#again.delete(key)
      this.reached.add('compared again')
    }
    return { type: 'list', key }
  }

  #take(
    { key, to, mail, reply }: Extract<Phase, { type: 'take' }>,
    nowMs: number,
    changed: (replica: TestReplica, key: string) => void
  ): void {
    const side = this.sides[to]
    let dead: Entry['items'] = []
    if (mail.bytes === undefined) {
      // The other side has nothing, and that is what is learned if the session comes to its end.
      side.equal.set(key, mail.carries)
    } else if (mail.hash !== undefined && !side.replica.refusals.mayFetch(mail.hash, nowMs)) {
      side.refused++
      this.reached.add('not fetched')
    } else {
      this.entries++
      this.bytes += mail.bytes.length
      dead = this.#ingest(side, key, mail, mail.bytes, nowMs, changed)
    }
    // The first reply is due in any case: the other side lacks what is here.
    this.#phase =
      !this.stopped && (reply || dead.length > 0)
        ? {
            type: 'take',
            key,
            to: to === 0 ? 1 : 0,
            mail: mailOf(side.replica, key, dead),
            reply: false
          }
        : undefined
  }

  /** Takes an entry in and gives the evidence it has to be answered with. */
  #ingest(
    side: Side,
    key: string,
    mail: Mail,
    bytes: Uint8Array,
    nowMs: number,
    changed: (replica: TestReplica, key: string) => void
  ): Entry['items'] {
    const { replica } = side
    const result: IngestResult = replica.judge(bytes, nowMs)
    side.refused += result.rejected.length
    if (mail.answered.length > 0) this.reached.add('answer')
    for (const { reason } of result.rejected) {
      this.reached.add(`refused: ${reason}`)
      if (mail.hash === undefined || (reason !== 'future' && reason !== 'quota')) continue
      replica.refusals.note(mail.hash, reason, nowMs)
      if (reason === 'quota') replica.quota.noteRefused(1)
    }
    if (result.rejected.length === 0 && mail.hash !== undefined) replica.refusals.forget(mail.hash)
    for (const change of result.changed) {
      const outcome = replica.aside.take(side.stale, change, replica.staged(key), mail.answered, nowMs)
      if (outcome.type === 'stop') {
        this.stopped = true
        return []
      }
      if (outcome.setAside.length > 0) this.reached.add('set aside')
      if (outcome.keep !== undefined) {
        this.kept.push({ replica, value: outcome.keep })
        this.reached.add('kept')
      }
      if (replica.apply(key, change.received, nowMs, change.wire)) changed(replica, key)
    }
    if (result.rejected.length === 0) {
      replica.learn(key, mail.carries)
    } else if (DRIVER_FAULTS.answersDespiteRefusal) {
      const answers = mail.answered.map(id => ({ replica: id, stamp: replica.clock.last, value: undefined }))
      replica.apply(key, { items: answers }, nowMs)
    }
    return result.answers.flatMap(({ evidence }) => evidence.items)
  }

  /** The session ends, whole or cut. */
  end(how: { readonly wholeRange: boolean; readonly durable: boolean }): void {
    const [a, b] = this.sides
    const whole = { ...how, wholeRange: how.wholeRange && !this.stopped }
    for (const [side, peer] of [
      [a, b],
      [b, a]
    ] as const) {
      this.reached.add(finish(side, peer, whole, this.#again.size, this.#keys))
    }
  }
}

function mailOf(replica: TestReplica, key: string, answers: Entry['items']): Mail {
  const held = replica.map.get(key)
  const entry = joinEntries(held, { items: answers })
  return {
    bytes: entry.items.length === 0 ? undefined : encodeEntry(key, entry),
    hash: replica.map.itemHash(key),
    carries: replica.learned.get(key) ?? 0,
    answered: answers.map(item => item.replica)
  }
}

function finish(
  side: Side,
  peer: Side,
  { wholeRange, durable }: { readonly wholeRange: boolean; readonly durable: boolean },
  uncompared: number,
  keys: readonly string[]
): string {
  const { replica } = side
  if (durable) replica.flush()
  let refused = side.refused
  let stamps: KnownStamps = peer.start.stamps
  if (DRIVER_FAULTS.capsBelowRefused && refused > 0) {
    stamps = capped(stamps, side, peer, keys)
    refused = 0
  }
  const raise = replica.known.raise(side.start, stamps, { wholeRange, refused, uncompared, durable })
  if (raise.type === 'notRaised') return raise.reason
  for (const [id, stamp] of raise.rows) replica.disk.known.set(id, stamp)
  for (const [key, carries] of side.equal) replica.learn(key, carries)
  if (durable) replica.flush()
  replica.aside.completeSession()
  return raise.type
}

/** What a driver might think is safe: everything the peer knows, but for the writes it has and this side refused. */
function capped(stamps: KnownStamps, side: Side, peer: Side, keys: readonly string[]): KnownStamps {
  const low = new Map(stamps)
  for (const key of keys) {
    const theirs = peer.replica.map.get(key)
    const mine = side.replica.map.get(key)
    if (theirs === undefined || (mine !== undefined && equalEntries(mine, theirs))) continue
    for (const { replica, stamp } of theirs.items) {
      const held = mine?.items.find(item => item.replica === replica)
      if (held !== undefined && held.stamp >= stamp) continue
      const known = low.get(replica)
      if (known !== undefined && known >= stamp) low.set(replica, stamp - 1n)
    }
  }
  return low
}
