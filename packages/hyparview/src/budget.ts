import { BUDGET_PEERS_MAX, BUDGETS } from './config.ts'
import type { PeerKey } from './types.ts'

/** A token bucket: `burst` at once, `perSecond` after that. */
export class Bucket {
  #tokens: number
  #atMs = -Infinity

  constructor(burst: number) {
    this.#tokens = burst
  }

  /** Takes tokens, or returns false when there are too few. */
  take(rate: { readonly burst: number; readonly perSecond: number }, nowMs: number, count = 1): boolean {
    if (this.#atMs > -Infinity) {
      this.#tokens = Math.min(rate.burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * rate.perSecond)
    }
    this.#atMs = nowMs
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }
}

/** What each peer may still send of the messages that make this node send. Bounded in peers. */
export class PeerBudgets {
  readonly #peers = new Map<string, Bucket>()

  take(peer: PeerKey, kind: keyof typeof BUDGETS, nowMs: number): boolean {
    const key = `${kind}/${peer}`
    let bucket = this.#peers.get(key)
    if (bucket === undefined) {
      bucket = new Bucket(BUDGETS[kind].burst)
      this.#peers.set(key, bucket)
      if (this.#peers.size > BUDGET_PEERS_MAX) {
        for (const oldest of this.#peers.keys()) {
          this.#peers.delete(oldest)
          break
        }
      }
    }
    return bucket.take(BUDGETS[kind], nowMs)
  }

  get size(): number {
    return this.#peers.size
  }
}
