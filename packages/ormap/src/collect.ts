import { EVIDENCE_MS } from './config.ts'
import { BY_AGE, type Forgetting } from './forgetting.ts'
import type { ObservedRemoveMap } from './map.ts'
import type { Entry, EntryChange, Item } from './types.ts'

interface Waiting {
  readonly key: string
  readonly item: Item
  readonly sinceMs: number
}

/** How evidence is collected. */
export interface CollectorInit {
  /** Whether age alone is enough; default {@link BY_AGE}: it is. */
  readonly forgetting?: Forgetting
  /** How long evidence is kept at least, in ms; default {@link EVIDENCE_MS}. */
  readonly evidenceMs?: number
}

/**
 * Collects evidence: an empty item may go once it has been superseded here for `evidenceMs` and, unless absence means nothing,
 * `known` covers it. It never looks through the map: what becomes evidence is queued in that order, and one call examines a
 * bounded number of items. What is old enough and not covered waits until `known` has risen.
 *
 * Times are milliseconds of a monotonic clock: a wall clock that jumps must not make evidence old. Age counts from when the
 * item was superseded *here*; for what is loaded at an opening, from the opening.
 */
export class Collector {
  readonly #evidenceMs: number
  readonly #forgetting: Forgetting
  /** By replica and key, oldest first: an item that is superseded again goes to the end. */
  readonly #young = new Map<string, Waiting>()
  /** Old enough, and not covered when last examined. */
  readonly #old = new Map<string, Waiting>()
  /** How many of the old ones are to be examined since `known` last rose. */
  #toExamine = 0
  #raises = 0
  #nowMs = 0

  constructor({ forgetting = BY_AGE, evidenceMs = EVIDENCE_MS }: CollectorInit = {}) {
    if (!(evidenceMs >= 0)) throw new RangeError(`evidenceMs must be 0 or more, got ${evidenceMs}`)
    this.#forgetting = forgetting
    this.#evidenceMs = evidenceMs
  }

  /** Items of evidence that wait, whether old enough or not. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** An entry that was loaded at an opening. */
  load(key: string, entry: Entry, nowMs: number): void {
    this.note({ key, previous: undefined, entry }, nowMs)
  }

  /** Something in the map changed. Not for what {@link Collector.sweep} reports. */
  note({ key, previous, entry }: Pick<EntryChange, 'key' | 'previous' | 'entry'>, nowMs: number): void {
    const { items } = entry
    // The most common change by far: a key that one replica writes, over its own value.
    if (isOneDot(items) && (previous === undefined || isOneDot(previous.items))) return
    // A clock that steps back must not put young items in front of old ones.
    this.#nowMs = Math.max(this.#nowMs, nowMs)
    let at = 0
    const before = previous?.items ?? NO_ITEMS
    for (const item of items) {
      while (at < before.length && (before[at] as Item).replica < item.replica) at++
      const held = before[at]
      const name = item.replica + key
      if (item.value !== undefined) {
        this.#forget(name)
        continue
      }
      if (held?.replica === item.replica && held.stamp === item.stamp && held.value === undefined) continue
      this.#forget(name)
      this.#young.set(name, { key, item, sinceMs: this.#nowMs })
    }
  }

  /**
   * Drops what may go.
   *
   * @param budget how many items are examined at most.
   * @returns what changed in the map, to be stored; an `entry` without items means that the key is gone, row and all.
   */
  sweep(map: Pick<ObservedRemoveMap, 'dropEvidence'>, nowMs: number, budget: number): readonly EntryChange[] {
    const changes: EntryChange[] = []
    let left = budget
    for (const [name, waiting] of this.#young) {
      if (left <= 0 || waiting.sinceMs + this.#evidenceMs > nowMs) break
      left--
      this.#young.delete(name)
      this.#collect(map, name, waiting, changes)
    }
    this.#noticeRaises()
    for (const [name, waiting] of this.#old) {
      if (left <= 0 || this.#toExamine <= 0) break
      left--
      this.#toExamine--
      this.#old.delete(name)
      this.#collect(map, name, waiting, changes)
    }
    return changes
  }

  #noticeRaises(): void {
    if (this.#forgetting.type === 'byAge') return
    const { raises } = this.#forgetting.known
    if (raises === this.#raises) return
    this.#raises = raises
    this.#toExamine = this.#old.size
  }

  #collect(
    map: Pick<ObservedRemoveMap, 'dropEvidence'>,
    name: string,
    waiting: Waiting,
    changes: EntryChange[]
  ): void {
    const { key, item } = waiting
    if (!this.#mayGo(item)) {
      this.#old.set(name, waiting)
      return
    }
    const change = map.dropEvidence(
      key,
      other => other.replica === item.replica && other.stamp === item.stamp
    )
    if (change !== undefined) changes.push(change)
  }

  #mayGo({ replica, stamp }: Item): boolean {
    return this.#forgetting.type === 'byAge' || this.#forgetting.known.covers(replica, stamp)
  }

  #forget(name: string): void {
    if (!this.#young.delete(name) && this.#old.size > 0) this.#old.delete(name)
  }
}

const NO_ITEMS: readonly Item[] = []

function isOneDot(items: readonly Item[]): boolean {
  return items.length === 1 && items[0]?.value !== undefined
}
