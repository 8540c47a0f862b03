/** The text form of a peer id, as the transport authenticated it. */
export type PeerKey = string

/** A channel of whole messages to one peer, with credits: what `@starling/mux` gives. */
export interface FramedChannel extends AsyncIterable<Uint8Array> {
  readonly peer: PeerKey
  /** Largest message `send` takes, in bytes. */
  readonly messageBytesMax: number
  /** Queues a message; false when the queue is full and `drained()` is to be awaited. Throws once the channel has ended. */
  send(message: Uint8Array): boolean
  drained(options?: { readonly signal?: AbortSignal }): Promise<void>
  end(options?: { readonly signal?: AbortSignal }): Promise<void>
  abort(reason: Error): void
  /** Resolves, and never rejects, once nothing more can be sent or received. */
  readonly closed: Promise<void>
}

/** The one session with a peer. */
export interface Session {
  readonly peer: PeerKey
  /** Whether this side dialled the connection. */
  readonly initiator: boolean
  openChannel(tag: string, options?: { readonly signal?: AbortSignal }): Promise<FramedChannel>
}

/** What happens to sessions. `failed` is one dial attempt that came to nothing. */
export type SessionEvent =
  | { readonly type: 'up'; readonly session: Session }
  | { readonly type: 'down'; readonly session: Session; readonly reason: string }
  | { readonly type: 'failed'; readonly peer: PeerKey; readonly reason: string }

/** What gossip needs of a peer manager: what `@starling/peers` gives. */
export interface SessionPort {
  readonly self: PeerKey
  sessions(): readonly Session[]
  want(
    peer: PeerKey,
    options: { readonly mode: 'once' | 'continuous'; readonly addresses?: readonly string[] }
  ): { release(): void }
  onSession(listener: (event: SessionEvent) => void): () => void
  handleChannel(tag: string, handler: (channel: FramedChannel, session: Session) => void): () => void
  ownAddresses(): readonly string[]
}
