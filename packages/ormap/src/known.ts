import { stampWallMs, type Stamp } from '@starling/hlc'
import { KNOWN_IDS_MAX, SILENCE_MS } from './config.ts'
import type { Coverage } from './forgetting.ts'
import type { ReplicaId } from './types.ts'

/** Replica ids and the stamps up to which their writes are known. Never changed by whoever holds one. */
export type KnownStamps = ReadonlyMap<ReplicaId, Stamp>

/** One id of `known`, for its row on disk. */
export type KnownRow = readonly [replica: ReplicaId, stamp: Stamp]

/** What one side notes when a session starts. Its `stamps` go to the peer; the whole comes back with the proof at the end. */
export interface SessionStart {
  /** Which state of knowledge it is from: a session that began before {@link Known.clear} proves nothing after it. */
  readonly generation: number
  readonly stamps: KnownStamps
}

/** What one side can say of a session that ends. All of it must be as it should for `known` to rise. */
export interface SessionProof {
  /** The whole range was compared, to its end. Equal roots compare everything at once. A cut session never did. */
  readonly wholeRange: boolean
  /** How many of the peer's entries were refused here or not fetched because they had been refused before. */
  readonly refused: number
  /** How many items were changed here by anyone else after they had been compared, and were not compared again. */
  readonly uncompared: number
  /** Everything this side took in during the session is durable, or will be with the batch that ends it. */
  readonly durable: boolean
}

/** What became of a raise: the rows to write in the batch that ends the session, or why there is none. */
export type RaiseResult =
  | { readonly type: 'raised'; readonly rows: readonly KnownRow[] }
  | {
      readonly type: 'notRaised'
      readonly reason: 'incomplete' | 'refused' | 'uncompared' | 'notDurable' | 'cleared'
    }

/**
 * What a replica knows to have seen: for each replica id the stamp up to which *every write of that id is either live here or
 * superseded here*. It lets absence mean death, so it may be too low at any time and never too high: only {@link Known.raise}
 * raises it for others, and only what is applied raises it for the own id.
 */
export class Known implements Coverage {
  readonly #stamps: Map<ReplicaId, Stamp>
  #own: ReplicaId | undefined
  #ownApplied: Stamp = 0n
  /** Own stamps that were issued and not applied yet, in the order of issue, so that the first is the least. */
  readonly #inFlight = new Set<Stamp>()
  #raises = 0
  #clearings = 0

  /**
   * @param rows what was persisted. Of former ids of this replica too: every batch with own writes stores a row of the own id
   * with the greatest stamp in it, and never the clock's mark or reserve, which lie above writes that were not applied here
   * and may exist elsewhere.
   */
  constructor(rows: Iterable<KnownRow> = []) {
    this.#stamps = new Map(rows)
  }

  /** How many ids it holds, the own one included. */
  get size(): number {
    return this.#stamps.size + (this.#ownStamp() > 0n ? 1 : 0)
  }

  /** @inheritdoc */
  get raises(): number {
    return this.#raises
  }

