import type { TimerHandle, Timers } from '@starling/ports'
import { INTENT_TIMEOUT_MS } from './config.ts'
import { raced } from './deadline.ts'
import { IntentEndedError, IntentTimeoutError } from './errors.ts'
import { EventStreams, type Lagged } from './event-stream.ts'
import type {
  EventStreamOptions,
  Intent,
  IntentEnd,
  IntentEvent,
  IntentMode,
  WantOptions
} from './intent-types.ts'
import type { Session } from './types.ts'

export interface IntentHost {
  readonly timers: Timers
  /** The intent has changed, or is over; `fresh`: in a way that deserves a dial soon. */
  changed(intent: PeerIntent, fresh: boolean): void
  /** The intent has failed because its time was up, and no attempt of the peer's. */
  timedOut(error: Error): void
  /** Returns whether one of them is new. */
  learn(addresses: readonly string[]): boolean
}

/** One caller's wish. It hears of the peer's one session; what is done about it is the machine's to decide. */
export class PeerIntent implements Intent {
  readonly peer: string
  readonly #host: IntentHost
  readonly #timeoutMs: number
  readonly #ended = Promise.withResolvers<IntentEnd>()
  readonly #streams = new EventStreams<IntentEvent>()
  readonly #waiting = new Set<PromiseWithResolvers<Session>>()
  #mode: IntentMode
  #session: Session | undefined
  #lastError: Error | undefined
  #end: IntentEnd | undefined
  #deadline: TimerHandle | undefined

  /** @throws RangeError for a timeout that is not a positive number */
  constructor(peer: string, options: WantOptions, host: IntentHost) {
    const { mode, timeoutMs = INTENT_TIMEOUT_MS } = options
    if (typeof timeoutMs !== 'number' || !Number.isFinite(timeoutMs) || timeoutMs <= 0) {
      throw new RangeError(`timeoutMs must be a positive number of milliseconds, got ${String(timeoutMs)}`)
    }
    this.peer = peer
    this.#host = host
    this.#mode = mode
    this.#timeoutMs = timeoutMs
  }

  get mode(): IntentMode {
    return this.#mode
  }

  get session(): Session | undefined {
    return this.#session
  }

  get ended(): Promise<IntentEnd> {
    return this.#ended.promise
  }

  get over(): boolean {
    return this.#end !== undefined
  }

  /** A once intent has a bounded time to find a session; it begins when the manager can act on it. */
  watch(): void {
    this.#deadline?.cancel()
    this.#deadline = undefined
    if (this.over || this.#mode !== 'once' || this.#session !== undefined) return
    this.#deadline = this.#host.timers.schedule(this.#timeoutMs, () => {
      const options = this.#lastError === undefined ? {} : { cause: this.#lastError }
      const error = new IntentTimeoutError(this.peer, this.#timeoutMs, options)
      this.fail(error)
      this.#host.timedOut(error)
    })
  }

  up(session: Session): void {
    if (this.over) return
    this.#session = session
    this.watch()
    this.#streams.push({ type: 'up', session })
    for (const waiter of this.#waiting) waiter.resolve(session)
    this.#waiting.clear()
  }

  down(session: Session, reason: string): void {
    if (this.#session !== session || this.over) return
    this.#session = undefined
    this.#streams.push({ type: 'down', session, reason })
    // After `replaced` comes the better connection, after `stopped` the end of every intent.
    const goesOn = reason === 'replaced' || reason === 'stopped'
    if (!goesOn && this.#mode === 'once') this.end({ type: 'closed', reason })
  }

  /** An attempt failed. */
  fail(error: Error): void {
    if (this.over || this.#session !== undefined) return
    this.#lastError = error
    this.#streams.push({ type: 'failed', error })
    if (this.#mode === 'once') this.end({ type: 'failed', error })
  }

  end(end: IntentEnd): void {
    if (this.over) return
    this.#end = end
    this.#session = undefined
    this.#deadline?.cancel()
    this.#streams.push({ type: 'ended', end })
    this.#streams.end()
    for (const waiter of this.#waiting) waiter.reject(this.#error(end))
    this.#waiting.clear()
    this.#ended.resolve(end)
    this.#host.changed(this, false)
  }

  async whenUp(options: { readonly signal?: AbortSignal } = {}): Promise<Session> {
    const { signal } = options
    signal?.throwIfAborted()
    if (this.#end !== undefined) throw this.#error(this.#end)
    if (this.#session !== undefined) return this.#session
    const waiter = Promise.withResolvers<Session>()
    this.#waiting.add(waiter)
    try {
      return await (signal === undefined ? waiter.promise : raced(waiter.promise, signal))
    } finally {
      this.#waiting.delete(waiter)
    }
  }

  update(change: { readonly mode?: IntentMode; readonly addresses?: readonly string[] }): void {
    if (this.over) return
    if (change.mode !== undefined) {
      checkMode(change.mode)
      this.#mode = change.mode
      this.watch()
    }
    const learned = change.addresses !== undefined && this.#host.learn(change.addresses)
    this.#host.changed(this, learned)
  }

  release(): void {
    this.end({ type: 'released' })
  }

  events(options: EventStreamOptions = {}): AsyncIterable<IntentEvent | Lagged> {
    const stream = this.#streams.open(options)
    if (this.over) stream.end()
    return stream
  }

  #error(end: IntentEnd): Error {
    return end.type === 'failed' ? end.error : new IntentEndedError(this.peer, end.type)
  }
}

/** @throws TypeError for anything but a mode */
export function checkMode(mode: unknown): void {
  if (mode !== 'once' && mode !== 'continuous') {
    throw new TypeError(`mode must be 'once' or 'continuous', got ${String(mode)}`)
  }
}
