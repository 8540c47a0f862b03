import type { ChannelEndReason, PeerKey, Refusal } from './types.ts'

/** The other end did not accept the stream, and said why. */
export class StreamRefusedError extends Error {
  override readonly name = 'StreamRefusedError'
  readonly peer: PeerKey
  readonly tag: string
  readonly reason: Refusal

  constructor(peer: PeerKey, tag: string, reason: Refusal) {
    super(`${peer} refused the stream ${JSON.stringify(tag)}: ${ADVICE[reason]}`)
    this.peer = peer
    this.tag = tag
    this.reason = reason
  }
}

const ADVICE: Readonly<Record<Refusal, string>> = {
  unknownTag: 'it has no handler for this tag; register one there first',
  busy: 'it is at a limit or its accept rule said no; try again later',
  malformed: 'it could not read the preamble; check that both ends use the same verb for this tag',
  timeout: 'it did not get the preamble, or an answer of its accept rule, in time; try again later',
  closing: 'it is shutting down; try again when it is back'
}

/** The stream ended before the other end gave its verdict. */
export class StreamLostError extends Error {
  override readonly name = 'StreamLostError'
  readonly peer: PeerKey
  readonly tag: string

  constructor(peer: PeerKey, tag: string, options?: ErrorOptions) {
    super(
      `the stream ${JSON.stringify(tag)} to ${peer} ended before it was accepted; open it again when the connection stands`,
      options
    )
    this.peer = peer
    this.tag = tag
  }
}

/** The other end gave no verdict in time. */
export class OpenTimeoutError extends Error {
  override readonly name = 'OpenTimeoutError'
  readonly peer: PeerKey
  readonly tag: string
  readonly timeoutMs: number

  constructor(peer: PeerKey, tag: string, timeoutMs: number) {
    super(
      `${peer} did not answer the stream ${JSON.stringify(tag)} within ${timeoutMs} ms; try again or raise openTimeoutMs`
    )
    this.peer = peer
    this.tag = tag
    this.timeoutMs = timeoutMs
  }
}

/** This end has as many streams open on the connection as it allows itself, and none was closed in time or too many wait. */
export class StreamLimitError extends Error {
  override readonly name = 'StreamLimitError'
  readonly peer: PeerKey
  readonly limit: number

  constructor(peer: PeerKey, limit: number) {
    super(`${limit} streams to ${peer} are open already; close some before opening others`)
    this.peer = peer
    this.limit = limit
  }
}

/** There is no open connection to the peer. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError'
  readonly peer: PeerKey

  constructor(peer: PeerKey) {
    super(`there is no open connection to ${peer}; dial it first`)
    this.peer = peer
  }
}

/** The mux is not started, or has been stopped. */
export class MuxStoppedError extends Error {
  override readonly name = 'MuxStoppedError'

  constructor() {
    super('the mux is not running; start it before opening streams')
  }
}

/** Another registration owns the tag. */
export class TagTakenError extends Error {
  override readonly name = 'TagTakenError'
  readonly tag: string

  constructor(tag: string) {
    super(`the tag ${JSON.stringify(tag)} has a handler already; dispose that registration first`)
    this.tag = tag
  }
}

/** The channel takes no more messages: it was ended or aborted here, or it is over. `cause` tells why where that is known. */
export class ChannelClosedError extends Error {
  override readonly name = 'ChannelClosedError'
  readonly peer: PeerKey
  readonly tag: string

  constructor(peer: PeerKey, tag: string, options?: ErrorOptions) {
    super(`the channel ${JSON.stringify(tag)} with ${peer} is closed; open another to send more`, options)
    this.peer = peer
    this.tag = tag
  }
}

/** The channel ended without the peer's END, so messages the peer wanted to send may be missing. */
export class ChannelTruncatedError extends Error {
  override readonly name = 'ChannelTruncatedError'
  readonly peer: PeerKey
  readonly tag: string
  /** What the peer said about it; `lost` when it said nothing. */
  readonly reason: ChannelEndReason

  constructor(peer: PeerKey, tag: string, reason: ChannelEndReason, options?: ErrorOptions) {
    super(
      `the channel ${JSON.stringify(tag)} with ${peer} ended early (${reason}); treat what came as incomplete`,
      options
    )
    this.peer = peer
    this.tag = tag
    this.reason = reason
  }
}

/** The peer sent more than this end had granted; the channel was ended. */
export class ChannelOverrunError extends Error {
  override readonly name = 'ChannelOverrunError'
  readonly peer: PeerKey
  readonly tag: string

  constructor(peer: PeerKey, tag: string) {
    super(
      `${peer} sent more on the channel ${JSON.stringify(tag)} than it was granted; the channel is closed`
    )
    this.peer = peer
    this.tag = tag
  }
}

/** The peer sent bytes that are no frame of this protocol; the channel was ended. */
export class ChannelProtocolError extends Error {
  override readonly name = 'ChannelProtocolError'
  readonly peer: PeerKey
  readonly tag: string

  constructor(peer: PeerKey, tag: string, options: ErrorOptions) {
    super(`${peer} broke the protocol of the channel ${JSON.stringify(tag)}; the channel is closed`, options)
    this.peer = peer
    this.tag = tag
  }
}

/** Messages waited for the peer and nothing moved for as long as the watchdog allows; the channel was ended. */
export class ChannelStalledError extends Error {
  override readonly name = 'ChannelStalledError'
  readonly peer: PeerKey
  readonly tag: string
  readonly timeoutMs: number

  constructor(peer: PeerKey, tag: string, timeoutMs: number) {
    super(
      `${peer} took nothing from the channel ${JSON.stringify(tag)} for ${timeoutMs} ms; the channel is closed`
    )
    this.peer = peer
    this.tag = tag
    this.timeoutMs = timeoutMs
  }
}

/** The caller ignored that `send` returned false until twice the queue's limit was waiting. The message was not queued. */
export class ChannelQueueFullError extends Error {
  override readonly name = 'ChannelQueueFullError'
  readonly peer: PeerKey
  readonly tag: string

  constructor(peer: PeerKey, tag: string) {
    super(
      `the queue of the channel ${JSON.stringify(tag)} with ${peer} is full; wait for drained() when send() returns false`
    )
    this.peer = peer
    this.tag = tag
  }
}

/** Bytes that are no frame. Thrown by the decoder to its immediate caller only. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}
