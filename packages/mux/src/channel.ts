import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import type { Timers } from '@starling/ports'
import type { BatchBuffers } from './batch-buffers.ts'
import { eachPiece } from './bytes.ts'
import { MESSAGE_CHARGE_BYTES } from './config.ts'
import type { Traffic } from './counters.ts'
import {
  ChannelClosedError,
  ChannelOverrunError,
  ChannelProtocolError,
  ChannelQueueFullError,
  ChannelStalledError,
  ChannelTruncatedError,
  FrameError
} from './errors.ts'
import {
  CREDIT,
  DATA,
  END,
  END_ACK,
  FrameDecoder,
  PART,
  decodeCredit,
  decodeEnd,
  encodeEnd,
  type EndReason
} from './frame.ts'
import { Inbox } from './inbox.ts'
import { Outbox } from './outbox.ts'
import { retireStream } from './retire-stream.ts'
import { isAtEnd, isGone } from './stream-head.ts'
import type { FramedChannel, MessageConsumer, PeerKey } from './types.ts'
import { Waiters } from './waiters.ts'

/** What a channel is made of: an accepted stream, and what both ends granted first. */
export interface ChannelInit {
  readonly stream: Stream
  readonly tag: string
  readonly peer: PeerKey
  /** What this end named with its first CREDIT, bytes. */
  readonly windowBytes: number
  /** What the peer named with its first CREDIT, bytes. */
  readonly creditBytes: number
  readonly queueBytesMax: number
  readonly closeTimeoutMs: number
  readonly stallTimeoutMs: number
  readonly timers: Timers
  /** Given when the transport takes one write at a time and is done with its bytes when it drains. */
  readonly buffers: BatchBuffers | undefined
  /** Where whole messages are counted. */
  readonly traffic: Traffic
}

/** A framed channel on one stream. Built in the same turn in which the head of the stream has been read. */
export class Channel implements FramedChannel {
  readonly tag: string
  readonly peer: PeerKey
  readonly messageBytesMax: number
  readonly closed: Promise<void>
  readonly #init: ChannelInit
  readonly #stream: Stream
  readonly #outbox: Outbox
  readonly #inbox: Inbox
  readonly #decoder: FrameDecoder
  readonly #endWaiters = new Waiters()
  readonly #resolveClosed: () => void
  #sending: 'open' | 'ending' | 'acknowledged' = 'open'
  #endAnswered = false
  #over = false
  #failure: Error | undefined

