import type { Clock, Hmac, Random, Timers } from '@starling/ports'
import type { SyncConfig } from './config.ts'
import type { NeighborSource, PeerKey, SessionPort } from './ports.ts'

/**
 * One round's conversation: the peer's messages in order, one consumer. Asking for the next says that the one before has
 * been dealt with, and only that lets the peer send more. It ends when the peer's side of the round has returned, and throws
 * when the round is over for another reason.
 */
export interface SyncExchange extends AsyncIterable<Uint8Array> {
  /** Bytes of the largest message `send` takes. */
  readonly messageBytesMax: number
  /** Sends one message and waits until there is room for another. Rejects when the round is over. */
  send(message: Uint8Array): Promise<void>
}

/** What one side of a round did. */
export interface SyncOutcome {
  /** Everything was compared and nothing was refused. */
  readonly complete: boolean
  readonly entriesSent: number
  readonly entriesReceived: number
  /**
   * Something came that the other neighbours may lack as well, because no broadcast brought it: a round with each of them
   * follows, at most one a second. Default false.
   */
  readonly news?: boolean
}

/** Makes two replicas of a topic alike, one round at a time. */
export interface SyncProtocol {
  /**
   * Runs one round. Both ends are called, with opposite `initiator`, and both must return. Sending and receiving must go on
   * side by side: the peer may wait for our reading before it reads. At most one round runs per session; rounds with
   * different peers overlap. After `signal` fires it must settle soon; a rejection ends this round only, and it is tried again.
   */
  reconcile(
    exchange: SyncExchange,
    context: { readonly peer: PeerKey; readonly initiator: boolean; readonly signal: AbortSignal }
  ): Promise<SyncOutcome>
}

/**
 * Where the session with one peer stands. `waiting`: for the transport, or for the peer to open first. `backoff`: after a
 * failure. `live`: between rounds. `syncing`: in a round. `grace`: no neighbour any more, kept for a moment.
 */
export type SyncSessionState = 'waiting' | 'opening' | 'backoff' | 'live' | 'syncing' | 'grace'

/** One peer of a topic, as plain data. */
export interface SyncSessionInfo {
  readonly peer: PeerKey
  readonly state: SyncSessionState
  /** Monotonic time of the last complete round with this peer, on the `Clock` given. */
  readonly lastCompleteMs: number | undefined
  /** Rounds that ended well since the peer became known. */
  readonly rounds: number
}

/** A round ended here: with `outcome`, or with `error`. */
export interface RoundEvent {
  readonly peer: PeerKey
  readonly outcome?: SyncOutcome
  readonly error?: Error
}

/** One holder's view of a topic. The topic lives until its last handle is closed. */
export interface SyncHandle {
  readonly topic: string
  sessions(): readonly SyncSessionInfo[]
  /** Listeners must not throw; one that does is counted and the others are called. Returns the function that stops it. */
  onRound(listener: (event: RoundEvent) => void): () => void
  /** Starts a round with `peer`, or with every live session; when one is running, another follows it. */
  reconcile(peer?: PeerKey): void
  /** Gives the handle up; the last one ends the topic's sessions. Resolves when that is done. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** What a topic is opened with. */
export interface TopicOptions {
  readonly protocol: SyncProtocol
  readonly neighbors: NeighborSource
}

/** Counters since the start; the first four are as of now. */
export interface SyncStats {
  readonly topics: number
  readonly links: number
  readonly sessions: number
  readonly handshakesPending: number
  readonly sessionsStarted: number
  readonly roundsCompleted: number
  readonly roundsFailed: number
  /** Channels refused here, by reason. */
  readonly refused: Readonly<Record<'unknownTopic' | 'busy' | 'malformed' | 'timeout' | 'version', number>>
  readonly listenersFailed: number
}

/** Keeps one sync session per topic and neighbour. */
export interface Sync {
  /**
   * Opens a topic, or another handle on an open one. `topic` is 1 to 255 bytes of UTF-8.
   *
   * @throws TypeError when the topic is open with another protocol or neighbour source
   * @throws RangeError when the name or the number of topics is beyond its limit
   * @throws SyncClosedError after `close`
   */
  open(topic: string, options: TopicOptions): SyncHandle
  stats(): SyncStats
  /** Ends every topic. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface SyncComponents {
  readonly sessions: SessionPort
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly hmac: Hmac
}

export type SyncInit = Partial<SyncConfig>
