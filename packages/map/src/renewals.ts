import type { Clock, TimerHandle, Timers } from '@starling/ports'
import { RENEWAL_CHECK_MS_MAX, RENEWALS_PER_TTL } from './config.ts'

/** What the newest write of a renewed value was. */
export interface Renewed {
  readonly stamp: bigint
  /** When it ends, in wall ms. */
  readonly expiresAtMs: number
  /** When a later write ends of which nobody knows yet whether it took effect: the disk failed under it. */
  readonly perhapsMs?: number | undefined
}

/** One write that is repeated before it ends. */
export interface Renewal extends Renewed {
  readonly key: string
  readonly ttlMs: number
  /** The value in its encoding. */
  readonly bytes: Uint8Array
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
  readonly #renew: (renewal: Renewal) => Promise<Renewed | undefined>
  readonly #due = new Map<string, Due>()
  /** Those that are being written again, each until its write has come to its end. */
  readonly #underWay = new Map<Due, Promise<void>>()
  #timer: TimerHandle | undefined
  #armedMs = Infinity
  #stopped = false

  /** @param renew writes once more and resolves with what it wrote, or with nothing when the write is another's by now. */
  constructor(clock: Clock, timers: Timers, renew: (renewal: Renewal) => Promise<Renewed | undefined>) {
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
    if (!this.#stopped) this.#keep(renewal)
  }

  /** The key may have been written otherwise: what is no longer there is not repeated. */
  review(key: string, stands: (renewal: Renewal) => boolean): void {
    const due = this.#due.get(key)
    // One that is being written again finds out by itself.
    if (due !== undefined && !this.#underWay.has(due) && !stands(due)) this.#due.delete(key)
  }

  /** Ends all of them. Resolves, once none is under way, with those that were being repeated. */
  async stopAll(): Promise<readonly Renewal[]> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    await Promise.all(this.#underWay.values())
    const all = [...this.#due.values()]
    this.#due.clear()
    return all
  }

  #keep(renewal: Renewal): void {
    const dueMs = this.#clock.monotonicMs() + renewal.ttlMs / RENEWALS_PER_TTL
    this.#due.set(renewal.key, { ...renewal, dueMs })
    this.#arm(dueMs)
  }

  /** One timer for the earliest. It is set anew for one that is earlier still. */
  #arm(dueMs: number): void {
    if (this.#stopped || (this.#timer !== undefined && this.#armedMs <= dueMs)) return
    this.#timer?.cancel()
    this.#armedMs = dueMs
    const delayMs = Math.max(0, dueMs - this.#clock.monotonicMs())
    this.#timer = this.#timers.schedule(Math.min(delayMs, RENEWAL_CHECK_MS_MAX), () => this.#run())
  }

  #run(): void {
    this.#timer = undefined
    const now = this.#clock.monotonicMs()
    let nextMs = Infinity
    for (const due of [...this.#due.values()]) {
      if (this.#underWay.has(due)) continue
      if (due.dueMs > now) nextMs = Math.min(nextMs, due.dueMs)
      else this.#underWay.set(due, this.#repeat(due))
    }
    if (nextMs < Infinity) this.#arm(nextMs)
  }

  async #repeat(renewal: Due): Promise<void> {
    let renewed: Renewed | undefined
    try {
      renewed = await this.#renew(renewal)
    } catch {
      // A disk that fails, a full queue: the same write is tried again at the next turn, also when it has ended by then.
      renewed = renewal
    }
    this.#underWay.delete(renewal)
    if (this.#due.get(renewal.key) !== renewal) return
    if (renewed === undefined) this.#due.delete(renewal.key)
    else this.#keep({ ...renewal, ...renewed })
  }
}
