import type { PlumtreeConfig } from './config.ts'

/**
 * Whose messages may change links.
 *
 * Deviation: when several origins broadcast at the same time, only the messages of one of them may. Otherwise each message
 * prunes another link of the same cycle and grafts another one elsewhere, and the tree falls apart for all. Which origin
 * does not matter, only that all nodes choose alike: the least one heard of lately. What others miss is fetched without
 * changing links. Now and then any message may change one, so that a tree the chosen origin does not reach heals too.
 */
export class Shaping {
  readonly #config: PlumtreeConfig
  #root: string | undefined
  #rootMs = 0
  #latest: string | undefined
  #latestMs = Number.NEGATIVE_INFINITY
  #busyUntilMs = Number.NEGATIVE_INFINITY
  #exceptionMs = Number.NEGATIVE_INFINITY

  constructor(config: PlumtreeConfig) {
    this.#config = config
  }

  /** A new message of this origin is here. */
  observe(origin: string, nowMs: number): void {
    const { concurrentMs, busyMs, rootAgeMs } = this.#config
    if (origin !== this.#latest && nowMs - this.#latestMs < concurrentMs) this.#busyUntilMs = nowMs + busyMs
    this.#latest = origin
    this.#latestMs = nowMs
    if (this.#root === undefined || origin <= this.#root || nowMs - this.#rootMs >= rootAgeMs) {
      this.#root = origin
      this.#rootMs = nowMs
    }
  }

  /** Several origins are broadcasting. */
  busy(nowMs: number): boolean {
    return nowMs < this.#busyUntilMs
  }

  /** Whether a message may change a link now; its origin is not known as long as it was only announced. */
  allows(origin: string | undefined, nowMs: number): boolean {
    if (!this.busy(nowMs) || (origin !== undefined && origin === this.#root)) return true
    if (nowMs - this.#exceptionMs < this.#config.exceptionMs) return false
    this.#exceptionMs = nowMs
    return true
  }

  clear(): void {
    this.#root = undefined
    this.#latest = undefined
    this.#latestMs = Number.NEGATIVE_INFINITY
    this.#busyUntilMs = Number.NEGATIVE_INFINITY
  }
}
