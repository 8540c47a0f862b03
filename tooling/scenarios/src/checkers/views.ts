import { DEFAULT_CONFIG } from '@starling/hyparview'
import type { BroadcastWorld } from '../broadcast-world.ts'
import type { OverlayWorld } from '../overlay-world.ts'
import type { Plan } from '../plan.ts'
import type { Violations } from '../violations.ts'
import type { Checker } from './checker.ts'

/** I11, at every step: views are bounded, disjoint, without the node itself, and every neighbour has a live session. */
export class Views implements Checker {
  readonly #world: BroadcastWorld
  readonly #violations: Violations

  constructor(world: BroadcastWorld, _plan: Plan, violations: Violations) {
    this.#world = world
    this.#violations = violations
  }

  step(node: number): void {
    const wrong = viewViolation(this.#world.overlay, node) ?? linkViolation(this.#world, node)
    if (wrong === undefined) return
    this.#violations.add('I11', `${wrong} at ${this.#world.simulation.nowMs.toFixed(0)} ms`)
  }
}

/** What is wrong with a node's views, if anything is. */
export function viewViolation<X>(
  world: OverlayWorld<X>,
  node: number,
  capacity: number = DEFAULT_CONFIG.activeViewCapacity,
  passive: number = DEFAULT_CONFIG.passiveViewCapacity
): string | undefined {
  const machine = world.machine(node)
  const active = machine.activeView
  const reserve = machine.passiveView
  if (active.length > capacity) return `view: node ${node} has ${active.length} neighbours`
  if (reserve.length > passive) return `view: node ${node} has ${reserve.length} passive peers`
  const all = new Set(active)
  for (const peer of reserve) all.add(peer)
  if (all.size !== active.length + reserve.length) return `view: node ${node} lists a peer twice`
  if (all.has(world.key(node))) return `view: node ${node} lists itself`
  for (const peer of active) {
    if (!world.network.isWatching(node, world.index(peer))) {
      return `view: node ${node} has the neighbour ${peer} without a session`
    }
  }
  return undefined
}

/** The links of the tree are those of the overlay. */
function linkViolation(world: BroadcastWorld, node: number): string | undefined {
  const { eager, lazy } = world.tree(node).stats()
  const neighbors = world.overlay.machine(node).activeView.length
  if (eager + lazy === neighbors) return undefined
  return `tree: node ${node} has ${eager + lazy} links and ${neighbors} neighbours`
}
