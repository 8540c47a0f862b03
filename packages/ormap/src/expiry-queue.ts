import { DRIFT_MS_MAX } from '@starling/hlc'
import { nextEndMs } from './expiry.ts'
import type { Entry } from './types.ts'

interface Alarm {
  readonly atMs: number
  readonly key: string
}

/**
 * Which keys have something that ends, and when the next of them does. A key is in it once, under its next moment, so that its
 * size is bounded by the keys that have an end, however often they are written; alarms that were overtaken are left in the heap
 * until they are due or too many.
 *
 * Loop: wait until {@link ExpiryQueue.nextMs}, take {@link ExpiryQueue.due}; for each key report dots that have ended
 * since the last time, join what {@link expireEntry} gives, and {@link ExpiryQueue.note} the key again.
 */
export class ExpiryQueue {
  readonly #driftMsMax: number
  /** A binary heap, the earliest first. */
  readonly #heap: Alarm[] = []
  readonly #alarms = new Map<string, Alarm>()

  /** @param driftMsMax the drift bound, in ms. */
  constructor(driftMsMax: number = DRIFT_MS_MAX) {
    this.#driftMsMax = driftMsMax
  }

  /** Keys that wait. */
  get size(): number {
    return this.#alarms.size
  }

  /** The wall time of the next moment, `undefined` when nothing will end. It may turn out that nothing is due then. */
  get nextMs(): number | undefined {
    return this.#first()?.atMs
  }

  /** The entry of a key as it is now: after loading, after every change that has a dot with an end, and after it was due. */
  note(key: string, entry: Entry, wallMs: number): void {
    const atMs = nextEndMs(entry, wallMs, this.#driftMsMax)
    const present = this.#alarms.get(key)
    // An alarm that comes too early finds nothing due and is set again: cheaper than moving it at every write of a key.
    if (atMs === undefined || (present !== undefined && present.atMs <= atMs)) return
    const alarm = { atMs, key }
    this.#alarms.set(key, alarm)
    if (this.#heap.length > 2 * this.#alarms.size + 16) this.#rebuild()
    else this.#push(alarm)
  }

  /**
   * The keys whose moment has come, at most `max` of them; they are no longer in the queue.
   *
   * @param wallMs the local wall time in ms since the epoch.
   */
  due(wallMs: number, max: number): readonly string[] {
    const keys: string[] = []
    while (keys.length < max) {
      const first = this.#first()
      if (first === undefined || first.atMs > wallMs) break
      this.#pop()
      this.#alarms.delete(first.key)
      keys.push(first.key)
    }
    return keys
  }

  /** The earliest alarm that still counts. */
  #first(): Alarm | undefined {
    let first = this.#heap[0]
    while (first !== undefined && this.#alarms.get(first.key) !== first) {
      this.#pop()
      first = this.#heap[0]
    }
    return first
  }

  #rebuild(): void {
    this.#heap.length = 0
    // A sorted list is a heap.
    for (const alarm of [...this.#alarms.values()].sort((a, b) => a.atMs - b.atMs)) this.#heap.push(alarm)
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap
    let at = heap.push(alarm) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as Alarm).atMs <= alarm.atMs) break
      heap[at] = heap[parent] as Alarm
      at = parent
    }
    heap[at] = alarm
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as Alarm).atMs < (heap[child] as Alarm).atMs) child++
      if ((heap[child] as Alarm).atMs >= last.atMs) break
      heap[at] = heap[child] as Alarm
      at = child
    }
    heap[at] = last
  }
}
