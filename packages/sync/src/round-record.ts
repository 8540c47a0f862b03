import type { SyncOutcome, SyncProgress, SyncSessionInfo } from './types.ts'

/** What the rounds with one peer have come to: how far behind the two may be. */
export class RoundRecord {
  failures = 0
  /** Rounds in a row that came to nothing. */
  vain = 0
  #outstanding: SyncProgress | undefined
  #differsSinceMs: number | undefined
  #rounds = 0
  #lastCompleteMs: number | undefined

  get info(): Omit<SyncSessionInfo, 'peer' | 'state'> {
    return {
      lastCompleteMs: this.#lastCompleteMs,
      rounds: this.#rounds,
      failures: this.failures,
      outstanding: this.#outstanding,
      differsSinceMs: this.#differsSinceMs
    }
  }

  /** What a round has found so far. That nothing is left to cross says little until it has ended. */
  progress(progress: SyncProgress, nowMs: number): void {
    this.#outstanding = progress
    if (progress.toSend + progress.toReceive > 0) this.#differsSinceMs ??= nowMs
  }

  /** A round ended well. */
  ended(outcome: SyncOutcome, nowMs: number): void {
    this.failures = 0
    this.#rounds++
    this.vain = outcome.vain === true ? this.vain + 1 : 0
    if (!outcome.complete) {
      this.#differsSinceMs ??= nowMs
      return
    }
    this.#lastCompleteMs = nowMs
    this.#outstanding = { toSend: 0, toReceive: 0 }
    this.#differsSinceMs = undefined
  }
}
