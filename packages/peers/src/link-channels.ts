import { HELD_CHANNELS_MAX } from './config.ts'
import type { FramedChannel } from './ports.ts'

/** The application's channels of one connection: those that wait for the session, and those that are open. */
export class LinkChannels {
  readonly #waiting = new Set<(open: boolean) => void>()
  readonly #open = new Set<FramedChannel>()
  readonly #onHeld: () => void
  #phase: 'shut' | 'open' | 'over' = 'shut'
  #none: (() => void) | undefined

  constructor(onHeld: () => void) {
    this.#onHeld = onHeld
  }

  /** Channels open or waiting: the session is in use. */
  get busy(): boolean {
    return this.size > 0
  }

  /** Whether a channel may be accepted: at once, later, or not. */
  admit(): Promise<boolean> | boolean | 'busy' {
    if (this.#phase === 'open') return true
    if (this.#phase === 'over') return false
    if (this.#waiting.size >= HELD_CHANNELS_MAX) return 'busy'
    this.#onHeld()
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  /** The session is up: those that wait come in. */
  open(): void {
    if (this.#phase === 'shut') this.#enter('open')
  }

  /** The session is over, or never came: those that wait are refused. Open channels are their users' to end. */
  shut(): void {
    if (this.#phase !== 'over') this.#enter('over')
  }

  /** Ends every open channel at once: nothing of what is in flight on it is delivered. */
  abort(reason: Error): void {
    this.shut()
    for (const channel of this.#open) channel.abort(reason)
  }

  /** Channels open or waiting. */
  get size(): number {
    return this.#open.size + this.#waiting.size
  }

  /** Counts an open channel until it is over. */
  track(channel: FramedChannel): void {
    this.#open.add(channel)
    void channel.closed.then(() => {
      this.#open.delete(channel)
      if (this.#open.size === 0) this.#none?.()
    })
  }

  /** Resolves when no channel is open. */
  none(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#none = resolve
    })
  }

  #enter(phase: 'open' | 'over'): void {
    this.#phase = phase
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resolve of waiting) resolve(phase === 'open')
  }
}