  constructor(init: ChannelInit) {
    this.#init = init
    this.tag = init.tag
    this.peer = init.peer
    this.messageBytesMax = init.creditBytes - MESSAGE_CHARGE_BYTES
    const closed = Promise.withResolvers<void>()
    this.closed = closed.promise
    this.#resolveClosed = () => closed.resolve()
    this.#stream = init.stream
    this.#outbox = new Outbox({
      ...init,
      failed: error => this.#lost(error),
      stalled: () => this.fail(new ChannelStalledError(this.peer, this.tag, init.stallTimeoutMs), 'stalled')
    })
    this.#decoder = new FrameDecoder({
      header: (type, length) => this.#onHeader(type, length),
      frame: (type, body) => this.#onFrame(type, body)
    })
    this.#inbox = new Inbox(init.windowBytes, this.#decoder.bodies, () => this.#onPutDown())
    init.stream.addEventListener('message', this.#onMessage)
    init.stream.addEventListener('end', this.#onEnd)
    init.stream.addEventListener('close', this.#onClose)
    if (isAtEnd(init.stream)) this.#lost(undefined)
  }

  /** Payload bytes held, waiting to be sent and waiting for the consumer. */
  get bytesBuffered(): { readonly sending: number; readonly receiving: number } {
    return { sending: this.#outbox.bytes, receiving: this.#inbox.bytes }
  }

  /** Why the channel ended early, if it did. */
  get failure(): Error | undefined {
    return this.#failure
  }

  send(message: Uint8Array): boolean {
    if (this.#over || this.#sending !== 'open') throw this.#closedError()
    if (!(message instanceof Uint8Array)) {
      throw new TypeError(`a message must be a Uint8Array, got ${typeof message}; encode it first`)
    }
    if (message.length > this.messageBytesMax) {
      throw new RangeError(
        `a message on this channel has at most ${this.messageBytesMax} bytes, got ${message.length}; send it in pieces`
      )
    }
    if (this.#outbox.overflows(message.length)) throw new ChannelQueueFullError(this.peer, this.tag)
    this.#outbox.push(message)
    const { traffic } = this.#init
    traffic.messagesSent++
    traffic.bytesSent += message.length
    return !this.#outbox.full
  }

  async drained(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (this.#over) throw this.#closedError()
    await this.#outbox.room(options.signal)
  }

  async end(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#sending === 'open' && !this.#over) {
      this.#sending = 'ending'
      this.#outbox.pushEnd()
    }
    if (this.#sending === 'acknowledged') return
    // The write may have found the stream closed, which ended the channel before anyone waited.
    if (this.#over) throw this.#closedError()
    await this.#endWaiters.wait(options.signal)
  }

  abort(reason: Error): void {
    this.fail(reason, 'aborted')
  }

  /** Ends the channel because of `error`; the peer is told `reason`. Received messages not asked for are dropped. */
  fail(error: Error, reason: EndReason): void {
    if (this.#over) return
    this.#inbox.drop()
    this.#finish(error, reason)
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#inbox.iterator()
  }

  consume(onMessage: MessageConsumer): Promise<void> {
    return this.#inbox.consume(onMessage)
  }

  #onPutDown(): void {
    if (this.#over) return
    this.#grant()
    this.#answerEnd()
  }

  #grant(): void {
    // After the peer's END it sends nothing more, so a grant would be wasted.
    if (this.#inbox.ended) return
    const bytes = this.#inbox.queue.grant()
    if (bytes > 0) this.#outbox.pushCredit(bytes)
  }

  /** Acknowledges the peer's END, but only when the consumer has dealt with every message before it. */
  #answerEnd(): void {
    if (!this.#inbox.ended || this.#endAnswered || !this.#inbox.idle) return
    this.#endAnswered = true
    this.#outbox.pushEndAck()
    this.#closeWhenDone()
  }

  readonly #onPiece = (piece: Uint8Array): boolean => {
    this.#decoder.push(piece)
    return !this.#over
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    try {
      eachPiece(event, this.#onPiece)
    } catch (error) {
      if (error instanceof ChannelOverrunError) this.fail(error, 'overrun')
      else this.fail(new ChannelProtocolError(this.peer, this.tag, { cause: error }), 'malformed')
      return
    }
    if (this.#over) return
    this.#outbox.turn()
    this.#onEnd()
  }

  #onHeader(type: number, length: number): void {
    if (type !== DATA && type !== PART) return
    if (this.#inbox.ended) throw new FrameError('a message came after END')
    if (!this.#inbox.queue.admit(length)) throw new ChannelOverrunError(this.peer, this.tag)
  }

  #onFrame(type: number, body: Uint8Array): void {
    if (this.#over) return
    switch (type) {
      case DATA:
      case PART: {
        const message = this.#inbox.queue.take(type, body)
        if (message === undefined) return this.#grant()
        const { traffic } = this.#init
        traffic.messagesReceived++
        traffic.bytesReceived += message.length
        this.#inbox.deliver(message)
        return
      }
      case CREDIT:
        this.#outbox.grant(decodeCredit(body))
        if (this.#outbox.credit > 0xffffffff) throw new FrameError('more is granted than there can be')
        return
      case END:
        this.#onPeerEnd(decodeEnd(body))
        return
      case END_ACK:
        if (this.#sending !== 'ending' || !this.#outbox.endWritten) {
          throw new FrameError('an END_ACK came without an END')
        }
        this.#sending = 'acknowledged'
        this.#outbox.endAcknowledged()
        this.#endWaiters.resolve()
        this.#closeWhenDone()
    }
  }

  #onPeerEnd(reason: EndReason): void {
    if (reason !== 'finished') {
      this.#finish(new ChannelTruncatedError(this.peer, this.tag, reason), undefined)
      return
    }
    if (this.#inbox.ended) throw new FrameError('a second END came')
    if (this.#inbox.queue.midMessage) throw new FrameError('END came within a message')
    this.#inbox.end()
    this.#answerEnd()
  }

  readonly #onEnd = (): void => {
    if (isAtEnd(this.#stream)) this.#lost(undefined)
  }

  readonly #onClose = (event: { error?: Error }): void => this.#lost(event.error)

  /** The stream is at its end although the channel is not. What has come completely is still the consumer's. */
  #lost(cause: Error | undefined): void {
    if (this.#over) return
    const options = cause === undefined ? undefined : { cause }
    this.#finish(new ChannelTruncatedError(this.peer, this.tag, 'lost', options), undefined)
  }

  /** Ends everything at once. `say` goes to the peer in an END of its own, past all queued messages. */
  #finish(error: Error, say: EndReason | undefined): void {
    this.#failure = error
    this.#detach()
    if (say !== undefined && this.#stream.writeStatus === 'writable') {
      try {
        this.#stream.send(encodeEnd(say))
      } catch {
        // The stream went away in between; there is nobody to tell.
      }
    }
    retireStream(this.#stream, this.#init.timers, this.#init.closeTimeoutMs, error)
    this.#endWaiters.reject(() => this.#closedError())
    this.#inbox.fail(error)
    this.#resolveClosed()
  }

  /** Both ENDs are acknowledged: closes the stream, which the peer, knowing the same, does as well. */
  #closeWhenDone(): void {
    if (this.#over || this.#sending !== 'acknowledged' || !this.#endAnswered) return
    this.#outbox.flush()
    // The write may have found the stream closed.
    if (this.#over) return
    this.#detach()
    this.#stream.addEventListener('close', this.#resolveClosed, { once: true })
    if (isGone(this.#stream)) this.#resolveClosed()
    const reason = new Error('the peer did not close the stream after both sides had ended it')
    retireStream(this.#stream, this.#init.timers, this.#init.closeTimeoutMs, reason)
  }

  #detach(): void {
    this.#over = true
    this.#outbox.stop(() => this.#closedError())
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#stream.removeEventListener('end', this.#onEnd)
    this.#stream.removeEventListener('close', this.#onClose)
  }

  #closedError(): ChannelClosedError {
    const options = this.#failure === undefined ? undefined : { cause: this.#failure }
    return new ChannelClosedError(this.peer, this.tag, options)
  }
}
