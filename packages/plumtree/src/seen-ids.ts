import { OldestKeys } from './oldest-keys.ts'
import type { MessageId } from './types.ts'

/** Remembers ids by count and age, the oldest first to go. Separate from the payloads, and outliving them. */
export class SeenIds {
  readonly #countMax: number
  readonly #ageMs: number
  /** Insertion order is age order, because the clock handed in never decreases. */
  readonly #at = new Map<MessageId, number>()
  readonly #oldest = new OldestKeys(this.#at)

  constructor(countMax: number, ageMs: number) {
    this.#countMax = countMax
    this.#ageMs = ageMs
  }

  get size(): number {
    return this.#at.size
  }

  has(id: MessageId): boolean {
    return this.#at.has(id)
  }

  add(id: MessageId, nowMs: number): void {
    this.#at.set(id, nowMs)
    if (this.#at.size <= this.#countMax) return
    const oldest = this.#oldest.next()
    if (oldest !== undefined) this.#at.delete(oldest)
  }

  /** Drops what is too old; returns when the next id will be, or undefined when none is left. */
  expire(nowMs: number): number | undefined {
    for (const [id, atMs] of this.#at) {
      if (nowMs - atMs < this.#ageMs) return atMs + this.#ageMs
      this.#at.delete(id)
    }
    return undefined
  }

  clear(): void {
    this.#at.clear()
  }
}
