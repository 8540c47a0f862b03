import type { TimerHandle, Timers } from '@starling/ports'

/** Notices that something waits and nothing has moved for a whole period. One timer, and none while nothing waits. */
export class Watchdog {
  readonly #timers: Timers
  readonly #periodMs: number
  readonly #waiting: () => boolean
  readonly #stalled: () => void
  #timer: TimerHandle | undefined
  #moves = 0
  #stopped = false

  constructor(timers: Timers, periodMs: number, waiting: () => boolean, stalled: () => void) {
    this.#timers = timers
    this.#periodMs = periodMs
    this.#waiting = waiting
    this.#stalled = stalled
  }

  moved(): void {
    this.#moves++
  }

  /** Looks again one period from now, if anything waits. Cheap to call often. */
  arm(): void {
    if (this.#timer !== undefined || this.#stopped || this.#periodMs === Infinity || !this.#waiting()) return
    const seen = this.#moves
    this.#timer = this.#timers.schedule(this.#periodMs, () => {
      this.#timer = undefined
      if (this.#moves === seen && this.#waiting()) this.#stalled()
      else this.arm()
    })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
