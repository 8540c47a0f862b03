import type { BroadcastWorld } from '../broadcast-world.ts'
import { ASYMMETRY_MS } from '../config.ts'
import type { Plan } from '../plan.ts'
import type { Metrics } from '../report.ts'
import type { Violations } from '../violations.ts'
import type { Checker } from './checker.ts'

/** I12, every second: how long links are held by one end only. Once all faults are over that has a bound. */
export class Symmetry implements Checker {
  readonly #world: BroadcastWorld
  readonly #violations: Violations
  readonly #boundMs: number
  /** Since when a link has been held by one end only, keyed `holder>peer`. */
  #since = new Map<string, number>()
  #healedMs = Infinity
  #longestMs = 0
  #now = 0

  constructor(world: BroadcastWorld, _plan: Plan, violations: Violations, boundMs: number = ASYMMETRY_MS) {
    this.#world = world
    this.#violations = violations
    this.#boundMs = boundMs
  }

  healed(): void {
    this.#healedMs = this.#world.simulation.nowMs
    this.#longestMs = 0
  }

  sample(): void {
    const { overlay, simulation } = this.#world
    const since = new Map<string, number>()
    for (const node of overlay.alive()) {
      for (const peer of overlay.neighbors(node)) {
        if (overlay.network.isUp(peer) && overlay.neighbors(peer).includes(node)) continue
        const link = `${node}>${peer}`
        const start = Math.max(this.#since.get(link) ?? simulation.nowMs, this.#startMs)
        since.set(link, start)
        const ageMs = simulation.nowMs - start
        // Told once: when it passes the bound.
        if (ageMs > this.#boundMs && this.#longestMs <= this.#boundMs && this.#healedMs < Infinity) {
          this.#violations.add(
            'I12',
            `symmetry: ${peer} has not been a neighbour of ${node}, which lists it, for ${ageMs} ms`
          )
        }
        this.#longestMs = Math.max(this.#longestMs, ageMs)
      }
    }
    this.#since = since
    this.#now = since.size
  }

  end(): Metrics {
    return { asymmetricLinks: this.#now, asymmetricMsMax: this.#longestMs }
  }

  get #startMs(): number {
    return this.#healedMs === Infinity ? 0 : this.#healedMs
  }
}
