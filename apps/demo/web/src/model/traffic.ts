import type { Pulse } from '../../../src/api/types.ts'
import { BROADCASTS_REMEMBERED_MAX, DOTS_MAX, HOP_MS, TRAFFIC_DELAY_MS } from '../config.ts'

/** A broadcast on its way over one link, or, from a node to itself, the write it began with. Times are the page's. */
export interface Dot {
  readonly topic: string
  readonly from: string
  readonly to: string
  readonly startMs: number
  readonly endMs: number
}

/**
 * Broadcasts as dots that travel along the links. A message crosses loopback in less than a millisecond and its sightings arrive up to
 * a second apart, so what is shown is a replay: a broadcast starts a little after it was first heard of, and each hop takes the same time.
 */
export class Traffic {
  #dots: Dot[] = []
  #firstSeenMs = new Map<string, number>()
  #lastPulseMs = new Map<string, number>()

  /** Takes in what a node has seen. A pulse that was taken in before changes nothing. */
  see(pulse: Pulse, nowMs: number): void {
    if ((this.#lastPulseMs.get(pulse.id) ?? -Infinity) >= pulse.atMs) return
    this.#lastPulseMs.set(pulse.id, pulse.atMs)
    // Nobody may be drawing.
    this.#forget(nowMs)
    for (const { topic, id, from, hops } of pulse.broadcasts) {
      const first = this.#firstSeenMs.get(id) ?? nowMs
      this.#firstSeenMs.set(id, first)
      const step = from === undefined ? 0 : Math.max(1, hops) - 1
      const startMs = first + TRAFFIC_DELAY_MS + step * HOP_MS
      this.#add({ topic, from: from ?? pulse.id, to: pulse.id, startMs, endMs: startMs + HOP_MS }, nowMs)
    }
    for (const id of this.#firstSeenMs.keys()) {
      if (this.#firstSeenMs.size <= BROADCASTS_REMEMBERED_MAX) break
      this.#firstSeenMs.delete(id)
    }
  }

  /** What is on its way now or will be. Forgets what has arrived. */
  dots(nowMs: number): readonly Dot[] {
    this.#forget(nowMs)
    return this.#dots
  }

  /** Forgets nodes that are no more. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#lastPulseMs.keys()) if (!ids.has(id)) this.#lastPulseMs.delete(id)
  }

  #forget(nowMs: number): void {
    this.#dots = this.#dots.filter(dot => dot.endMs > nowMs)
  }

  #add(dot: Dot, nowMs: number): void {
    // What would start in the past has been overtaken; with a full picture one more dot tells nothing.
    if (dot.startMs < nowMs || this.#dots.length >= DOTS_MAX) return
    this.#dots.push(dot)
  }
}
