import type { PeersTimings } from './config.ts'

/** How a peer looks from here. */
export type Health = 'alive' | 'suspect' | 'down'

/** What a tick found. */
export interface LivenessTick {
  readonly health: Health
  /** This process was late by so many ms that silence says nothing about the peer; 0 when it was not. */
  readonly stalledMs: number
}

/**
 * Silence of one peer, graded. Pure: the driver calls `tick` once per beat interval with monotonic time.
 *
 * A process that was stopped or busy has read nothing meanwhile, so it first suspects itself: a tick that comes late by more
 * than a beat starts the count again instead of condemning everybody.
 */
export class Liveness {
  readonly #timings: PeersTimings
  #heardMs: number
  #tickMs: number

  constructor(timings: PeersTimings, nowMs: number) {
    this.#timings = timings
    this.#heardMs = nowMs
    this.#tickMs = nowMs
  }

  /** When the peer was last heard, or given a new grace, monotonic ms. */
  get heardMs(): number {
    return this.#heardMs
  }

  /** Something arrived from the peer, or this process found that it had not listened. */
  heard(nowMs: number): void {
    if (nowMs > this.#heardMs) this.#heardMs = nowMs
  }

  /** Judges the silence so far. */
  tick(nowMs: number): LivenessTick {
    const { beatIntervalMs, suspectAfterMs, downAfterMs } = this.#timings
    const lateMs = nowMs - this.#tickMs - beatIntervalMs
    this.#tickMs = nowMs
    if (lateMs > beatIntervalMs) {
      this.#heardMs = nowMs
      return { health: 'alive', stalledMs: lateMs }
    }
    const silentMs = nowMs - this.#heardMs
    if (silentMs >= downAfterMs) return { health: 'down', stalledMs: 0 }
    return { health: silentMs >= suspectAfterMs ? 'suspect' : 'alive', stalledMs: 0 }
  }
}
