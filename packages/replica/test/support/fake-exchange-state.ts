import { encodeValue } from '@starling/codec'
import { stampOf, STAMP_COUNTER_MAX } from '@starling/hlc'
import {
  decodeEntry,
  equalEntries,
  greatestStamp,
  hasLiveDot,
  ingest,
  joinEntries,
  Known,
  liveDots,
  NOTHING_KNOWN,
  ObservedRemoveMap,
  putEntry,
  Refusals,
  removeEntry,
  type Entry,
  type Item,
  type ReplicaId,
  type SessionStart
} from '@starling/ormap'
import type { Clock } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { FingerprintTree } from '@starling/reconcile'
import {
  SKIPPED_REF,
  type ExchangeEnd,
  type ExchangeSession,
  type ExchangeState,
  type Incoming,
  type Outgoing,
  type Received
} from '../../src/exchange-state.ts'
import { splitEntry } from '../../src/split-entry.ts'

/** A clock that tests move. */
export class FakeClock implements Clock {
  ms: number = 1_700_000_000_000
  wallMs(): number {
    return this.ms
  }
  monotonicMs(): number {
    return this.ms
  }
}

/** A replica without disk, broadcast or owner: what the reconciliation needs of one, and no more. */
export class FakeState implements ExchangeState {
  readonly id: ReplicaId
  readonly map: ObservedRemoveMap = new ObservedRemoveMap(systemHash)
  readonly known: Known = new Known()
  readonly refusals: Refusals = new Refusals()
  readonly clock: FakeClock
  readonly ends: ExchangeEnd[] = []
  readonly raises: string[] = []
  /** Replicas whose items came as answers, in order. */
  readonly answersReceived: ReplicaId[] = []
  byKnown = false
  collisions = 0
  received = 0
  /** Called for each call of `receive`, before anything is taken in. */
  onReceive: (entries: readonly Incoming[]) => void | Promise<void> = () => {}
  /** Another item hash for a key than the true one. */
  itemHash: (key: string) => Uint8Array | undefined = key => this.map.itemHash(key)
  /** Keys whose entries are refused. */
  refuses: (key: string) => boolean = () => false
  #counter = 0
  #last = 0n

  constructor(id: ReplicaId, clock: FakeClock = new FakeClock()) {
    this.id = id
    this.clock = clock
    this.known.begin(id)
  }

  put(key: string, text: string): void {
    this.#write(key, stamp => putEntry(this.map.get(key), this.id, stamp, encodeValue(text)))
  }

  remove(key: string): void {
    this.#write(key, stamp => removeEntry(this.map.get(key) as Entry, this.id, stamp))
  }

  /** Forgets all evidence, as a collection long afterwards does. */
  collect(): void {
    for (const [key] of [...this.map.allEntries()]) this.map.dropEvidence(key, () => true)
  }

  /** Forgets the evidence of what it knows. */
  collectCovered(): void {
    for (const [key] of [...this.map.allEntries()]) {
      this.map.dropEvidence(key, ({ replica, stamp }) => this.known.covers(replica, stamp))
    }
  }

  /** Everything live, as text. */
  picture(): string {
    const lines = Array.from(this.map.entries(), ([key, entry]) =>
      [
        key,
        ...liveDots(entry).map(dot => `${dot.replica}@${dot.stamp}=${Buffer.from(dot.value).toString('hex')}`)
      ].join(' ')
    )
    return lines.sort().join('\n')
  }

  assertReady(): void {}

  begin(): FakeSession {
    return new FakeSession(this)
  }

  #write(key: string, make: (stamp: bigint) => Entry): void {
    const held = this.map.get(key)
    const least = stampOf(this.clock.wallMs(), this.#counter++ % STAMP_COUNTER_MAX)
    const above = (held === undefined ? 0n : greatestStamp(held)) + 1n
    // Each write of a replica has a greater stamp than all before, whatever their keys: what is known stands on that.
    const stamp = [above, this.#last + 1n].reduce((most, one) => (one > most ? one : most), least)
    this.#last = stamp
    this.known.issued(stamp)
    this.map.join(key, make(stamp))
    this.known.applied(stamp)
  }
}

/** Its side of one session. */
export class FakeSession implements ExchangeSession {
  readonly tree: FingerprintTree = new FingerprintTree()
  readonly skipped: number = 0
  readonly #state: FakeState
  readonly #start: SessionStart
  readonly #keys: string[] = []
  readonly #owed = new Map<string, Item[]>()
  #peerKnown = NOTHING_KNOWN
  #refused = 0

