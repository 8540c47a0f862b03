import type { Clock, TimerHandle, Timers } from '@starling/ports'
import type { SyncConfig } from './config.ts'
import { SyncRoundError } from './errors.ts'
import { RoundExchange } from './round-exchange.ts'
import type { PeerKey } from './ports.ts'
import type { SyncOutcome, SyncProtocol } from './types.ts'
import type { RoundId } from './wire.ts'

/** What a round needs of its session. */
export interface RoundHost {
  readonly peer: PeerKey
  readonly clock: Clock
  readonly timers: Timers
  readonly config: SyncConfig
  readonly payloadBytesMax: number
  /** Sends a message of this round; resolves when there is room for another. */
  sendData(round: RoundId, payload: Uint8Array): Promise<void>
  /** Our protocol has returned. */
  sendEnd(round: RoundId): void
  /** Our protocol has failed, and the peer does not know. */
  sendAbort(round: RoundId): void
  /** Nothing moves any more: ends the session. */
  stuck(error: Error): void
}

/**
 * One round at this end: runs the protocol on an exchange, and is over when the protocol and the peer's protocol have both
 * returned, or when either failed, nothing moved for too long, or the session is gone.
 */
export class Round {
  readonly id: RoundId
  /** This side started it. */
  readonly initiator: boolean
  readonly #host: RoundHost
  readonly #exchange: RoundExchange
  readonly #signal = new AbortController()
  readonly #failed = Promise.withResolvers<never>()
  readonly #peerDone = Promise.withResolvers<void>()
  #error: Error | undefined
  #returned = false
  #peerEnded = false
  #peerAborted = false
  #movedMs: number
  readonly #startedMs: number
  #watch: TimerHandle | undefined

  constructor(id: RoundId, initiator: boolean, host: RoundHost) {
    this.id = id
    this.initiator = initiator
    this.#host = host
    this.#startedMs = this.#movedMs = host.clock.monotonicMs()
    this.#exchange = new RoundExchange(host.payloadBytesMax, host.config.pendingSendsMax, async payload => {
      await host.sendData(id, payload)
      this.#moved()
    })
    // Both are awaited only in some runs; a rejection that nobody awaits is no surprise to anyone.
    this.#failed.promise.catch(() => {})
  }

  /** Nothing more of this round comes in or goes out, though the protocol may still be coming to rest. */
  get over(): boolean {
    return this.#error !== undefined || (this.#returned && this.#peerEnded)
  }

  get superseded(): boolean {
    return this.#error instanceof SyncRoundError && this.#error.reason === 'superseded'
  }

  /** Runs to the end; resolves with the outcome or rejects with why there is none. Never runs twice. */
  async run(protocol: SyncProtocol): Promise<SyncOutcome> {
    this.#armWatch()
    const context = { peer: this.#host.peer, initiator: this.initiator, signal: this.#signal.signal }
    const running = call(() => protocol.reconcile(this.#exchange, context))
    try {
      const outcome = await Promise.race([running, this.#failed.promise])
      this.#returned = true
      this.#exchange.finish()
      this.#host.sendEnd(this.id)
      await Promise.race([this.#peerDone.promise, this.#failed.promise])
      return outcome
    } catch (error) {
      const reason = (this.#error ??= error as Error)
      const told = this.#peerAborted || this.superseded
      if (!told) this.#host.sendAbort(this.id)
      this.#exchange.fail(reason)
      this.#signal.abort(reason)
      await this.#settled(running)
      throw reason
    } finally {
      this.#watch?.cancel()
      this.#watch = undefined
    }
  }

  /** Hands a message over; resolves when the protocol has dealt with it, or will not. */
  async deliver(payload: Uint8Array): Promise<void> {
    if (this.#peerEnded) return
    this.#moved()
    await this.#exchange.deliver(payload)
    this.#moved()
  }

  peerEnd(): void {
    this.#moved()
    this.#peerEnded = true
    this.#exchange.endOfInput()
    this.#peerDone.resolve()
  }

  peerAbort(): void {
    this.#peerAborted = true
    this.fail(new SyncRoundError(this.#host.peer, 'peerFailed'))
  }

  /** Ends the round from outside. The first reason counts. */
  fail(error: Error): void {
    this.#error ??= error
    this.#failed.reject(this.#error)
  }

  /** Gives the protocol its time to come to rest, so that two rounds of one session never overlap in it. */
  async #settled(running: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>()
    const { roundSettleMs } = this.#host.config
    const timer = this.#host.timers.schedule(roundSettleMs, () => {
      this.#host.stuck(new SyncRoundError(this.#host.peer, 'stalled'))
      late.resolve()
    })
    await Promise.race([running.catch(() => {}), late.promise])
    timer.cancel()
  }

  #moved(): void {
    this.#movedMs = this.#host.clock.monotonicMs()
  }

  /** One timer per round: it looks at when something moved last, and waits for the rest. */
  #armWatch(): void {
    const { roundStallMs, roundMsMax } = this.#host.config
    const now = this.#host.clock.monotonicMs()
    const left = Math.min(this.#movedMs + roundStallMs, this.#startedMs + roundMsMax) - now
    if (left <= 0) {
      // What does not move may sit in the channel as well, so the channel goes with the round.
      const error = new SyncRoundError(this.#host.peer, 'stalled')
      this.fail(error)
      this.#host.stuck(error)
      return
    }
    this.#watch = this.#host.timers.schedule(left, () => this.#armWatch())
  }
}

/** A synchronous throw becomes a rejection. */
async function call<T>(run: () => Promise<T>): Promise<T> {
  return await run()
}
