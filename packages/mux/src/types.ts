import type { ComponentLogger, Connection, Metrics, PeerId, Startable, Stream } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { Timers } from '@starling/ports'

/** The text form of the peer id that the connection's handshake authenticated. Never read from a payload. */
export type PeerKey = string

/**
 * Why an acceptor did not hand a stream to a handler.
 *
 * - `unknownTag`: no handler owns the tag.
 * - `busy`: a limit of the acceptor is reached, or its accept rule says so; trying again later may help.
 * - `malformed`: the opener's first bytes are no preamble, or it stopped before the preamble was complete.
 * - `timeout`: the preamble was not complete, or the accept rule gave no answer, within the acceptor's deadline.
 * - `closing`: the acceptor is shutting down.
 */
export type Refusal = 'unknownTag' | 'busy' | 'malformed' | 'timeout' | 'closing'

/** How the other end said that a channel is over before its time; `lost` when it could not say anything. */
export type ChannelEndReason =
  | 'aborted'
  | 'malformed'
  | 'overrun'
  | 'handlerFailed'
  | 'closing'
  | 'stalled'
  | 'lost'

/** What is known about an inbound stream when its tag has been read. */
export interface StreamInfo {
  /** Who opened the stream, as the transport authenticated it. */
  readonly peer: PeerKey
  readonly connection: Connection
  /** The tag as it was registered. */
  readonly tag: string
}

/**
 * A stream of whole messages in both directions on one libp2p stream, with credits of our own: neither end ever holds
 * more of the other's unread messages than the window it granted, whatever the transport does.
 *
 * It is an async iterable of the messages received, for one consumer at a time. Asking for the next message says that
 * the one before has been dealt with, and only that lets the peer send more. A message belongs to whoever received it. A
 * loop that is left early leaves the channel as it is: a later loop goes on with the next message. The iteration ends at
 * the peer's END, and throws {@link ChannelTruncatedError} when the channel ends without one.
 */
export interface FramedChannel extends AsyncIterable<Uint8Array> {
  readonly tag: string
  readonly peer: PeerKey
  /** Length in bytes of the largest message `send` takes: the window the peer granted, less 128. */
  readonly messageBytesMax: number
  /**
   * Queues one message, which must not be changed afterwards. Returns false when the queue has reached its limit: the
   * message is queued all the same, and the caller waits for `drained()` before the next.
   *
   * @throws ChannelClosedError after `end`, `abort` or the end of the channel
   * @throws ChannelQueueFullError when false was not heeded and the queue holds twice its limit; nothing is queued
   * @throws RangeError when the message is longer than `messageBytesMax`, TypeError when it is no Uint8Array
   */
  send(message: Uint8Array): boolean
  /**
   * Resolves at once while the queue is below its limit, else when it has fallen to half.
   *
   * Rejects with ChannelClosedError when the channel ends first, or with the signal's reason.
   */
  drained(options?: { readonly signal?: AbortSignal }): Promise<void>
  /**
   * Sends nothing more: END follows all queued messages. Resolves when the peer has acknowledged it, which it does once its
   * consumer has dealt with every message. Receiving goes on until the peer's END. May be called again for the same result.
   *
   * Rejects with ChannelClosedError when the channel ends without the acknowledgement, or with the signal's reason; then END
   * is still on its way.
   */
  end(options?: { readonly signal?: AbortSignal }): Promise<void>
  /**
   * Ends both directions now and drops what is queued either way. The peer's iterator throws ChannelTruncatedError with
   * reason `aborted`, the local one throws `reason`. Does nothing when the channel has ended.
   */
  abort(reason: Error): void
  /**
   * Receives by a call for each message instead of by iterating, for whoever has much to receive or answers at once: the call
   * comes in the event that brought the message, without a promise or an allocation for it. A message is only lent: its bytes
   * are overwritten when `onMessage` has returned, or, when it returns a promise, when that has settled. Only then may the
   * peer send more, and the next call comes. Messages that wait already are given at once.
   *
   * Resolves at the peer's END. Rejects as iterating throws, or with what `onMessage` threw or rejected with: that message
   * counts as dealt with, and the channel is left as it is. Rejects with TypeError while there is another consumer.
   */
  consume(onMessage: MessageConsumer): Promise<void>
  /** Resolves, and never rejects, once nothing more can be sent or received. */
  readonly closed: Promise<void>
}

/** Deals with one message of a channel. The bytes are lent until it has returned, or its promise has settled. */
export type MessageConsumer = (message: Uint8Array) => void | Promise<void>

/** A registration of tags. */
export interface MuxRegistration {
  /**
   * Frees the tags of this registration, and no other. Streams already handed over live on, unless `abort` is given: then they
   * end, channels with this reason. May be called again.
   */
  dispose(options?: { readonly abort?: Error }): void
}

/** Decides on one inbound stream before it is accepted: a refusal, or `undefined` to accept. */
export type AcceptRule = (info: StreamInfo) => Refusal | undefined | Promise<Refusal | undefined>

export interface HandleOptions {
  /**
   * Asked for each stream after its tag is known. Without it every stream is accepted. A rule that throws or rejects refuses
   * with `busy`; one that gives no answer in time (`acceptTimeoutMs`) with `timeout`.
   */
  readonly accept?: AcceptRule
  /** Allows tags with the reserved prefix `starling:`. Default false. */
  readonly internal?: boolean
}

