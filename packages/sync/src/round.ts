import type { Clock, TimerHandle, Timers } from '@starling/ports'
import type { SyncConfig } from './config.ts'
import { Deadline, orAbort } from './deadline.ts'
import { SyncRoundError, type RoundFailure } from './errors.ts'
import type { SyncChannel } from './handshake.ts'
import type { Session } from './ports.ts'
import { RoundExchange } from './round-exchange.ts'
import type { SyncContext, SyncOutcome, SyncProtocol } from './types.ts'

/** What a round is made of. */
export interface RoundInit {
  /** A channel of its own, after the handshake. */
  readonly channel: SyncChannel
  readonly transport: Session
  /** This end opened the channel. */
  readonly initiator: boolean
  readonly protocol: SyncProtocol
  readonly clock: Clock
  readonly timers: Timers
  readonly config: SyncConfig
  readonly progress: SyncContext['progress']
  /** Whether the transport session still is the one with the peer. */
  readonly isConnected: () => boolean
}

/**
 * One round at this end, on a channel of its own: it runs the protocol, and is over when the protocol has returned and the peer
 * has ended the channel, or when either failed, nothing moved for too long, or the transport is gone.
 */
export class Round {
  readonly initiator: boolean
  readonly transport: Session
  readonly #init: RoundInit
  readonly #exchange: RoundExchange
  readonly #over = new AbortController()
  readonly #startedMs: number
  #movedMs: number
  #watch: TimerHandle | undefined

  constructor(init: RoundInit) {
    this.#init = init
    this.initiator = init.initiator
    this.transport = init.transport
    this.#startedMs = this.#movedMs = init.clock.monotonicMs()
    this.#exchange = new RoundExchange({
      channel: init.channel.channel,
      messages: init.channel.messages,
      pendingSendsMax: init.config.pendingSendsMax,
      signal: this.#over.signal,
      lost: cause => this.#lost(cause),
      moved: () => this.#moved()
    })
  }

  /** How long it has run, in ms. */
  get durationMs(): number {
    return this.#init.clock.monotonicMs() - this.#startedMs
  }

  /** Resolves when the channel is gone, which takes a moment after the round's end: the peer acknowledges ours. */
  get gone(): Promise<void> {
    return this.#init.channel.channel.closed
  }

  /** Runs to the end; resolves with the outcome or rejects with why there is none. Both directions have ended by then. Once. */
  async run(): Promise<SyncOutcome> {
    const { channel, protocol, config, progress } = this.#init
    this.#armWatch()
    let returned = false
    // A protocol that neither sends nor reads would not notice. Once it has returned, the rest of the input is read here.
    void channel.channel.closed.then(() => {
      if (!returned) this.#lost(new Error('the channel has ended'))
    })
    const { peer } = this.transport
    const context = { peer, initiator: this.initiator, signal: this.#over.signal, progress }
    const running = call(() => protocol.reconcile(this.#exchange, context))
    try {
      const outcome = await orAbort(running, this.#over.signal)
      returned = true
      const ended = channel.channel.end({ signal: this.#over.signal })
      // Awaited below, unless the input fails before.
      ended.catch(() => {})
      await this.#exchange.finish(config.strayMessagesMax)
      void this.#politely(ended)
      return outcome
    } catch (error) {
      this.fail(error as Error)
      const reason = this.#over.signal.reason as Error
      channel.channel.abort(reason)
      await this.#settled(running)
      throw reason
    } finally {
      this.#watch?.cancel()
      this.#watch = undefined
    }
  }

  /** Ends the round from outside. The first reason counts. */
  fail(error: Error): void {
    this.#over.abort(error)
  }

  /** A channel that failed was ended by the peer, or went with its transport: which of them, the channel does not say. */
  #lost(cause: unknown): Error {
    this.fail(this.#error(this.#init.isConnected() ? 'peerFailed' : 'sessionLost', cause))
    return this.#over.signal.reason as Error
  }

  #error(reason: RoundFailure, cause?: unknown): SyncRoundError {
    return new SyncRoundError(this.transport.peer, reason, { cause })
  }

  /** Waits until the peer has read everything, but not for long: it has ended its side, so it has nothing left to do. */
  async #politely(ended: Promise<void>): Promise<void> {
    const { timers, config, channel } = this.#init
    const deadline = new Deadline(timers, config.closeMs, () => this.#error('stalled'))
    try {
      await orAbort(ended, deadline.signal)
    } catch (error) {
      channel.channel.abort(error as Error)
    }
    deadline.cancel()
  }

  /** Gives the protocol its time to come to rest, so that two rounds of one topic with one peer never overlap in it. */
  async #settled(running: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = this.#init.timers.schedule(this.#init.config.roundSettleMs, () => late.resolve())
    await Promise.race([running.catch(() => {}), late.promise])
    timer.cancel()
  }

  #moved(): void {
    this.#movedMs = this.#init.clock.monotonicMs()
  }

  /** One timer per round: it looks at when something moved last, and waits for the rest. */
  #armWatch(): void {
    const { roundStallMs, roundMsMax } = this.#init.config
    const now = this.#init.clock.monotonicMs()
    const left = Math.min(this.#movedMs + roundStallMs, this.#startedMs + roundMsMax) - now
    if (left <= 0) this.fail(this.#error('stalled'))
    else this.#watch = this.#init.timers.schedule(left, () => this.#armWatch())
  }
}

/** A synchronous throw becomes a rejection. */
async function call<T>(run: () => Promise<T>): Promise<T> {
  return await run()
}