  /**
   * Takes up a new replica id, at the first write after an opening. An id that was in use before becomes a former one, known
   * up to its greatest applied stamp below its writes in flight.
   *
   * After a doubt of any kind ({@link Known.clear}; also when another process wrote under the own id), clear first.
   *
   * @returns the row of the former id, if there was one.
   * @throws RangeError when the id was in use before: an id is never used twice.
   */
  begin(own: ReplicaId): readonly KnownRow[] {
    if (own === this.#own || this.#stamps.has(own)) throw new RangeError(`replica id ${own} was used before`)
    const former = this.#own
    const stamp = this.#ownStamp()
    this.#own = own
    this.#ownApplied = 0n
    this.#inFlight.clear()
    if (former === undefined || stamp === 0n) return []
    this.#stamps.set(former, stamp)
    return [[former, stamp]]
  }

  /** A write was given this stamp, which exceeds all before. Until it is applied nothing from it on is covered. */
  issued(stamp: Stamp): void {
    this.#inFlight.add(stamp)
  }

  /**
   * A write was applied, durably. One that failed is never reported: whether it exists is unknown until the store has been
   * opened again, under a new id.
   */
  applied(stamp: Stamp): void {
    this.#inFlight.delete(stamp)
    if (stamp > this.#ownApplied) this.#ownApplied = stamp
    this.#raises++
  }

  /** @inheritdoc */
  covers(replica: ReplicaId, stamp: Stamp): boolean {
    return stamp <= (replica === this.#own ? this.#ownStamp() : (this.#stamps.get(replica) ?? 0n))
  }

  /** A copy of what is known now, the own id first, and at most as much as a peer takes: to say less is always safe. */
  stamps(): KnownStamps {
    const own = this.#ownStamp()
    const stamps = new Map<ReplicaId, Stamp>()
    if (this.#own !== undefined && own > 0n) stamps.set(this.#own, own)
    for (const [replica, stamp] of this.#stamps) {
      if (stamps.size >= KNOWN_IDS_MAX) break
      stamps.set(replica, stamp)
    }
    return stamps
  }

  /** What this side knows when a session starts, before anything is compared. */
  startSession(): SessionStart {
    return { generation: this.#clearings, stamps: this.stamps() }
  }

  /**
   * Ends a session that compared everything: what the peer had known at its start is known here too. This is the only place
   * where knowledge of others is gained; anything less than a whole session, down to a single refused entry, gains nothing.
   *
   * The pointwise maximum is taken, and never for the own id. Ids beyond {@link KNOWN_IDS_MAX} are left out: they stay unknown.
   *
   * @param start what {@link Known.startSession} gave on this side.
   * @param peerAtStart the peer's `stamps` as they were when the session started, not as they are now.
   */
  raise(start: SessionStart, peerAtStart: KnownStamps, proof: SessionProof): RaiseResult {
    if (start.generation !== this.#clearings) return { type: 'notRaised', reason: 'cleared' }
    if (!proof.wholeRange) return { type: 'notRaised', reason: 'incomplete' }
    if (proof.refused > 0) return { type: 'notRaised', reason: 'refused' }
    if (proof.uncompared > 0) return { type: 'notRaised', reason: 'uncompared' }
    if (!proof.durable) return { type: 'notRaised', reason: 'notDurable' }
    const rows: KnownRow[] = []
    for (const [replica, stamp] of peerAtStart) {
      if (replica === this.#own) continue
      const held = this.#stamps.get(replica)
      if (held !== undefined ? stamp <= held : this.#stamps.size >= KNOWN_IDS_MAX) continue
      this.#stamps.set(replica, stamp)
      rows.push([replica, stamp])
    }
    if (rows.length > 0) this.#raises++
    return { type: 'raised', rows }
  }

  /**
   * Forgets everything, former ids included, because the store cannot be proven: a fingerprint that does not fit, a
   * quarantined row, a repaired clock. Delete the rows in the same batch and {@link Known.begin} with a new id before the next
   * write. Sessions under way raise nothing.
   *
   * @returns the ids whose rows go.
   */
  clear(): readonly ReplicaId[] {
    const gone = [...this.#stamps.keys()]
    this.#stamps.clear()
    this.#own = undefined
    this.#ownApplied = 0n
    this.#inFlight.clear()
    this.#clearings++
    return gone
  }

  /**
   * Forgets ids that have written nothing for a long time and of which nothing is left here. Evidence counts as well as live
   * dots: without its id in `known` it could never be collected.
   *
   * @param wallMs the local wall time in ms since the epoch.
   * @param hasItem whether any entry here has an item of the id; {@link ItemCensus} knows.
   * @returns the ids whose rows go.
   */
  forgetSilent(
    wallMs: number,
    hasItem: (replica: ReplicaId) => boolean,
    silenceMs: number = SILENCE_MS
  ): readonly ReplicaId[] {
    const gone: ReplicaId[] = []
    for (const [replica, stamp] of this.#stamps) {
      if (stampWallMs(stamp) + silenceMs >= wallMs || hasItem(replica)) continue
      this.#stamps.delete(replica)
      gone.push(replica)
    }
    return gone
  }

  /** The greatest own applied stamp below every own write in flight, or a stamp between the two, which is no write. */
  #ownStamp(): Stamp {
    for (const first of this.#inFlight) return first <= this.#ownApplied ? first - 1n : this.#ownApplied
    return this.#ownApplied
  }
}
