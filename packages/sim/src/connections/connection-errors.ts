import type { ChannelRefusal } from './connection-types.ts'

/** A simulated dial came to nothing: refused, or nobody there is who was meant. */
export class DialFailedError extends Error {
  override readonly name = 'DialFailedError'
  readonly address: string

  constructor(address: string, detail: string) {
    super(`the dial to ${address} failed: ${detail}`)
    this.address = address
  }
}

/** The peer did not accept a channel. Named as the error of the real multiplexer, as are the others here. */
export class StreamRefusedError extends Error {
  override readonly name = 'StreamRefusedError'
  readonly peer: string
  readonly tag: string
  readonly reason: ChannelRefusal

  constructor(peer: string, tag: string, reason: ChannelRefusal) {
    super(`${peer} refused a channel for ${tag}: ${reason}`)
    this.peer = peer
    this.tag = tag
    this.reason = reason
  }
}

/** The connection ended before the peer had answered. */
export class StreamLostError extends Error {
  override readonly name = 'StreamLostError'

  constructor(peer: string, tag: string) {
    super(`the connection with ${peer} ended while a channel for ${tag} was being opened`)
  }
}

/** The channel has been ended, or is over. */
export class ChannelClosedError extends Error {
  override readonly name = 'ChannelClosedError'

  constructor(peer: string, tag: string, options?: ErrorOptions) {
    super(`the channel ${tag} with ${peer} is closed`, options)
  }
}

/** The channel is over and the peer's END never came. */
export class ChannelTruncatedError extends Error {
  override readonly name = 'ChannelTruncatedError'
  readonly reason: 'aborted' | 'handlerFailed' | 'lost'

  constructor(peer: string, tag: string, reason: 'aborted' | 'handlerFailed' | 'lost') {
    super(`the channel ${tag} with ${peer} ended before its END: ${reason}`)
    this.reason = reason
  }
}

/** `send` said that the queue is full, and was not heeded. */
export class ChannelQueueFullError extends Error {
  override readonly name = 'ChannelQueueFullError'

  constructor(peer: string, tag: string) {
    super(`the queue of the channel ${tag} with ${peer} is full twice over: await drained()`)
  }
}

/** Another registration of this host owns the tag. */
export class TagTakenError extends Error {
  override readonly name = 'TagTakenError'

  constructor(tag: string) {
    super(`the tag ${tag} has a handler already`)
  }
}
