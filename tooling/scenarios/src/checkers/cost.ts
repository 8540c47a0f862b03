import type { BroadcastWorld } from '../broadcast-world.ts'
import {
  CONNECT_MS,
  HOPS_MAX,
  LIVENESS_INTERVAL_MS,
  LIVENESS_ONE_SENDER,
  LIVENESS_STEADY,
  REDUNDANCY_MAX
} from '../config.ts'
import type { Plan } from '../plan.ts'
import type { Metrics } from '../report.ts'
import type { Violations } from '../violations.ts'
import { mark, measureRound, redundancy, type BroadcastMark } from './broadcast.ts'
import type { Checker } from './checker.ts'

/** Share by which the number of eager links may differ from that of a spanning tree, and how many at least. */
const TREE_SLACK = 0.05

/**
 * I15, when the one sender of the second phase has warmed its tree: little redundancy, few hops, and the eager links are
 * about a spanning tree. What was sent meanwhile for anything else counts too: the check is on the harsh side.
 */
export class Cost implements Checker {
  readonly #world: BroadcastWorld
  readonly #violations: Violations
  readonly #steadyMs: number
  readonly #untilMs: number
  #since: BroadcastMark | undefined
  #firstBroadcast = 0
  #metrics: Metrics = { redundancyAfterHeal: null, lastDeliveryMsAfterHeal: null }

  constructor(world: BroadcastWorld, plan: Plan, violations: Violations) {
    this.#world = world
    this.#violations = violations
    const startMs = plan.healMs + CONNECT_MS
    this.#untilMs = startMs + LIVENESS_ONE_SENDER * LIVENESS_INTERVAL_MS
    this.#steadyMs = this.#untilMs - LIVENESS_STEADY * LIVENESS_INTERVAL_MS
  }

  sample(): void {
    const { nowMs } = this.#world.simulation
    if (nowMs >= this.#steadyMs && this.#since === undefined) {
      this.#since = mark(this.#world)
      this.#firstBroadcast = this.#world.broadcasts.length
    }
    if (
      this.#since !== undefined &&
      nowMs >= this.#untilMs &&
      this.#metrics['redundancyAfterHeal'] === null
    ) {
      this.#judge(this.#since)
    }
  }

  end(): Metrics {
    return this.#metrics
  }

  #judge(since: BroadcastMark): void {
    const broadcasts = this.#world.broadcasts.slice(this.#firstBroadcast)
    if (broadcasts.length === 0) return
    const round = measureRound(this.#world, since, broadcasts)
    const redundant = redundancy([round])
    this.#metrics = { redundancyAfterHeal: redundant, lastDeliveryMsAfterHeal: round.lastMs }
    if (redundant >= REDUNDANCY_MAX) {
      this.#violations.add(
        'I15',
        `cost: ${redundant.toFixed(3)} redundant copies for each delivery of one sender`
      )
    }
    const alive = this.#world.overlay.alive().length
    const hopsMax = alive <= 1_000 ? HOPS_MAX.small : HOPS_MAX.large
    if (round.lastHop > hopsMax) {
      this.#violations.add('I15', `cost: the last node is ${round.lastHop} hops away, more than ${hopsMax}`)
    }
    const links = eagerLinks(this.#world)
    if (Math.abs(links - (alive - 1)) > Math.max(1, TREE_SLACK * alive)) {
      this.#violations.add('I15', `cost: ${links} eager links for ${alive} nodes are no spanning tree`)
    }
  }
}

/** Links that are eager at both ends. */
function eagerLinks(world: BroadcastWorld): number {
  let ends = 0
  for (const node of world.overlay.alive()) {
    const self = world.overlay.key(node)
    for (const peer of world.tree(node).eagerPeers()) {
      if (world.tree(world.overlay.index(peer)).eagerPeers().includes(self)) ends++
    }
  }
  return ends / 2
}
