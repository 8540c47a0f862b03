import type { Clock, TimerHandle, Timers } from '@starling/ports'
import { RENEWALS_PER_TTL } from './config.ts'

/** One write that is repeated before it ends. */
export interface Renewal {
  readonly key: string
  readonly ttlMs: number
  /** The value in its encoding. */
  readonly bytes: Uint8Array
  /** Of the newest write. */
  readonly stamp: bigint
}

interface Due extends Renewal {
  readonly dueMs: number
}

/**
 * The values of this node that live as long as it does: each is written again three times in its time to live, until somebody
 * else writes or removes the key.
 */
export class Renewals {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #renew: (renewal: Renewal) => Promise<bigint | undefined>
  readonly #due = new Map<string, Due>()
  #timer: TimerHandle | undefined
  #armedMs = Infinity
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  /** @param renew writes once more and resolves with the stamp, or with nothing when the write is not the one shown any more. */
  constructor(clock: Clock, timers: Timers, renew: (renewal: Renewal) => Promise<bigint | undefined>) {
    this.#clock = clock
    this.#timers = timers
    this.#renew = renew
  }

  get size(): number {
    return this.#due.size
  }

  has(key: string): boolean {
    return this.#due.has(key)
  }

  /** From now on the write is repeated. */
  start(renewal: Renewal): void {
    if (this.#stopped) return
    this.#due.set(renewal.key, { ...renewal, dueMs: this.#next(renewal.ttlMs) })
    this.#arm()
  }

  /** The key is written otherwise: nothing of it is repeated. */
  stop(key: string): void {
    this.#due.delete(key)
  }

  /** Ends all of them. Resolves, once none is under way, with those that were being repeated. */
  async stopAll(): Promise<readonly Renewal[]> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#running
    const all = [...this.#due.values()]
    this.#due.clear()
    return all
  }

  #next(ttlMs: number): number {
    return this.#clock.monotonicMs() + ttlMs / RENEWALS_PER_TTL
  }

  /** One timer for the earliest. It is set anew for one that is earlier still. */
  #arm(): void {
    if (this.#stopped || this.#due.size === 0) return
    let firstMs = Infinity
    for (const { dueMs } of this.#due.values()) firstMs = Math.min(firstMs, dueMs)
    if (this.#timer !== undefined && this.#armedMs <= firstMs) return
    this.#timer?.cancel()
    this.#armedMs = firstMs
    this.#timer = this.#timers.schedule(Math.max(0, firstMs - this.#clock.monotonicMs()), () => {
      this.#timer = undefined
      this.#running = this.#run().finally(() => this.#arm())
    })
  }

  async #run(): Promise<void> {
    const now = this.#clock.monotonicMs()
    const due = [...this.#due.values()].filter(({ dueMs }) => dueMs <= now)
    await Promise.all(due.map(renewal => this.#repeat(renewal)))
  }

  async #repeat(renewal: Due): Promise<void> {
    let stamp: bigint | undefined
    try {
      stamp = await this.#renew(renewal)
    } catch {
      // A disk that fails, a full queue: the same write is tried again at the next turn, with time left before it ends.
      stamp = renewal.stamp
    }
    if (this.#due.get(renewal.key) !== renewal) return
    if (stamp === undefined) this.#due.delete(renewal.key)
    else this.#due.set(renewal.key, { ...renewal, stamp, dueMs: this.#next(renewal.ttlMs) })
  }
}
