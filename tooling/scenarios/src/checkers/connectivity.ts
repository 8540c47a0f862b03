import type { BroadcastWorld } from '../broadcast-world.ts'
import { CONNECT_MS, ISOLATED_MS, SAMPLE_MS } from '../config.ts'
import { componentSizes, type Graph } from '../graph.ts'
import type { OverlayWorld } from '../overlay-world.ts'
import type { Plan } from '../plan.ts'
import type { Metrics } from '../report.ts'
import type { Violations } from '../violations.ts'
import type { Checker } from './checker.ts'

/** Time for the overlay to form, before it counts as parted, ms. */
const FORMED_MS = 30_000

/** The links that both ends have, of all nodes that are up. */
export function mutualGraph<X>(world: OverlayWorld<X>): Graph {
  const views = Array.from({ length: world.size }, (_, node) =>
    world.network.isUp(node) ? world.neighbors(node) : undefined
  )
  return views.map((peers, node) => peers?.filter(peer => views[peer]?.includes(node) === true))
}

/** I13, every second: once all faults are over the living are one overlay in time and stay it, and nobody is long alone. */
export class Connectivity implements Checker {
  readonly #world: BroadcastWorld
  readonly #violations: Violations
  readonly #healMs: number
  readonly #aloneSince: (number | undefined)[] = []
  #samples = 0
  #whole = 0
  #componentsMax = 0
  #largestShareMin = 1
  #aloneMsMax = 0
  #connectedMs: number | null = null
  #components = 0
  #late = false

  constructor(world: BroadcastWorld, plan: Plan, violations: Violations) {
    this.#world = world
    this.#violations = violations
    this.#healMs = plan.healMs
  }

  sample(): void {
    const { nowMs } = this.#world.simulation
    const graph = mutualGraph(this.#world.overlay)
    const sizes = componentSizes(graph)
    this.#components = sizes.length
    this.#countAlone(graph, nowMs)
    if (nowMs < FORMED_MS) return
    if (nowMs < this.#healMs) {
      this.#samples++
      if (sizes.length <= 1) this.#whole++
      const alive = sizes.reduce((sum, size) => sum + size, 0)
      this.#componentsMax = Math.max(this.#componentsMax, sizes.length)
      this.#largestShareMin = Math.min(this.#largestShareMin, (sizes[0] ?? 0) / Math.max(1, alive))
      return
    }
    const sinceMs = nowMs - this.#healMs
    if (sizes.length <= 1) this.#connectedMs ??= sinceMs
    else if (sinceMs > CONNECT_MS && !this.#late) {
      this.#late = true
      this.#violations.add(
        'I13',
        `connectivity: ${sizes.length} components ${sinceMs} ms after the last fault`
      )
    }
  }

  end(): Metrics {
    return {
      connectedMs: this.#connectedMs,
      components: this.#components,
      componentsMax: this.#componentsMax,
      connectedShare: this.#whole / Math.max(1, this.#samples),
      largestComponentShareMin: this.#largestShareMin,
      isolatedMsMax: this.#aloneMsMax
    }
  }

  #countAlone(graph: Graph, nowMs: number): void {
    const healed = nowMs >= this.#healMs
    const company = graph.reduce((count, peers) => (peers === undefined ? count : count + 1), 0) > 1
    graph.forEach((peers, node) => {
      const alone = peers !== undefined && peers.length === 0 && company
      const known = this.#aloneSince[node]
      // Faults may keep a node alone for as long as they last: its time counts afresh from their end.
      const since = Math.max(known ?? nowMs, healed ? this.#healMs : FORMED_MS)
      this.#aloneSince[node] = alone ? since : undefined
      if (!alone) return
      const aloneMs = Math.max(0, nowMs - since)
      this.#aloneMsMax = Math.max(this.#aloneMsMax, aloneMs)
      if (healed && aloneMs > ISOLATED_MS && aloneMs <= ISOLATED_MS + SAMPLE_MS) {
        this.#violations.add('I13', `connectivity: node ${node} has been alone for ${aloneMs} ms`)
      }
    })
  }
}
