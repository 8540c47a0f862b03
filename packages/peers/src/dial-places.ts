import { DIALS_MAX } from './config.ts'
import { raced } from './deadline.ts'

/** Lets a bounded number of dials run at once; the others wait, first come, first served. At most one waits for each peer. */
export class DialPlaces {
  readonly #waiting = new Set<PromiseWithResolvers<void>>()
  #left: number

  constructor(places: number = DIALS_MAX) {
    this.#left = places
  }

  /** Resolves, never inside this call, with a place that `free` must give back. Rejects with the signal's reason. */
  async take(signal: AbortSignal): Promise<void> {
    if (this.#left > 0) {
      this.#left--
      return await Promise.resolve()
    }
    const turn = Promise.withResolvers<void>()
    this.#waiting.add(turn)
    try {
      await raced(turn.promise, signal)
    } catch (error) {
      // The turn may have come in the same moment; then it is passed on.
      if (!this.#waiting.delete(turn)) this.free()
      throw error
    }
  }

  /** Gives a place back, to whoever waits longest. */
  free(): void {
    const next = this.#waiting.values().next()
    if (next.done === true) {
      this.#left++
      return
    }
    this.#waiting.delete(next.value)
    next.value.resolve()
  }
}
