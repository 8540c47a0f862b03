import { NODES_MAX } from './config.ts'

/**
 * Keeps each directed link first in, first out when single messages have different delays: nothing is due before what was
 * sent earlier. Holds one number for each link ever used.
 */
export class LinkOrder {
  readonly #lastDueMs = new Map<number, number>()

  /** When a message is due so that the order holds: at `dueMs` or later. */
  dueMs(from: number, to: number, dueMs: number): number {
    // The product is at most 2^52: still an exact integer.
    const link = from * NODES_MAX + to
    const due = Math.max(dueMs, this.#lastDueMs.get(link) ?? 0)
    this.#lastDueMs.set(link, due)
    return due
  }
}
