import { CHANNEL_FRAME_BYTES, CHANNEL_MESSAGE_CHARGE_BYTES, CHANNEL_QUEUE_BYTES } from '../config.ts'
import { ChannelInbox } from './channel-inbox.ts'
import { ChannelClosedError, ChannelQueueFullError, ChannelTruncatedError } from './connection-errors.ts'
import type { CancelSignal, Frame } from './connection-types.ts'
import { Waiters } from './waiters.ts'

/** What a channel needs of its connection. */
export interface ChannelLink {
  readonly tag: string
  readonly peer: string
  /** Bytes this end takes unread, and bytes the peer does. */
  readonly windowBytes: number
  readonly peerWindowBytes: number
  /** Puts a frame on the stream: it arrives later, in order, or never. */
  readonly transmit: (frame: Frame, bytes: number) => void
  /** Whether credits are held back: the peer's sender then stalls. */
  readonly stalled: () => boolean
  /** The channel is over at this end. */
  readonly over: (channel: SimChannel) => void
}

/**
 * One end of a stream of whole messages: reliable, in order, bounded by credits, with an END that is acknowledged. It keeps
 * the contract of the real multiplexer's channels.
 */
export class SimChannel implements AsyncIterable<Uint8Array> {
  readonly tag: string
  readonly peer: string
  readonly messageBytesMax: number
  readonly closed: Promise<void>
  readonly #link: ChannelLink
  readonly #queue: Uint8Array[] = []
  readonly #inbox: ChannelInbox
  readonly #drainWaiters = new Waiters()
  readonly #endWaiters = new Waiters()
  readonly #resolveClosed: () => void
  #queuedBytes = 0
  #credit: number
  /** Credits owed to the peer and not yet sent. */
  #owed = 0
  #peerWaits = false
  #blocked = false
  #sending: 'open' | 'ending' | 'ended' | 'acknowledged' = 'open'
  #receivedEnd = false
  #failure: Error | undefined

