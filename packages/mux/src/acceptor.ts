import type { Connection, Stream } from '@libp2p/interface'
import type { Log, Timers } from '@starling/ports'
import type { Channel } from './channel.ts'
import type { MuxConfig } from './config.ts'
import type { ConnectionStreams } from './connection-streams.ts'
import type { Counters } from './counters.ts'
import { encodeCredit } from './frame.ts'
import { InboundHeadParser, type InboundHead } from './inbound-head.ts'
import { Parking, type Parked } from './parking.ts'
import { encodeVerdict } from './preamble.ts'
import type { Registry } from './registry.ts'
import { retireStream } from './retire-stream.ts'
import { isAtEnd, isGone, readHead } from './stream-head.ts'
import { RateCap } from './rate-cap.ts'
import { printableTag } from './tag.ts'
import type { LimitName, Refusal, StreamInfo } from './types.ts'

/** A head that names a handler. */
type Claimed = Extract<InboundHead, { type: 'raw' | 'channel' }>

/** What makes a channel of an accepted stream. */
export type ChannelMaker = (
  stream: Stream,
  info: StreamInfo,
  windowBytes: number,
  creditBytes: number
) => Channel

export interface AcceptorParts {
  readonly config: MuxConfig
  readonly timers: Timers
  readonly registry: Registry
  readonly streams: ConnectionStreams
  readonly counters: Counters
  readonly makeChannel: ChannelMaker
  readonly log: Log | undefined
}

/**
 * Takes inbound streams from their arrival to a handler or a verdict. Every stream gets a status byte, and is closed in
 * order; it is never left to a bare reset, which over QUIC says nothing and costs the connection a stream.
 */
export class Acceptor {
  readonly #parts: AcceptorParts
  readonly #parking: Parking
  readonly #rate: RateCap
  #closing = false

  constructor(parts: AcceptorParts) {
    this.#parts = parts
    this.#parking = new Parking(parts.config)
    this.#rate = new RateCap(parts.config.inboundOpensPerSecondMax, parts.timers)
  }

  get parked(): number {
    return this.#parking.size
  }

  open(): void {
    this.#closing = false
  }

