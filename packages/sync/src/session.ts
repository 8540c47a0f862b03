import { DecodeError } from '@starling/codec'
import type { Clock, Timers } from '@starling/ports'
import { pipe } from 'it-pipe'
import type { SyncConfig } from './config.ts'
import { Deadline, orAbort } from './deadline.ts'
import { SyncClosedError, SyncFrameError, SyncRoundError } from './errors.ts'
import type { SyncChannel } from './handshake.ts'
import type { PeerKey } from './ports.ts'
import { Round, type RoundHost } from './round.ts'
import type { RoundEvent, SyncProtocol } from './types.ts'
import {
  DATA_OVERHEAD_BYTES,
  decodeFrame,
  encodeData,
  encodeFrame,
  sameRound,
  type Frame,
  type RoundId
} from './wire.ts'

/** What a session is made of and whom it tells. */
export interface SyncSessionInit {
  readonly peer: PeerKey
  /** Ours is the greater peer id. */
  readonly greater: boolean
  /** We opened the channel. */
  readonly opener: boolean
  readonly protocol: SyncProtocol
  readonly clock: Clock
  readonly timers: Timers
  readonly config: SyncConfig
  /** A round ended here. `retry`: it was ours and failed. */
  readonly onRound: (event: RoundEvent, retry: boolean) => void
  /** The session is over; exactly once. */
  readonly onEnd: (reason: Error | undefined) => void
}

/** A sync channel after its handshake: one round after the other, started by either end. */
export class SyncSession {
  readonly opener: boolean
  readonly #channel: SyncChannel
  readonly #init: SyncSessionInit
  readonly #over = Promise.withResolvers<void>()
  #round: Round | undefined
  /** Set while a round comes to rest after its end; the next one waits for it. */
  #settling: Promise<void> = Promise.resolve()
  #started = 0
  #heard = 0
  #again = false
  #strays = 0
  #turn: Promise<void> = Promise.resolve()
  #ending = false
  #ended = false

  constructor(channel: SyncChannel, init: SyncSessionInit) {
    this.#channel = channel
    this.#init = init
    this.opener = init.opener
  }

  get syncing(): boolean {
    return this.#round !== undefined
  }

