import type { BroadcastWorld } from '../broadcast-world.ts'
import { componentSizes, type Graph } from '../graph.ts'

/** What hostile nodes have won of the honest ones' views. */
export interface HostileShares {
  /** Share of hostile peers in the active and passive views of all honest nodes. */
  readonly active: number
  readonly passive: number
  /** Share of the honest nodes that have no honest neighbour. */
  readonly eclipsed: number
  /** Share of the honest nodes in the largest component that holds together without the hostile ones. */
  readonly largestHonestComponent: number
}

export function hostileShares(world: BroadcastWorld, hostile: ReadonlySet<number>): HostileShares {
  const { overlay } = world
  const honest = overlay.alive().filter(node => !hostile.has(node))
  const sums = { active: 0, hostileActive: 0, passive: 0, hostilePassive: 0, eclipsed: 0 }
  const graph: (number[] | undefined)[] = Array.from({ length: overlay.size }, () => undefined)
  for (const node of honest) {
    const active = overlay.neighbors(node)
    const friends = active.filter(peer => !hostile.has(peer))
    const passive = overlay.machine(node).passiveView.map(key => overlay.index(key))
    graph[node] = friends
    sums.active += active.length
    sums.hostileActive += active.length - friends.length
    sums.passive += passive.length
    sums.hostilePassive += passive.filter(peer => hostile.has(peer)).length
    if (friends.length === 0) sums.eclipsed++
  }
  return {
    active: sums.hostileActive / Math.max(1, sums.active),
    passive: sums.hostilePassive / Math.max(1, sums.passive),
    eclipsed: sums.eclipsed / Math.max(1, honest.length),
    largestHonestComponent: (componentSizes(graph satisfies Graph)[0] ?? 0) / Math.max(1, honest.length)
  }
}
