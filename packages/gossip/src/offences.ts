/** A time in which bad frames are added up, and for which an offender is shut out, in ms. Source: guess. */
const WINDOW_MS = 60_000

/**
 * What a message over the sender's budget weighs beside a bad frame. An honest peer may send some in a storm, and is told
 * no; thirty a second for a minute are a flood. Source: guess.
 */
export const OVERLOAD_WEIGHT: number = 1 / 20

/** Bad frames of one peer. */
export class Offences {
  readonly #strikesMax: number
  #strikes = 0
  #sinceMs = Number.NEGATIVE_INFINITY
  #shutUntilMs = Number.NEGATIVE_INFINITY

  constructor(strikesMax: number) {
    this.#strikesMax = strikesMax
  }

  /** Whether the peer is shut out now. */
  shut(nowMs: number): boolean {
    return nowMs < this.#shutUntilMs
  }

  /** One more. True when it was one too many and the peer is shut out from now on. */
  strike(nowMs: number, weight = 1): boolean {
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#sinceMs = nowMs
      this.#strikes = 0
    }
    this.#strikes += weight
    if (this.#strikes <= this.#strikesMax || this.shut(nowMs)) return false
    this.#shutUntilMs = nowMs + WINDOW_MS
    return true
  }
}