export interface HandleChannelOptions extends HandleOptions {
  /** Bytes the peer may have unread here, 16 KiB to 16 MiB. Default: `windowBytes` of the mux. */
  readonly windowBytes?: number
}

export interface OpenOptions {
  /** Gives the attempt up; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Allows a tag with the reserved prefix `starling:`. Default false. */
  readonly internal?: boolean
}

export interface OpenChannelOptions extends OpenOptions {
  /** Bytes the peer may have unread here, 16 KiB to 16 MiB. Default: `windowBytes` of the mux. */
  readonly windowBytes?: number
}

/**
 * Receives a raw stream, with every byte after the preamble still in it, in order. Called synchronously when the tag has
 * been accepted; add the listeners before the first `await`. A handler that throws or rejects ends its stream and no other.
 */
export type RawHandler = (stream: Stream, info: StreamInfo) => void | Promise<void>

/** Receives a channel. A handler that throws or rejects ends its channel (`handlerFailed`) and no other. */
export type ChannelHandler = (channel: FramedChannel, info: StreamInfo) => void | Promise<void>

/**
 * A limit that turned a stream away: of inbound streams on its `connection`, of its `peer`, over all peers (`total`), of their
 * `rate`, of `parked` ones; and at the opening end of the `queue` for a place.
 */
export type LimitName = 'connection' | 'peer' | 'total' | 'rate' | 'parked' | 'queue'

/** What the mux holds and has done. Counts since construction; bytes and streams as of now. */
export interface MuxStats {
  /** Streams of this protocol that are not closed at both ends yet, by who opened them. */
  readonly streams: { readonly inbound: number; readonly outbound: number }
  readonly channels: number
  /** Inbound streams whose preamble is incomplete or whose accept rule has not answered. */
  readonly parked: number
  /** Opens that wait for a place on their connection. */
  readonly queued: number
  /** The most there was at one time. */
  readonly peak: Readonly<Record<'inbound' | 'outbound' | 'channels' | 'parked', number>>
  readonly opened: number
  /** Inbound streams: each is accepted, refused, abandoned or still parked. */
  readonly received: number
  readonly accepted: number
  /** Inbound streams that were gone before their verdict. */
  readonly abandoned: number
  /** Inbound streams refused here, by reason. */
  readonly refused: Readonly<Record<Refusal, number>>
  /** How often each limit turned a stream away; the inbound ones are among the refused as `busy`. */
  readonly limited: Readonly<Record<LimitName, number>>
  /** Outbound streams the other end refused, by reason. */
  readonly refusedByPeer: Readonly<Record<Refusal, number>>
  /** Handlers that threw or rejected, other than with the failure of their own channel. */
  readonly handlersFailed: number
  /** Channels that ended without the peer's END. */
  readonly channelsTruncated: number
  /**
   * Whole messages of channels, those that `send` took and those that came completely, and their bytes: the payload, without
   * frames, encryption or what raw streams carry. By tag for Starling's own, together as `other` for an application's.
   */
  readonly traffic: Readonly<
    Record<
      string,
      {
        readonly messagesSent: number
        readonly messagesReceived: number
        readonly bytesSent: number
        readonly bytesReceived: number
      }
    >
  >
  /** Payload bytes held by all channels: queued to be sent, and received but not dealt with. */
  readonly bytesBuffered: { readonly sending: number; readonly receiving: number }
}

/** Many protocols on one connection, told apart by a tag of 1 to 255 bytes at the start of each stream. */
export interface Mux extends Startable {
  /**
   * Hands raw streams with any of `tags` to `handler`. Flow control of a raw stream is the transport's, and QUIC's has none
   * towards JavaScript: a handler that does not read loses the stream at 4 MiB. A raw stream has no end mark either: over QUIC
   * a reset looks like an end. The handler must close or abort the stream when the other end has closed it.
   *
   * @throws TypeError on an empty, too long, ill-formed or reserved tag, or none
   * @throws TagTakenError when another registration owns one of the tags; then none is taken
   */
  handle(tags: string | readonly string[], handler: RawHandler, options?: HandleOptions): MuxRegistration
  /** Hands framed channels with any of `tags` to `handler`. Throws as `handle` does, and RangeError on a bad window. */
  handleChannel(
    tags: string | readonly string[],
    handler: ChannelHandler,
    options?: HandleChannelOptions
  ): MuxRegistration
  /**
   * Opens a raw stream; resolves when the other end has accepted it. Never dials: a peer id needs an open connection. When the
   * connection has as many streams as it may, the call waits for its turn, all within `openTimeoutMs`.
   *
   * Rejects with StreamRefusedError, StreamLimitError, StreamLostError, NotConnectedError, OpenTimeoutError, MuxStoppedError,
   * TypeError for a bad tag, the signal's reason, or libp2p's own error when the protocol cannot be negotiated.
   */
  open(target: Connection | PeerId, tag: string, options?: OpenOptions): Promise<Stream>
  /** Opens a framed channel. Rejects as `open` does. */
  openChannel(target: Connection | PeerId, tag: string, options?: OpenChannelOptions): Promise<FramedChannel>
  stats(): MuxStats
}

/** What the mux is given; a libp2p node has all of it. */
export interface MuxComponents {
  readonly registrar: Pick<Registrar, 'handle' | 'unhandle'>
  readonly connectionManager: Pick<ConnectionManager, 'getConnections'>
  readonly logger?: ComponentLogger
  /** Where the figures of `stats()` are registered. */
  readonly metrics?: Metrics
  /** Default: the platform's timers. */
  readonly timers?: Timers
}
