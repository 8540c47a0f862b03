import { STALL_MS, type PeersTimings } from './config.ts'

/** How a peer looks from here. */
export type Health = 'alive' | 'suspect' | 'down'

/** What a tick found. */
export interface LivenessTick {
  readonly health: Health
  /** This process was late by so much that silence says nothing about the peer; it got a new grace. */
  readonly stalled: boolean
}

/**
 * Silence of one peer, graded. Pure: the driver calls `tick` once per beat interval with monotonic time.
 *
 * A process that was stopped or busy has read nothing meanwhile, so it first suspects itself: a tick that comes late starts
 * the count again instead of condemning everybody.
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

  /** When the peer was last heard, monotonic ms. */
  get heardMs(): number {
    return this.#heardMs
  }

  /** Something arrived from the peer. */
  heard(nowMs: number): void {
    if (nowMs > this.#heardMs) this.#heardMs = nowMs
  }

  /** Judges the silence so far. */
  tick(nowMs: number): LivenessTick {
    const lateMs = nowMs - this.#tickMs - this.#timings.beatIntervalMs
    this.#tickMs = nowMs
    if (lateMs > STALL_MS) {
      this.#heardMs = nowMs
      return { health: 'alive', stalled: true }
    }
    const silentMs = nowMs - this.#heardMs
    if (silentMs >= this.#timings.downAfterMs) return { health: 'down', stalled: false }
    return { health: silentMs >= this.#timings.suspectAfterMs ? 'suspect' : 'alive', stalled: false }
  }
}