  /** Refuses what is parked, and everything that comes from now on, with `closing`. */
  close(): void {
    this.#closing = true
    this.#rate.stop()
    for (const parked of this.#parking.all()) this.#refuseParked(parked, 'closing')
  }

  /** Takes one inbound stream. Called by libp2p in the event that brought it. */
  accept(stream: Stream, connection: Connection): void {
    const { config, timers, registry, streams, counters } = this.#parts
    const over = streams.addInbound(connection, stream)
    const peer = connection.remotePeer.toString()
    counters.received++
    counters.reached('inbound', streams.inbound)
    if (this.#closing) return this.#refuse(stream, peer, 'closing')
    // Every arrival counts, so a flood goes on being refused while it lasts.
    const limit = this.#rate.admit(peer) ? over : 'rate'
    if (limit !== undefined) return this.#refuseBusy(stream, peer, limit)
    const parked: Parked = { stream, connection, peer, deadline: undefined, release: () => {} }
    const admission = this.#parking.add(parked)
    if (admission.type === 'refused') return this.#refuseBusy(stream, peer, 'parked')
    if (admission.evicted !== undefined) {
      this.#refuseBusy(admission.evicted.stream, admission.evicted.peer, 'parked')
    }
    counters.reached('parked', this.#parking.size)
    // Counted from the stream's arrival, however often a byte trickles in.
    parked.deadline = timers.schedule(config.preambleTimeoutMs, () => this.#refuseParked(parked, 'timeout'))
    const parser = new InboundHeadParser(tag => registry.find(tag))
    parked.release = readHead(
      stream,
      piece => parser.push(piece),
      outcome => {
        if (outcome.type === 'complete') this.#onHead(parked, outcome.head)
        // The opener closed its side, or went away, within the preamble. Both ends must close, so it is answered.
        else this.#refuseParked(parked, 'malformed')
      }
    )
  }

  #onHead(parked: Parked, head: InboundHead): void {
    if (head.type === 'malformed') return this.#refuseParked(parked, 'malformed')
    if (head.type === 'unknownTag') {
      this.#parts.log?.('no handler for tag %s from %s', printableTag(head.tag), parked.peer)
      return this.#refuseParked(parked, 'unknownTag')
    }
    const { accept } = head.registration
    if (accept === undefined) return this.#deliver(parked, head)
    const info: StreamInfo = { peer: parked.peer, connection: parked.connection, tag: head.tag }
    let answer: Refusal | undefined | Promise<Refusal | undefined>
    try {
      answer = accept(info)
    } catch (error) {
      return this.#acceptFailed(parked, error as Error)
    }
    if (answer === undefined || typeof answer === 'string') return this.#onAnswer(parked, head, answer)
    this.#awaitAnswer(parked)
    answer.then(
      refusal => this.#onAnswer(parked, head, refusal),
      (error: Error) => this.#acceptFailed(parked, error)
    )
  }

  /** Keeps the stream parked, under a deadline of its own and a limit on what it may send meanwhile. */
  #awaitAnswer(parked: Parked): void {
    const { stream } = parked
    const { config, timers } = this.#parts
    parked.deadline?.cancel()
    parked.deadline = timers.schedule(config.acceptTimeoutMs, () => this.#refuseParked(parked, 'timeout'))
    const { maxReadBufferLength } = stream
    stream.maxReadBufferLength = Math.max(config.parkedBytesMax, stream.readBufferLength)
    const onClose = (): void => {
      if (this.#parking.remove(parked)) this.#parts.counters.abandoned++
    }
    stream.addEventListener('close', onClose)
    parked.release = () => {
      stream.maxReadBufferLength = maxReadBufferLength
      stream.removeEventListener('close', onClose)
    }
    if (isGone(stream)) onClose()
  }

  #acceptFailed(parked: Parked, error: Error): void {
    this.#parts.log?.error('an accept rule failed, so a stream from %s is refused - %e', parked.peer, error)
    this.#refuseParked(parked, 'busy')
  }

  /** Acts on the accept rule's answer, unless the stream has been refused or lost meanwhile. */
  #onAnswer(parked: Parked, head: Claimed, refusal: Refusal | undefined): void {
    if (!this.#parking.has(parked)) return
    if (refusal !== undefined) return this.#refuseParked(parked, refusal)
    if (head.registration.disposed) return this.#refuseParked(parked, 'unknownTag')
    this.#deliver(parked, head)
  }

  #deliver(parked: Parked, head: Claimed): void {
    this.#parking.remove(parked)
    const { stream, connection, peer } = parked
    const info: StreamInfo = { peer, connection, tag: head.tag }
    const accepted = encodeVerdict('accepted')
    try {
      if (head.type === 'raw') {
        stream.send(Uint8Array.of(accepted))
        this.#parts.counters.accepted++
        this.#runRaw(stream, head, info)
        return
      }
      const { windowBytes } = head.registration
      stream.send(Uint8Array.of(accepted, ...encodeCredit(windowBytes)))
      this.#parts.counters.accepted++
      this.#runChannel(this.#parts.makeChannel(stream, info, windowBytes, head.creditBytes), head, info)
    } catch (error) {
      // The stream refused the status byte: the opener has gone.
      this.#parts.counters.abandoned++
      this.#retire(stream, error as Error)
    }
  }

  #runRaw(stream: Stream, head: Claimed & { type: 'raw' }, info: StreamInfo): void {
    const ended = stream.readableEnded
    const { live } = head.registration
    const end = (reason: Error): void => this.#retire(stream, reason)
    live.add(end)
    stream.addEventListener('close', () => live.delete(end), { once: true })
    this.#run(
      () => head.registration.handler(stream, info),
      info,
      // Not a reset: over QUIC it could overtake the status byte, and it tells the opener no more than a close does.
      error => this.#retire(stream, error)
    )
    // The end came before the handler was there to see it, and libp2p tells it once.
    if (ended) this.#parts.timers.schedule(0, () => isAtEnd(stream) && stream.dispatchEvent(new Event('end')))
  }

  #runChannel(channel: Channel, head: Claimed & { type: 'channel' }, info: StreamInfo): void {
    const { live } = head.registration
    const end = (reason: Error): void => channel.abort(reason)
    live.add(end)
    void channel.closed.then(() => live.delete(end))
    this.#run(
      () => head.registration.handler(channel, info),
      info,
      error => channel.fail(error, 'handlerFailed'),
      error => error === channel.failure
    )
  }

  /** Calls a handler. What it throws, now or later, ends its own stream and nothing else. */
  #run(
    call: () => void | Promise<void>,
    info: StreamInfo,
    end: (error: Error) => void,
    known: (error: unknown) => boolean = () => false
  ): void {
    const failed = (cause: unknown): void => {
      // A handler that passes on how its own channel ended has not failed.
      if (known(cause)) return
      const error = cause instanceof Error ? cause : new Error('a handler failed', { cause })
      this.#parts.counters.handlersFailed++
      this.#parts.log?.error('the handler of %s failed - %e', info.tag, error)
      end(error)
    }
    try {
      Promise.resolve(call()).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #refuseParked(parked: Parked, refusal: Refusal): void {
    if (this.#parking.remove(parked)) this.#refuse(parked.stream, parked.peer, refusal)
  }

  #refuseBusy(stream: Stream, peer: string, limit: LimitName): void {
    this.#parts.counters.limited[limit]++
    this.#refuse(stream, peer, 'busy')
  }

  #refuse(stream: Stream, peer: string, refusal: Refusal): void {
    this.#parts.counters.refused[refusal]++
    this.#parts.log?.('refused a stream of %s: %s', peer, refusal)
    if (stream.writeStatus === 'writable') {
      try {
        stream.send(Uint8Array.of(encodeVerdict(refusal)))
      } catch {
        // The opener has gone; closing our side is all that is left.
      }
    }
    this.#retire(stream, new Error(`refused: ${refusal}`))
  }

  #retire(stream: Stream, reason: Error): void {
    const { config, timers } = this.#parts
    retireStream(stream, timers, config.closeTimeoutMs, reason)
  }
}
