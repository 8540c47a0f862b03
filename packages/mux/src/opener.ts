import type { Connection, Stream } from '@libp2p/interface'
import type { TimerHandle, Timers } from '@starling/ports'
import { ByteCollector } from './bytes.ts'
import { PROTOCOL, type MuxConfig } from './config.ts'
import type { ConnectionStreams, OutboundPlace } from './connection-streams.ts'
import type { Counters } from './counters.ts'
import { OpenTimeoutError, StreamLimitError, StreamLostError, StreamRefusedError } from './errors.ts'
import { CREDIT_FRAME_BYTES, encodeCredit } from './frame.ts'
import { firstCredit } from './inbound-head.ts'
import { decodeVerdict, encodePreamble, type Verdict } from './preamble.ts'
import { retireStream } from './retire-stream.ts'
import { readHead, type HeadOutcome, type HeadProgress } from './stream-head.ts'

export interface OpenerParts {
  readonly config: MuxConfig
  readonly timers: Timers
  readonly streams: ConnectionStreams
  readonly counters: Counters
}

/** One stream to open. */
export interface OpenRequest {
  readonly connection: Connection
  readonly tag: string
  readonly tagBytes: Uint8Array
  /** What to grant the other end first; `undefined` for a raw stream. */
  readonly windowBytes: number | undefined
  readonly signal: AbortSignal | undefined
  /** Becomes the result, in the event that brought the verdict. `creditBytes` is 0 for a raw stream. */
  readonly accepted: (stream: Stream, creditBytes: number) => void
  readonly failed: (error: Error) => void
  /** Called before either of the two. */
  readonly settled: () => void
}

/** What the acceptor's first bytes say. */
type Answer = { readonly verdict: Verdict | undefined; readonly creditBytes: number }

/**
 * One attempt to open a stream. It is settled once: by the verdict, by a failure, by the caller's signal, by its deadline or by
 * the connection's end. libp2p's `newStream` may come back long after that, over QUIC it heeds no signal, and what it
 * brings then is closed at once.
 */
export class OpenAttempt {
  readonly #parts: OpenerParts
  readonly #request: OpenRequest
  readonly #peer: string
  #settled = false
  #stream: Stream | undefined
  #deadline: TimerHandle | undefined
  #stopReading: () => void = () => {}
  #place: OutboundPlace | undefined
  #stopWaiting: () => void = () => {}

  constructor(parts: OpenerParts, request: OpenRequest) {
    this.#parts = parts
    this.#request = request
    this.#peer = request.connection.remotePeer.toString()
  }