  constructor(link: ChannelLink) {
    this.#link = link
    this.tag = link.tag
    this.peer = link.peer
    this.messageBytesMax = link.peerWindowBytes - CHANNEL_MESSAGE_CHARGE_BYTES
    this.#credit = link.peerWindowBytes
    const closed = Promise.withResolvers<void>()
    this.closed = closed.promise
    this.#resolveClosed = () => closed.resolve()
    this.#inbox = new ChannelInbox(
      message => this.#owe(charge(message)),
      () => this.#acknowledgeEnd()
    )
  }

  /** Bytes queued and not yet on the way. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  send(message: Uint8Array): boolean {
    if (this.#isOver || this.#sending !== 'open') throw this.#closedError()
    if (message.length > this.messageBytesMax) {
      throw new RangeError(
        `a message on this channel has at most ${this.messageBytesMax} bytes, got ${message.length}`
      )
    }
    if (this.#queuedBytes >= 2 * CHANNEL_QUEUE_BYTES) throw new ChannelQueueFullError(this.peer, this.tag)
    this.#queue.push(message)
    this.#queuedBytes += message.length
    this.#pump()
    return this.#queuedBytes < CHANNEL_QUEUE_BYTES
  }

  async drained(options: { readonly signal?: CancelSignal } = {}): Promise<void> {
    if (options.signal?.aborted === true) throw options.signal.reason
    if (this.#isOver) throw this.#closedError()
    if (this.#queuedBytes < CHANNEL_QUEUE_BYTES) return
    await this.#drainWaiters.wait(options.signal)
  }

  async end(options: { readonly signal?: CancelSignal } = {}): Promise<void> {
    if (this.#sending === 'acknowledged') return
    if (this.#isOver) throw this.#closedError()
    if (this.#sending === 'open') {
      this.#sending = 'ending'
      this.#pump()
    }
    await this.#endWaiters.wait(options.signal)
  }

  abort(reason: Error): void {
    if (this.#isOver) return
    this.#link.transmit({ type: 'abort' }, CHANNEL_FRAME_BYTES)
    this.#finish(reason, true)
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#inbox.iterator()
  }

  /** A frame of the other end, in the order in which it was sent. */
  receive(frame: Frame): void {
    if (this.#isOver) return
    switch (frame.type) {
      case 'message':
        return this.#inbox.deliver(frame.bytes.slice())
      case 'credit':
        this.#credit += frame.bytes
        this.#blocked = false
        return this.#pump()
      case 'blocked':
        this.#peerWaits = true
        return this.#grant()
      case 'end':
        return this.#inbox.end()
      case 'endAck':
        this.#sending = 'acknowledged'
        this.#endWaiters.resolve()
        return this.#closeWhenDone()
      case 'abort':
        return this.#finish(new ChannelTruncatedError(this.peer, this.tag, 'aborted'), false)
    }
  }

  /** The connection is gone. */
  lost(): void {
    if (!this.#isOver) this.#finish(new ChannelTruncatedError(this.peer, this.tag, 'lost'), false)
  }

  /** Grants what was held back while the reader was stalled. */
  unstall(): void {
    this.#grant()
  }

  get #isOver(): boolean {
    return this.#failure !== undefined || (this.#sending === 'acknowledged' && this.#receivedEnd)
  }

  /** Puts as much of the queue on the way as the peer has room for, and END behind it. */
  #pump(): void {
    if (this.#isOver) return
    for (let message = this.#queue[0]; message !== undefined; message = this.#queue[0]) {
      if (this.#credit < charge(message)) break
      this.#credit -= charge(message)
      this.#queue.shift()
      this.#queuedBytes -= message.length
      this.#link.transmit({ type: 'message', bytes: message }, message.length + CHANNEL_FRAME_BYTES)
    }
    if (this.#queuedBytes <= CHANNEL_QUEUE_BYTES / 2) this.#drainWaiters.resolve()
    if (this.#queue.length > 0) return this.#block()
    if (this.#sending !== 'ending') return
    this.#sending = 'ended'
    this.#link.transmit({ type: 'end' }, CHANNEL_FRAME_BYTES)
  }

  /** Says once that credits are short. */
  #block(): void {
    if (this.#blocked) return
    this.#blocked = true
    this.#link.transmit({ type: 'blocked' }, CHANNEL_FRAME_BYTES)
  }

  #owe(bytes: number): void {
    this.#owed += bytes
    this.#grant()
  }

  /** Credits go back in quarters of the window, so that small messages do not cost a frame each, or when the peer waits. */
  #grant(): void {
    const enough = this.#peerWaits ? 1 : this.#link.windowBytes / 4
    if (this.#isOver || this.#owed < enough || this.#link.stalled()) return
    this.#peerWaits = false
    this.#link.transmit({ type: 'credit', bytes: this.#owed }, CHANNEL_FRAME_BYTES)
    this.#owed = 0
  }

  #acknowledgeEnd(): void {
    if (this.#isOver) return
    this.#receivedEnd = true
    this.#link.transmit({ type: 'endAck' }, CHANNEL_FRAME_BYTES)
    this.#closeWhenDone()
  }

  #closeWhenDone(): void {
    if (this.#sending !== 'acknowledged' || !this.#receivedEnd) return
    this.#drainWaiters.reject(() => this.#closedError())
    this.#link.over(this)
    this.#resolveClosed()
  }

  #finish(failure: Error, drop: boolean): void {
    this.#failure = failure
    this.#queue.length = 0
    this.#queuedBytes = 0
    this.#drainWaiters.reject(() => this.#closedError())
    this.#endWaiters.reject(() => this.#closedError())
    this.#inbox.fail(failure, drop)
    this.#link.over(this)
    this.#resolveClosed()
  }

  #closedError(): ChannelClosedError {
    const options = this.#failure === undefined ? undefined : { cause: this.#failure }
    return new ChannelClosedError(this.peer, this.tag, options)
  }
}

/** What a message costs of the peer's window: its bytes, and some for itself, or empty ones would be free. */
function charge(message: Uint8Array): number {
  return message.length + CHANNEL_MESSAGE_CHARGE_BYTES
}
