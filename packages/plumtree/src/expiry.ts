import type { Core } from './core.ts'

/** Sweeps payload cache and id memory by one timer, and keeps none while both are empty. */
export class Expiry {
  readonly #core: Core
  #turn = 0
  #running = false

  constructor(core: Core) {
    this.#core = core
  }

  /** Something was put into a memory. */
  started(): void {
    if (!this.#running) this.#sweep()
  }

  onTimer(turn: number): void {
    if (turn !== this.#turn) return
    this.#running = false
    this.#sweep()
  }

  clear(): void {
    this.#turn++
    this.#running = false
  }

  #sweep(): void {
    const { cache, seen, config, nowMs } = this.#core
    const cacheMs = cache.expire(nowMs) ?? Number.POSITIVE_INFINITY
    const next = Math.min(cacheMs, seen.expire(nowMs) ?? Number.POSITIVE_INFINITY)
    if (next === Number.POSITIVE_INFINITY) return
    this.#running = true
    this.#turn++
    // What is cached while the timer runs must not wait for the far end of an id: a payload becomes one that ages when it is sent.
    const delayMs = Math.min(next - nowMs, config.cacheAgeMs)
    this.#core.schedule({ type: 'expire', turn: this.#turn }, Math.max(config.expireMs, delayMs))
  }
}