  /** Begins, or waits for its turn. Throws StreamLimitError when too many wait already. */
  start(): void {
    const { config, timers, streams, counters } = this.#parts
    const { connection, signal } = this.#request
    this.#stopWaiting = streams.request(connection, place => {
      this.#place = place
      counters.reached('outbound', streams.outbound)
      this.#newStream(place)
    })
    this.#deadline = timers.schedule(config.openTimeoutMs, () => this.#fail(this.#late()))
    signal?.addEventListener('abort', this.#onAbort)
    connection.addEventListener('close', this.#onConnectionClose)
  }

  /** Settles the attempt with `error`, unless it is settled already. */
  giveUp(error: Error): void {
    this.#fail(error)
  }

  #late(): Error {
    const { openTimeoutMs, outboundStreamsMax } = this.#parts.config
    return this.#place === undefined
      ? new StreamLimitError(this.#peer, outboundStreamsMax)
      : new OpenTimeoutError(this.#peer, this.#request.tag, openTimeoutMs)
  }

  #newStream(place: OutboundPlace): void {
    const { config, timers } = this.#parts
    // Ours alone, and longer than the attempt: cutting a negotiation short would reset a stream the other end has not seen yet,
    // and leak it.
    const controller = new AbortController()
    const cut = timers.schedule(2 * config.openTimeoutMs, () => controller.abort())
    this.#request.connection
      .newStream(PROTOCOL, {
        signal: controller.signal,
        maxOutboundStreams: config.transportStreamsMax,
        runOnLimitedConnection: false
      })
      .then(
        stream => {
          cut.cancel()
          place.bind(stream)
          this.#onStream(stream)
        },
        (error: Error) => {
          cut.cancel()
          place.release()
          this.#fail(error)
        }
      )
  }

  #onStream(stream: Stream): void {
    this.#stream = stream
    if (this.#settled) {
      this.#retire(stream, new Error('the attempt to open this stream was given up'))
      return
    }
    const { tagBytes, windowBytes } = this.#request
    const credit = windowBytes === undefined ? undefined : encodeCredit(windowBytes)
    try {
      stream.send(encodePreamble(tagBytes, credit))
    } catch (error) {
      this.#fail(this.#lost(error as Error))
      return
    }
    const parser = new AnswerParser(windowBytes !== undefined)
    this.#stopReading = readHead(
      stream,
      piece => parser.push(piece),
      outcome => this.#onAnswer(stream, outcome)
    )
  }

  #onAnswer(stream: Stream, outcome: HeadOutcome<Answer>): void {
    if (this.#settled) return
    if (outcome.type === 'ended') return this.#fail(this.#lost(outcome.cause))
    this.#place?.answered()
    const { verdict, creditBytes } = outcome.head
    if (verdict === undefined)
      return this.#fail(this.#lost(new Error('the answer is no status of this protocol')))
    if (verdict !== 'accepted') {
      this.#parts.counters.refusedByPeer[verdict]++
      return this.#fail(new StreamRefusedError(this.#peer, this.#request.tag, verdict))
    }
    this.#settle()
    this.#parts.counters.opened++
    this.#request.accepted(stream, creditBytes)
  }

  #fail(error: Error): void {
    if (this.#settled) return
    this.#settle()
    if (this.#stream !== undefined) this.#retire(this.#stream, error)
    this.#request.failed(error)
  }

  #settle(): void {
    this.#settled = true
    this.#request.settled()
    this.#deadline?.cancel()
    this.#stopReading()
    this.#stopWaiting()
    this.#request.signal?.removeEventListener('abort', this.#onAbort)
    this.#request.connection.removeEventListener('close', this.#onConnectionClose)
  }

  readonly #onAbort = (): void => this.#fail(this.#request.signal?.reason as Error)

  readonly #onConnectionClose = (event: { error?: Error }): void => this.#fail(this.#lost(event.error))

  #lost(cause: Error | undefined): StreamLostError {
    return new StreamLostError(this.#peer, this.#request.tag, cause === undefined ? undefined : { cause })
  }

  #retire(stream: Stream, reason: Error): void {
    retireStream(stream, this.#parts.timers, this.#parts.config.closeTimeoutMs, reason)
  }
}

/** Reads the status byte and, on a channel that is accepted, the acceptor's first CREDIT. */
class AnswerParser {
  readonly #channel: boolean
  #accepted = false
  readonly #credit = new ByteCollector(CREDIT_FRAME_BYTES)

  constructor(channel: boolean) {
    this.#channel = channel
  }

  push(piece: Uint8Array): HeadProgress<Answer> {
    let used = 0
    if (!this.#accepted) {
      const status = piece[0]
      if (status === undefined) return { type: 'incomplete' }
      const verdict = decodeVerdict(status)
      used = 1
      if (verdict !== 'accepted' || !this.#channel) return complete(verdict, 0, used)
      this.#accepted = true
    }
    used += this.#credit.push(piece.subarray(used))
    const frame = this.#credit.complete
    if (frame === undefined) return { type: 'incomplete' }
    const creditBytes = firstCredit(frame)
    return complete(creditBytes === undefined ? undefined : 'accepted', creditBytes ?? 0, used)
  }
}

function complete(verdict: Verdict | undefined, creditBytes: number, used: number): HeadProgress<Answer> {
  return { type: 'complete', head: { verdict, creditBytes }, used }
}