  /** Resolves once the session is over. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /** Starts reading. Everything that goes wrong from here on ends this session and no other. */
  start(): void {
    const { messages } = this.#channel
    const source: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => messages }
    const reading = pipe(
      source,
      frames => this.#decode(frames),
      frames => this.#handle(frames)
    )
    reading.then(
      () => this.#finish(undefined),
      (error: Error) => this.#finish(error)
    )
  }

  /** Starts a round, or makes sure that one follows the running one. */
  reconcile(): void {
    if (this.#ended || this.#ending) return
    if (this.#round !== undefined) {
      this.#again = true
      return
    }
    this.#begin()
  }

  /** Ends the session: its round fails, queued frames are sent, and what takes too long is cut. Resolves when all rests. */
  async close(): Promise<void> {
    if (!this.#ending && !this.#ended) {
      this.#ending = true
      const reason = new SyncClosedError(`the sync session with ${this.#init.peer}`)
      this.#round?.fail(new SyncRoundError(this.#init.peer, 'closed'))
      const deadline = new Deadline(this.#init.timers, this.#init.config.closeMs, () => reason)
      try {
        await orAbort(this.#channel.channel.end({ signal: deadline.signal }), deadline.signal)
      } catch {
        // It did not end politely in time; it is cut below.
      }
      deadline.cancel()
      this.#finish(reason)
    }
    await this.#over.promise
    await this.#settling
  }

  /** Ends the session at once. */
  abort(reason: Error): void {
    this.#finish(reason)
  }

  async *#decode(messages: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
    for await (const message of messages) {
      let frame: Frame
      try {
        frame = decodeFrame(message)
      } catch (cause) {
        if (!(cause instanceof DecodeError)) throw cause
        throw this.#broken(`a frame cannot be read (${cause.reason})`, cause)
      }
      yield frame
    }
  }

  /** Each frame is dealt with before the next is asked for: that is what gives the peer credit, and nothing else does. */
  async #handle(frames: AsyncIterable<Frame>): Promise<void> {
    for await (const frame of frames) {
      if (frame.type === 'begin') {
        await this.#onBegin(frame.round)
        continue
      }
      const round = this.#round
      if (round === undefined || !sameRound(round.id, frame.round)) {
        // What was on its way when a round failed or was superseded.
        if (++this.#strays > this.#init.config.strayFramesMax)
          throw this.#broken('too many frames of no round')
        continue
      }
      this.#strays = 0
      if (frame.type === 'data') await round.deliver(frame.payload)
      else if (frame.type === 'end') round.peerEnd()
      else round.peerAbort()
    }
  }

  async #onBegin(id: RoundId): Promise<void> {
    if (id.byOpener === this.opener) throw this.#broken('it started a round in our name')
    if (id.number <= this.#heard) throw this.#broken('it started a round twice')
    this.#heard = id.number
    for (let mine = this.#round; mine !== undefined; mine = this.#round) {
      if (!mine.over) {
        if (!mine.initiator) throw this.#broken('it started a round inside its own')
        // Both started one at the same time: the greater peer id's counts, at both ends.
        if (this.#init.greater) return
        mine.fail(new SyncRoundError(this.#init.peer, 'superseded'))
      }
      await this.#settling
    }
    if (this.#ended || this.#ending) return
    this.#run(id, false)
  }

  #begin(): void {
    const id: RoundId = { number: ++this.#started, byOpener: this.opener }
    this.#write(encodeFrame('begin', id)).catch(() => {})
    this.#run(id, true)
  }

  #run(id: RoundId, initiator: boolean): void {
    const round = new Round(id, initiator, this.#host())
    this.#round = round
    this.#again = false
    this.#settling = round.run(this.#init.protocol).then(
      outcome => this.#roundOver(round, { peer: this.#init.peer, outcome }),
      (error: Error) => this.#roundOver(round, { peer: this.#init.peer, error })
    )
  }

  #roundOver(round: Round, event: RoundEvent): void {
    this.#round = undefined
    // A superseded round has not failed: the peer's takes its place.
    if (!round.superseded) this.#init.onRound(event, event.error !== undefined && round.initiator)
    if (this.#again && !round.superseded && event.error === undefined && !this.#ending && !this.#ended) {
      this.#begin()
    }
  }

  #host(): RoundHost {
    const { peer, clock, timers, config } = this.#init
    const quietly = (message: Uint8Array): void => void this.#write(message).catch(() => {})
    return {
      peer,
      clock,
      timers,
      config,
      payloadBytesMax: this.#channel.channel.messageBytesMax - DATA_OVERHEAD_BYTES,
      sendData: (round, payload) => this.#write(encodeData(round, payload)),
      sendEnd: round => quietly(encodeFrame('end', round)),
      sendAbort: round => quietly(encodeFrame('abort', round)),
      stuck: error => this.#finish(error)
    }
  }

  /** Messages go out in call order, each after there was room for the one before. */
  #write(message: Uint8Array): Promise<void> {
    const { channel } = this.#channel
    const turn = this.#turn.then(async () => {
      if (this.#ended) throw new SyncRoundError(this.#init.peer, 'sessionLost')
      if (!channel.send(message)) await channel.drained()
    })
    this.#turn = turn.catch(() => {})
    return turn
  }

  #broken(detail: string, cause?: unknown): SyncFrameError {
    return new SyncFrameError(this.#init.peer, detail, { cause })
  }

  #finish(reason: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    const { channel } = this.#channel
    const cause = reason ?? new SyncClosedError(`the sync session with ${this.#init.peer}`)
    this.#round?.fail(new SyncRoundError(this.#init.peer, 'sessionLost', { cause }))
    if (reason === undefined) void this.#answerEnd()
    else channel.abort(reason)
    this.#over.resolve()
    this.#init.onEnd(reason)
  }

  /** The peer has ended its direction; ours follows, and is cut if nobody acknowledges it. */
  async #answerEnd(): Promise<void> {
    const { channel } = this.#channel
    const reason = new SyncClosedError(`the sync session with ${this.#init.peer}`)
    const deadline = new Deadline(this.#init.timers, this.#init.config.closeMs, () => reason)
    try {
      await orAbort(channel.end({ signal: deadline.signal }), deadline.signal)
    } catch {
      channel.abort(reason)
    }
    deadline.cancel()
  }
}
