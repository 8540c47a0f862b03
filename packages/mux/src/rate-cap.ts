import type { TimerHandle, Timers } from '@starling/ports'

/** The length of one period, ms. */
const PERIOD_MS = 1000

/**
 * At most so many events of one peer in each second. One timer over all peers, and none while nothing happens: when it fires,
 * all counts are forgotten together, so what is held is bounded by what one second brings.
 */
export class RateCap {
  readonly #perSecondMax: number
  readonly #timers: Timers
  readonly #counts = new Map<string, number>()
  #timer: TimerHandle | undefined

  constructor(perSecondMax: number, timers: Timers) {
    this.#perSecondMax = perSecondMax
    this.#timers = timers
  }

  /** Counts one event of `peer`; false when it is one too many in this second. */
  admit(peer: string): boolean {
    this.#timer ??= this.#timers.schedule(PERIOD_MS, () => this.stop())
    const count = (this.#counts.get(peer) ?? 0) + 1
    this.#counts.set(peer, count)
    return count <= this.#perSecondMax
  }

  /** Forgets all counts. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#counts.clear()
  }
}
