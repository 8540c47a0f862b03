/** The text form of a peer id that the transport authenticated. */
export type PeerKey = string

/** A stream of whole messages in both directions, bounded by credits. `@starling/mux` makes them. */
export interface FramedChannel extends AsyncIterable<Uint8Array> {
  readonly peer: PeerKey
  /** Bytes of the largest message `send` takes. */
  readonly messageBytesMax: number
  /** Queues one message; false means that the queue is full and `drained()` is due. Throws once the channel has ended. */
  send(message: Uint8Array): boolean
  drained(options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Nothing more is sent; resolves when the peer has dealt with everything. */
  end(options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Ends both directions now; the peer's iterator throws. */
  abort(reason: Error): void
  readonly closed: Promise<void>
}

/** The one session with a peer. */
export interface Session {
  readonly peer: PeerKey
  openChannel(tag: string, options?: { readonly signal?: AbortSignal }): Promise<FramedChannel>
}

export type SessionEvent =
  | { readonly type: 'up'; readonly session: Session }
  | { readonly type: 'down'; readonly session: Session; readonly reason: string }
  | { readonly type: 'failed'; readonly peer: PeerKey; readonly reason: string }

/** Who we are and whom we have a session with. `@starling/peers` fits it. */
export interface SessionPort {
  readonly self: PeerKey
  /** Established sessions, at most one per peer. */
  sessions(): readonly Session[]
  want(peer: PeerKey, options: { readonly mode: 'once' | 'continuous' }): { release(): void }
  /** Listeners are called synchronously, after the state changed. Returns the function that stops listening. */
  onSession(listener: (event: SessionEvent) => void): () => void
  /** Only channels of established sessions reach the handler. Returns the function that unregisters it. */
  handleChannel(tag: string, handler: (channel: FramedChannel, session: Session) => void): () => void
}

/** Whom to keep a session with. A gossip topic fits it. */
export interface NeighborSource {
  neighbors(): readonly PeerKey[]
  /** Called on every change, after it. Returns the function that stops listening. */
  onNeighbor(listener: (event: { readonly type: 'up' | 'down'; readonly peer: PeerKey }) => void): () => void
}
