import type { Startable } from '@libp2p/interface'
import type { PeersTimings } from './config.ts'
import type { Lagged } from './event-stream.ts'
import type { EventStreamOptions, Intent, WantOptions } from './intent-types.ts'
import type { NameLookup } from './names.ts'
import type { Metadata } from './metadata.ts'
import type { PeerEvent } from './peer-events.ts'
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
   * The session is over; its channels end. `reason`: `goodbye`, `silent`, `replaced`, `idle`, `stopped`, `protocol`, `revoked`, or
   * why the connection was lost. With `revoked` the channels are aborted already: nothing of them is delivered any more.
   */
  | { readonly type: 'down'; readonly session: Session; readonly reason: string }
  /** One own attempt failed, or a once intent's time was up; `reason` is the error's name. Continuous intents go on. */
  | { readonly type: 'failed'; readonly peer: PeerKey; readonly reason: string; readonly error: Error }

/** A peer that dialled us was turned away, or broke off. */
export interface RejectionEvent {
  readonly peer: PeerKey
  readonly error: Error
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
  /** Facts of the session; undefined without one. */
  readonly session: SessionFacts | undefined
}

/** What is known about a session and the process at its other end. */
export interface SessionFacts {
  /** The peer's process, 16 hexadecimal digits: a later start has the greater text. */
  readonly incarnation: string
  /** Version of the session protocol. */
  readonly version: number
  /** Since when, wall ms. */
  readonly sinceMs: number
  /** The peer's address as the transport sees it. */
  readonly remoteAddress: string
  /** Channels open or waiting. */
  readonly channels: number
  /** What the peer says of itself: claims, to be shown and not to be trusted. Comes with the first message of the session. */
  readonly metadata: Metadata
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
  /** Sessions and handshakes ended because their peer is not admitted any more. */
  readonly revocations: number
  /** Standing connections that a second one from the same peer called in question. */
  readonly probes: number
  /** Names resolved, by asking and from memory, and those that could not be. */
  readonly namesAsked: number
  readonly namesCached: number
  readonly namesFailed: number
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

/** An inbound connection whose peer has proven itself and is allowed. */
export interface AcceptRequest {
  readonly peer: PeerKey
  /** The peer's address as the transport sees it. */
  readonly remoteAddress: string
  /** Sessions this node has now. */
  readonly sessions: number
}

/** `busy`: not now, the peer tries again soon. `refuse`: not at all, the peer tries again rarely. */
export type AcceptVerdict = 'accept' | 'busy' | 'refuse'

export interface PeersInit {
  readonly cluster: ClusterInit
  /**
   * Asked for each inbound connection that passed the cluster's rules. Default: accepted. It may take until the handshake's
   * deadline; one that throws or rejects is taken as `refuse`.
   */
  readonly accept?: (request: AcceptRequest) => AcceptVerdict | Promise<AcceptVerdict>
  readonly timings?: Partial<PeersTimings>
  /** What this node says of itself to every peer it is in session with; at most 16 keys of 64 bytes and 1,024 bytes in all. */
  readonly metadata?: Metadata
  /** Addresses others reach this node at, at most 16 text multiaddrs; the transport's own when not given. */
  readonly announce?: readonly string[]
  /**
   * Looks up the names in `/dns`, `/dns4`, `/dns6` and `/dnsaddr` addresses, again at every redial. Default of the service: the
   * system's resolver; of `createPeers`: none, and such addresses cannot be dialled.
   */
  readonly names?: NameLookup
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
   * @throws RangeError for a bad `timeoutMs`
   * @throws TooManyPeersError above 4,096 peers
   * @throws TooManyIntentsError above 1,024 intents for one peer
   */
  want(peer: PeerKey, options: WantOptions): Intent
  /**
   * Takes a peer's admission away, whatever the other rules say, until `restore`. A live session ends at once with reason
   * `revoked`: its channels are aborted, what is in flight on them is not delivered, and its connection is closed within a
   * second. Remembered in memory only.
   *
   * @throws TypeError for a bad peer id
   * @throws RangeError when 4,096 peers are revoked already; use an allow-list
   */
  revoke(peer: PeerKey): void
  /** Takes a revocation back. The peer may come again; a continuous intent dials it again soon. */
  restore(peer: PeerKey): void
  /** Replaces the allow-list; undefined removes it. Sessions with peers that are not on it end as by `revoke`. */
  setAllowed(peers: Iterable<PeerKey> | undefined): void
  /**
   * Replaces the secrets: the first proves from now on, any is accepted. A session that was proven with a secret that is gone is
   * proven again within a second, on the same connection, or ends as by `revoke`.
   *
   * @throws TypeError when this would leave the cluster without a rule, or makes one that had secrets do without
   * @throws RangeError for a secret under 16 bytes or more than 8 of them
   */
  setSecrets(secrets: readonly (string | Uint8Array)[]): void
  /**
   * Asks the `admit` callback again for every peer in session. Those it turns away, or for which it has no answer before the
   * handshake's deadline, end as by `revoke`. Resolves with them when all are decided; never rejects.
   */
  recheck(): Promise<readonly PeerKey[]>
  /** Called synchronously after the state has changed. Listeners must not throw; one that does is counted. */
  onSession(listener: (event: SessionEvent) => void): () => void
  /** Connections others dialled that did not become a session. Called like `onSession`. */
  onRejection(listener: (event: RejectionEvent) => void): () => void
  /** Called like `onSession` for each {@link PeerEvent}. */
  onPeer(listener: (event: PeerEvent) => void): () => void
  /**
   * The same events for one reader, from now on. A reader that falls behind loses the oldest, is told how many (`lagged`), and
   * reads `peers()` anew; nothing waits for it. Ends with its signal, and when the manager stops.
   *
   * @throws RangeError for a buffer that is not 1 to 65,536 events (default 256)
   */
  events(options?: EventStreamOptions): AsyncIterable<PeerEvent | Lagged>
  /** Takes the channels with `tag` of established sessions. Channels that come a little early are held back, not refused. */
  handleChannel(tag: string, handler: (channel: FramedChannel, session: Session) => void): () => void
  /** What the address book holds, the address that worked last first. */
  addresses(peer: PeerKey): readonly string[]
  ownAddresses(): readonly string[]
  /** Every peer with a wish, a dial or a connection. */
  peers(): readonly PeerInfo[]
  stats(): PeersStats
}
