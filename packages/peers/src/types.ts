import type { Startable } from '@libp2p/interface'
import type { PeersTimings } from './config.ts'
import type { FramedChannel } from './ports.ts'

/** The text form of a peer id, as the transport authenticated it. */
export type PeerKey = string

/** The one live session with a peer. */
export interface Session {
  readonly peer: PeerKey
  /** This side dialled the surviving connection. The two ends never agree on `true`. */
  readonly initiator: boolean
  /**
   * Opens a framed channel on the session's connection.
   *
   * Rejects with SessionClosedError once the session is over, with the multiplexer's StreamRefusedError when the peer does not
   * take the tag, or with the signal's reason.
   */
  openChannel(tag: string, options?: { readonly signal?: AbortSignal }): Promise<FramedChannel>
}

export type SessionEvent =
  /** The handshake is complete and the session may be used. */
  | { readonly type: 'up'; readonly session: Session }
  /**
   * The session is over; its channels end. `reason`: `goodbye`, `silent`, `replaced`, `idle`, `stopped`, `protocol`, or why the
   * connection was lost.
   */
  | { readonly type: 'down'; readonly session: Session; readonly reason: string }
  /** One own attempt failed; `reason` is the error's name. Continuous intents go on. */
  | { readonly type: 'failed'; readonly peer: PeerKey; readonly reason: string; readonly error: Error }

/** A peer that dialled us was turned away, or broke off. */
export interface RejectionEvent {
  readonly peer: PeerKey
  readonly error: Error
}

export interface WantOptions {
  /**
   * `once`: one dial; when it fails, a `failed` event and nothing more. `continuous`: a session for ever, redialled with jitter.
   * The intents of a peer are merged, and continuous wins.
   */
  readonly mode: 'once' | 'continuous'
  /** Text multiaddrs, with or without `/p2p/…`; added to the address book. At most 8 per peer are kept. */
  readonly addresses?: readonly string[]
}

/** A wish to be in session with a peer. */
export interface Intent {
  /** Gives the wish up. Idempotent. A session nobody else wants is closed after the idle grace. */
  release(): void
}

/** What a peer is doing. */
export type PeerStatus = 'connected' | 'suspect' | 'connecting' | 'waiting' | 'closing'

/** One peer, as of now. */
export interface PeerInfo {
  readonly peer: PeerKey
  readonly status: PeerStatus
  readonly wanted: 'none' | 'once' | 'continuous'
  /** Who dialled the session's connection; undefined without a session. */
  readonly direction: 'inbound' | 'outbound' | undefined
  /** Round trip of the last heartbeat, ms. */
  readonly rttMs: number | undefined
  /** Silence so far, ms; undefined without a session. */
  readonly silentMs: number | undefined
  /** Failed attempts in a row. */
  readonly failures: number
  readonly lastError: Error | undefined
  readonly addresses: readonly string[]
}

/** Counts since construction, and what is held now. */
export interface PeersStats {
  readonly sessions: number
  readonly peers: number
  readonly connections: number
  readonly dials: number
  readonly dialsFailed: number
  readonly sessionsUp: number
  readonly sessionsDown: number
  readonly sessionsReplaced: number
  readonly handshakesFailed: number
  /** Handshakes failed, by the name of the error. */
  readonly failuresByError: Readonly<Record<string, number>>
  readonly duplicatesClosed: number
  readonly lateDialsClosed: number
  readonly inboundRefused: number
  readonly channelsHeld: number
  readonly channelsRefused: number
  readonly suspicions: number
  readonly silences: number
  /** Times this process stalled and gave its peers a new grace. */
  readonly selfStalls: number
  readonly idleClosed: number
  readonly goodbyesForced: number
  readonly listenerErrors: number
}

/** Who belongs to the cluster. All rules given must hold; no rule at all needs `open: true`. */
export interface ClusterInit {
  /** The name, 1 to 255 bytes of UTF-8. Not a secret: it keeps two clusters apart. */
  readonly name: string
  /** Shared secrets, at least 16 bytes each. The first one proves, any of them is accepted, so that it can be rotated. */
  readonly secrets?: readonly (string | Uint8Array)[]
  /** Peer ids that may be in session with this node. */
  readonly allow?: Iterable<PeerKey>
  /**
   * Asked for each peer that passed the other rules; it may take until the handshake's deadline. One that throws or rejects
   * turns the peer away.
   */
  readonly admit?: (peer: PeerKey) => boolean | Promise<boolean>
  /** Admits everybody who can reach this node. Only for networks that are closed by other means. */
  readonly open?: boolean
}

export interface PeersInit {
  readonly cluster: ClusterInit
  readonly timings?: Partial<PeersTimings>
  /** Addresses others reach this node at; the transport's own when not given. */
  readonly announce?: readonly string[]
  /** Turns one address into those to dial, at every redial. Default: the address itself. */
  readonly resolve?: (
    address: string,
    options: { readonly signal: AbortSignal }
  ) => Promise<readonly string[]>
}

/** The peer manager. */
export interface Peers extends Startable {
  readonly self: PeerKey
  /** Listens for connections and begins to dial. Idempotent. */
  start(): void
  /**
   * Says goodbye everywhere, closes every connection of its own, settles every promise and leaves no timer or listener.
   * Resolves within `timeoutMs` (default 5,000), never rejects. Idempotent; the manager may be started again.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>
  /** The established sessions, at most one per peer. */
  sessions(): readonly Session[]
  /**
   * States a wish. Kept when stated before `start`; without effect once the manager is stopping.
   *
   * @throws TypeError for a bad peer id, this node's own, or a bad mode
   * @throws TooManyPeersError above 4,096 peers
   */
  want(peer: PeerKey, options: WantOptions): Intent
  /** Called synchronously after the state has changed. Listeners must not throw; one that does is counted. */
  onSession(listener: (event: SessionEvent) => void): () => void
  /** Connections others dialled that did not become a session. Called like `onSession`. */
  onRejection(listener: (event: RejectionEvent) => void): () => void
  /** Takes the channels with `tag` of established sessions. Channels that come a little early are held back, not refused. */
  handleChannel(tag: string, handler: (channel: FramedChannel, session: Session) => void): () => void
  /** What the address book holds, the address that worked last first. */
  addresses(peer: PeerKey): readonly string[]
  ownAddresses(): readonly string[]
  /** Every peer with a wish, a dial or a connection. */
  peers(): readonly PeerInfo[]
  stats(): PeersStats
}
