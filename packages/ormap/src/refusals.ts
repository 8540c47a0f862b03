import type { Stamp } from '@starling/hlc'
import { REFUSAL_PAUSE_MS, REFUSAL_PAUSE_MS_MAX, REFUSALS_MAX } from './config.ts'

/** Why an entry is not here although a peer has it. */
export type RefusalReason = 'future' | 'quota' | 'rowTooLong'

/** One entry that was refused, as it is found among a peer's items. */
export interface RefusedItem {
  readonly hash: Uint8Array
  /** The greatest stamp of its live values. */
  readonly stamp: Stamp
}

interface Refusal extends RefusedItem {
  readonly reason: RefusalReason
  /** Who sent it last. */
  readonly peer: string | undefined
  readonly pauseMs: number
  readonly retryAtMs: number
}

/**
 * The hashes of entries that were refused for time, quota or length, so that a session does not fetch them over and over. Each is
 * fetched again after a pause that doubles, up to an hour. While there is any the replica has not converged.
 *
 * Bounded: beyond the limit the one that was refused longest ago is forgotten, and merely fetched once more.
 */
export class Refusals {
  readonly #max: number
  readonly #refused = new Map<string, Refusal>()

  constructor(max: number = REFUSALS_MAX) {
    this.#max = max
  }

  /** How many are remembered. */
  get size(): number {
    return this.#refused.size
  }

  /** An entry was refused. Its stamp is needed by {@link Refusals.paused} only, who sent it by {@link Refusals.settle}. */
  note(itemHash: Uint8Array, reason: RefusalReason, nowMs: number, stamp: Stamp = 0n, peer?: string): void {
    const name = nameOf(itemHash)
    const before = this.#refused.get(name)
    const pauseMs =
      before === undefined ? REFUSAL_PAUSE_MS : Math.min(before.pauseMs * 2, REFUSAL_PAUSE_MS_MAX)
    this.#refused.delete(name)
    const retryAtMs = nowMs + pauseMs
    this.#refused.set(name, { reason, peer, pauseMs, retryAtMs, hash: new Uint8Array(itemHash), stamp })
    if (this.#refused.size > this.#max) this.#refused.delete(this.#refused.keys().next().value as string)
  }

  /** Whether an entry may be fetched now; a session that leaves one out is complete with an exception. */
  mayFetch(itemHash: Uint8Array, nowMs: number): boolean {
    const refusal = this.#refused.get(nameOf(itemHash))
    return refusal === undefined || nowMs >= refusal.retryAtMs
  }

  /**
   * Those that are not to be fetched now.
   *
   * @param stampMax the greatest stamp that is no future any more: what was refused for its time and lies below is worth fetching
   * at once, since a clock was set.
   */
  *paused(nowMs: number, stampMax: Stamp = 0n): Generator<RefusedItem, void, undefined> {
    for (const refusal of this.#refused.values()) {
      const isDue = nowMs >= refusal.retryAtMs || (refusal.reason === 'future' && refusal.stamp <= stampMax)
      if (!isDue) yield refusal
    }
  }

  /** An entry was accepted, or no peer has it any more. */
  forget(itemHash: Uint8Array): void {
    this.#refused.delete(nameOf(itemHash))
  }

  /**
   * Everything was compared with a peer, and it offered nothing that is refused: what it sent before was superseded. Where that still
   * is it will be asked for.
   */
  settle(peer: string): void {
    for (const [name, refusal] of this.#refused) if (refusal.peer === peer) this.#refused.delete(name)
  }

  /** Forgets those that nobody has offered for two of the longest pauses: they were superseded elsewhere. */
  forgetUnoffered(nowMs: number): void {
    for (const [name, { retryAtMs }] of this.#refused) {
      if (nowMs >= retryAtMs + 2 * REFUSAL_PAUSE_MS_MAX) this.#refused.delete(name)
    }
  }

  /** How many are remembered for each reason: why this replica has not converged. */
  counts(): Readonly<Record<RefusalReason, number>> {
    const counts = { future: 0, quota: 0, rowTooLong: 0 }
    for (const { reason } of this.#refused.values()) counts[reason]++
    return counts
  }
}

/** Half of a hash is enough: a peer that makes two equal ones hides its own entry for a while. */
function nameOf(itemHash: Uint8Array): string {
  return String.fromCharCode(...itemHash.subarray(0, 16))
}
