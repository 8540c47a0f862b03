import type { BroadcastWorld } from '../broadcast-world.ts'
import type { Plan } from '../plan.ts'
import type { Metrics } from '../report.ts'
import type { Violations } from '../violations.ts'
import type { Checker } from './checker.ts'

/** I18, at the end: every message that was sent is accounted for, and what a node received is what it judged. */
export class Conservation implements Checker {
  readonly #world: BroadcastWorld
  readonly #violations: Violations

  constructor(world: BroadcastWorld, _plan: Plan, violations: Violations) {
    this.#world = world
    this.#violations = violations
  }

  end(): Metrics {
    const { overlay, simulation } = this.#world
    const { sent, duplicated, delivered, lost, blocked, dead, inFlight } = overlay.network.counters
    if (sent + duplicated !== delivered + lost + blocked + dead + inFlight) {
      this.#violations.add('I18', `counters: ${sent} + ${duplicated} messages sent are not accounted for`)
    }
    for (const node of overlay.alive()) {
      const { received, delivered: accepted, duplicates, rejected } = this.#world.tree(node).stats()
      const judged = accepted + duplicates + rejected.idMismatch + rejected.oversize
      if (received.gossip !== judged) {
        this.#violations.add(
          'I18',
          `counters: node ${node} received ${received.gossip} payloads and judged ${judged}`
        )
      }
    }
    return { messagesPerNodePerMinute: sent / overlay.size / (simulation.nowMs / 60_000) }
  }
}
