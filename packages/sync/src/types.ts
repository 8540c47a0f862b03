import type { Clock, Hmac, Observers, Random, Timers } from '@starling/ports'
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
  /** Something that differs was left to another round with this peer: it follows at once. Default false. */
  readonly more?: boolean
  /**
   * The round cost much and made no difference here. After two of them in a row the peer is kept waiting, longer each time, up to
   * `backoffMsMax`: it is broken, or lies. Default false.
   */
  readonly vain?: boolean
}

/** What is known to differ and has not crossed yet, in entries. */
export interface SyncProgress {
  readonly toSend: number
  readonly toReceive: number
}

/** Makes two replicas of a topic alike, one round at a time. */
export interface SyncProtocol {
  /**
   * Runs one round. Both ends are called, with opposite `initiator`, and both must return. Sending and receiving must go on
   * side by side: the peer may wait for our reading before it reads. At most one round runs per session; rounds with
   * different peers overlap. After `signal` fires it must settle soon; a rejection ends this round only, and it is tried again.
   */
  reconcile(exchange: SyncExchange, context: SyncContext): Promise<SyncOutcome>
  /**
   * Answers what a peer has pushed ({@link SyncHandle.push}), beside any round. The answer is at most as long as a message. A
   * rejection reaches the peer as `failed`. Without it pushes are refused.
   */
  answer?(payload: Uint8Array, peer: PeerKey): Promise<Uint8Array>
}

/** What one round is told. */
export interface SyncContext {
  readonly peer: PeerKey
  /** This end started the round. */
  readonly initiator: boolean
  readonly signal: AbortSignal
  /** To be called when more or less is known to differ; {@link SyncSessionInfo.outstanding} shows it. */
  progress(progress: SyncProgress): void
}

/**
 * Where the session with one peer stands. `waiting`: for the transport, for the peer to begin, or for its turn. `opening`: a
 * round has been offered. `backoff`: after a failure. `live`: between rounds. `syncing`: in a round. `grace`: no neighbour any
 * more, kept for a moment.
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
  /** Rounds and handshakes that have failed since the last that went well. */
  readonly failures: number
  /** What the last round found to differ and did not bring across, as far as it is known: nothing after a complete one. */
  readonly outstanding: SyncProgress | undefined
  /** Since when the peer is known to hold something else, monotonic time as above; undefined after a complete round. */
  readonly differsSinceMs: number | undefined
}

/** A round ended here: with `outcome`, or with `error`. */
export interface RoundEvent {
  readonly peer: PeerKey
  readonly durationMs: number
  readonly outcome?: SyncOutcome
  readonly error?: Error
}

/** One holder's view of a topic. The topic lives until its last handle is closed. */
export interface SyncHandle {
  readonly topic: string
  sessions(): readonly SyncSessionInfo[]
  /** Peers that are there now and hold the topic: those that a push reaches. */
  peers(): readonly PeerKey[]
  /** Listeners must not throw; one that does is counted and the others are called. Returns the function that stops it. */
  onRound(listener: (event: RoundEvent) => void): () => void
  /** Starts a round with `peer`, or with every live session, also where one has just failed; when one is running, another follows. */
  reconcile(peer?: PeerKey): void
  /**
   * Sends one message to a peer that holds the topic, beside any round, and resolves with the answer of its protocol. At most
   * `pushesPerPeerMax` wait for each peer, all topics together.
   *
   * @throws SyncPushError when there is no answer: it is not known then whether the peer has dealt with the message, unless the
   *   reason says so. The signal's reason when that fires first.
   * @throws RangeError when the payload is longer than a message.
   */
  push(peer: PeerKey, payload: Uint8Array, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
  /** Gives the handle up; the last one ends the topic's sessions. Resolves when that is done. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** What a topic is opened with. */
export interface TopicOptions {
  readonly protocol: SyncProtocol
  readonly neighbors: NeighborSource
}

/** Counters since the start; the first eight are as of now. */
export interface SyncStats {
  readonly topics: number
  readonly links: number
  /** Peers that hold a topic with us, over all topics. */
  readonly sessions: number
  /** Rounds that run, and topics that wait for their turn with a peer. */
  readonly roundsRunning: number
  readonly roundsWaiting: number
  readonly handshakesPending: number
  /** Peers of topics known to hold something else, and since when the first of them, in ms. */
  readonly lagging: number
  readonly lagMs: number
  readonly sessionsStarted: number
  readonly roundsCompleted: number
  readonly roundsFailed: number
  /** Of the completed ones: those that found nothing different, and those that could not bring everything across. */
  readonly roundsEqual: number
  readonly roundsIncomplete: number
  readonly entriesSent: number
  readonly entriesReceived: number
  /** Channels refused here, by reason. */
  readonly refused: Readonly<Record<'unknownTopic' | 'busy' | 'malformed' | 'timeout' | 'version', number>>
  /** Pushes answered and not answered, ours and those of peers. */
  readonly pushes: Readonly<Record<'answered' | 'failed' | 'served' | 'unserved', number>>
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

export interface SyncComponents extends Observers {
  readonly sessions: SessionPort
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly hmac: Hmac
}

export type SyncInit = Partial<SyncConfig>