  constructor(state: FakeState) {
    this.#state = state
    this.#start = state.known.startSession()
    for (const [key, entry] of state.map.entries()) {
      const stamp = liveDots(entry).reduce((most, dot) => (dot.stamp > most ? dot.stamp : most), 0n)
      this.tree.insert(stamp, state.itemHash(key) as Uint8Array, this.#keys.length)
      this.#keys.push(key)
    }
    for (const { stamp, hash } of refusedItems.get(state) ?? []) {
      if (!state.refusals.mayFetch(hash, state.clock.wallMs()) && this.tree.insert(stamp, hash, SKIPPED_REF))
        this.skipped++
    }
  }

  get known(): SessionStart['stamps'] {
    return this.#state.byKnown ? this.#start.stamps : NOTHING_KNOWN
  }

  setPeerKnown(known: SessionStart['stamps']): void {
    this.#peerKnown = known
  }

  keyOf(ref: number): string | undefined {
    return this.#keys[ref]
  }

  encode(key: string, bytesMax: number): Outgoing | undefined {
    const owed = this.#owed.get(key) ?? []
    this.#owed.delete(key)
    const held = this.#state.map.get(key)
    const entry = joinEntries(held, { items: owed })
    if (entry.items.length === 0) return { parts: [], answered: [] }
    const parts = splitEntry(key, entry, bytesMax)
    return parts && { parts, answered: owed.map(item => item.replica) }
  }

  async receive(entries: readonly Incoming[]): Promise<Received> {
    const state = this.#state
    await state.onReceive(entries)
    const back = new Set<string>()
    let refused = 0
    let changed = false
    for (const { bytes, answered } of entries) {
      state.received++
      state.answersReceived.push(...answered)
      const { key, entry } = decodeEntry(bytes)
      if (state.refuses(key)) {
        refused++
        this.#remember(key, entry)
        continue
      }
      const held = state.map.get(key)
      const result = ingest(state.map, [bytes], {
        wallMs: state.clock.wallMs(),
        forgetting: state.byKnown ? { type: 'byKnown', known: state.known } : { type: 'byAge' }
      })
      refused += result.rejected.length
      changed ||= result.changed.length > 0 || result.answers.length > 0
      for (const { received } of result.changed) state.map.join(key, received)
      for (const { evidence } of result.answers) this.#owed.set(key, [...evidence.items])
      const after = state.map.get(key)
      const isMore = after !== undefined && !equalEntries(joinEntries(entry, after), entry)
      const wasLive = held !== undefined && hasLiveDot(held)
      if (result.answers.length > 0 || (isMore && !wasLive)) back.add(key)
    }
    this.#refused += refused
    return { refused, changed, news: false, back: [...back] }
  }

  collided(): void {
    this.#state.collisions++
  }

  async finish(end: ExchangeEnd): Promise<void> {
    const state = this.#state
    state.ends.push(end)
    const { wholeRange } = end
    const refused = end.refused + this.#refused
    const result = state.known.raise(this.#start, this.#peerKnown, {
      wholeRange,
      refused,
      uncompared: 0,
      durable: true
    })
    state.raises.push(result.type === 'raised' ? 'raised' : result.reason)
  }

  #remember(key: string, entry: Entry): void {
    const map = new ObservedRemoveMap(systemHash)
    map.join(key, entry)
    const hash = map.itemHash(key)
    if (hash === undefined) return
    this.#state.refusals.note(hash, 'quota', this.#state.clock.wallMs())
    const list = refusedItems.get(this.#state) ?? []
    list.push({
      stamp: liveDots(entry).reduce((most, dot) => (dot.stamp > most ? dot.stamp : most), 0n),
      hash
    })
    refusedItems.set(this.#state, list)
  }
}

const refusedItems = new WeakMap<FakeState, { readonly stamp: bigint; readonly hash: Uint8Array }[]>()
