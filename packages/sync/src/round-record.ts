import type { SyncOutcome, SyncProgress, SyncSessionInfo } from './types.ts'

/** What the rounds with one peer have come to: how far behind the two may be. */
export class RoundRecord {
  failures = 0
  outstanding: SyncProgress | undefined
  #rounds = 0
  #lastCompleteMs: number | undefined

  get info(): Omit<SyncSessionInfo, 'peer' | 'state'> {
    return {
      lastCompleteMs: this.#lastCompleteMs,
      rounds: this.#rounds,
      failures: this.failures,
      outstanding: this.outstanding
    }
  }

  /** A round ended well. */
  ended(outcome: SyncOutcome, nowMs: number): void {
    this.failures = 0
    this.#rounds++
    if (!outcome.complete) return
    this.#lastCompleteMs = nowMs
    this.outstanding = { toSend: 0, toReceive: 0 }
  }
}
