import type { PlumtreeConfig } from './config.ts'
import type { Core, Link } from './core.ts'

/**
 * When to believe that an announced payload is not coming by itself (Plumtree §3.5 leaves both timers open).
 *
 * Deviation: the first timer follows the worst lag of a payload behind its first announcement that was seen here, and is
 * patient. A timer shorter than the eager path grafts links that nobody needs, each of which costs a duplicate and a
 * prune: the reason why trees shared by many senders do not settle elsewhere.
 */
export class GraftTiming {
  readonly #config: PlumtreeConfig
  #worstLagMs: number | undefined

  constructor(config: PlumtreeConfig) {
    this.#config = config
  }

  /** A payload came over the tree `lagMs` after its first announcement; 0 when it came first. */
  observe(lagMs: number): void {
    const decayed = (this.#worstLagMs ?? 0) * this.#config.graftLagDecay
    this.#worstLagMs = Math.max(lagMs, decayed)
  }

  /** Patience after the first announcement. A node outside the tree has nothing to wait for. */
  firstMs(core: Core): number {
    if (core.eagerCount === 0) return 0
    const { graftFirstMs, graftLagFactor, graftFloorMs, graftCapMs, pullMs } = this.#config
    const capMs = core.shaping.busy(core.nowMs) ? pullMs : graftCapMs
    if (this.#worstLagMs === undefined) return Math.min(capMs, graftFirstMs)
    return Math.min(capMs, Math.max(graftFloorMs, graftLagFactor * this.#worstLagMs))
  }

  /** Patience after a graft, doubling each time the same announcer is asked for the same id again. */
  retryMs(link: Link, tries: number): number {
    const { graftRetryFactor, graftRetryFloorMs, graftRetryFirstMs, graftCapMs } = this.#config
    const once =
      link.roundTripMs === undefined
        ? graftRetryFirstMs
        : Math.max(graftRetryFloorMs, graftRetryFactor * link.roundTripMs + 5)
    return Math.min(graftCapMs, once * 2 ** (tries - 1))
  }

  clear(): void {
    this.#worstLagMs = undefined
  }
}
