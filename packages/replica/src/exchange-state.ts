import type { KnownStamps, ReplicaId } from '@starling/ormap'
import type { FingerprintTree } from '@starling/reconcile'

/** The reference under which a session's tree holds what was refused before: such an item is not fetched, and never sent. */
export const SKIPPED_REF = 0xffff_ffff

/** What the reconciliation reads and writes: the replica behind it. */
export interface ExchangeState {
  /** Throws the typed error of a replica that takes nothing in. */
  assertReady(): void
  /** Begins a session with a peer: everything it compares is as of now. One at a time with each peer. */
  begin(peer: string): ExchangeSession
}

/** One session, as a replica sees it. */
export interface ExchangeSession {
  /**
   * Every live entry as of the start: its greatest live stamp, its item hash and a reference; and every remembered refusal under
   * {@link SKIPPED_REF}. Frozen: a clone.
   */
  readonly tree: FingerprintTree
  /** Items of the tree that are there under {@link SKIPPED_REF}. */
  readonly skipped: number
  /** What this side knew at the start; `NOTHING_KNOWN` when forgetting is by age. */
  readonly known: KnownStamps
  /** The peer's {@link known}. Called once, before the first entry is received. */
  setPeerKnown(known: KnownStamps): void
  /** The key behind a reference of the tree, `undefined` when there is none any more. */
  keyOf(ref: number): string | undefined
  /**
   * The entry of a key as it is now, joined with the answers that this session owes for the key and has not given yet; these
   * count as given.
   *
   * @returns `undefined` when a single item is longer than `bytesMax`.
   */
  encode(key: string, bytesMax: number): Outgoing | undefined
  /** Takes entries of the peer in: waits for room, then takes each of them whole or not at all. */
  receive(entries: readonly Incoming[]): Promise<Received>
  /** The sums of some items are equal and the items are not, so somebody made them so. To be reported as `FingerprintCollision`. */
  collided(): void
  /**
   * Ends the session; called once in every case, last. Resolves when what was taken in is durable and `known` was raised in the
   * same batch, if everything of its proof holds: `wholeRange`, and `refused` plus what {@link receive} refused is nothing.
   */
  finish(outcome: ExchangeEnd): Promise<void>
}

/** One entry to the peer. */
export interface Outgoing {
  /**
   * The entry in parts of at most so many bytes, live items before evidence: one part is the whole entry, none means that there
   * is nothing to send.
   */
  readonly parts: readonly Uint8Array[]
  /** The replicas whose items in it are answers (`Answer` of the map) and not this side's own items. Usually none. */
  readonly answered: readonly ReplicaId[]
}

/** One entry, or a part of a long one, from the peer. The bytes are a view that holds until `receive` has resolved. */
export interface Incoming {
  readonly bytes: Uint8Array
  /** As {@link Outgoing.answered}. */
  readonly answered: readonly ReplicaId[]
}

/** What became of received entries. */
export interface Received {
  readonly refused: number
  /** Something of it changed something. */
  readonly changed: boolean
  /** Something changed by a write that is older than a broadcast takes. */
  readonly news: boolean
  /**
   * Keys of which the peer should get the entry in return, each once: those with answers, and those that had no live item before
   * this call, so that no comparison finds them, while something is here that did not come. What is live here and differs is
   * found by the comparison, and sent without this.
   */
  readonly back: readonly string[]
}

/** How a session ended. */
export interface ExchangeEnd {
  /** Both sides compared everything, and everything that was found has crossed both ways. */
  readonly wholeRange: boolean
  /** Items that the peer has and this side did not fetch, because it had refused them before. */
  readonly refused: number
}
