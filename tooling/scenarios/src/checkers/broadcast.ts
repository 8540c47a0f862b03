import type { Broadcast, BroadcastWorld } from '../broadcast-world.ts'

/** Counters at one moment, to take differences of. */
export interface BroadcastMark {
  readonly payloads: number
  readonly control: number
}

/** One round: the broadcasts in it, and what was sent for them. */
export interface BroadcastRound {
  readonly broadcasts: readonly Broadcast[]
  readonly deliveries: number
  readonly payloads: number
  readonly control: number
  /** From the start of the round to its last delivery, ms. */
  readonly lastMs: number
  readonly lastHop: number
}

export function mark(world: BroadcastWorld): BroadcastMark {
  return { payloads: world.sent.gossip, control: world.controlSent }
}

/** What happened since the mark for these broadcasts. */
export function measureRound(
  world: BroadcastWorld,
  since: BroadcastMark,
  broadcasts: readonly Broadcast[]
): BroadcastRound {
  return {
    broadcasts,
    deliveries: broadcasts.reduce((sum, { deliveries }) => sum + deliveries, 0),
    payloads: world.sent.gossip - since.payloads,
    control: world.controlSent - since.control,
    lastMs: Math.max(...broadcasts.map(({ sentMs, lastMs }) => lastMs - sentMs)),
    lastHop: Math.max(...broadcasts.map(({ lastHop }) => lastHop))
  }
}

/** Payload copies for each delivery, less one: 0 is a perfect tree. */
export function redundancy(rounds: readonly BroadcastRound[]): number {
  return ratio(rounds, round => round.payloads) - 1
}

/** Announcements, grafts, prunes and refusals for each delivery. */
export function controlPerDelivery(rounds: readonly BroadcastRound[]): number {
  return ratio(rounds, round => round.control)
}

/** Percentiles of which a delivery curve is made. */
const PERCENTILES = [1, 5, 10, 25, 50, 75, 90, 95, 99, 100]

/** When so many percent of all deliveries of these rounds had come, ms after the sending. */
export function deliveryCurve(rounds: readonly BroadcastRound[]): Record<string, number> {
  const times = rounds.flatMap(({ broadcasts }) => broadcasts.flatMap(({ deliveryMs }) => deliveryMs))
  const sorted = Float64Array.from(times).sort()
  return Object.fromEntries(
    PERCENTILES.map(percent => [
      `deliveryMsP${percent}`,
      sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0
    ])
  )
}

/** Live nodes that lack a broadcast, summed over the broadcasts. */
export function missed(world: BroadcastWorld, broadcasts: readonly Broadcast[]): number {
  const alive = world.overlay.alive()
  let count = 0
  for (const { got } of broadcasts) for (const node of alive) if (got[node] === 0) count++
  return count
}

/**
 * What is wrong with the broadcast layer at rest: a payload given to the application twice, or eager and lazy links that
 * are not the overlay's (PLT-I1, PLT-I2).
 */
export function broadcastViolations(world: BroadcastWorld): string[] {
  const violations: string[] = []
  world.broadcasts.forEach(({ repeats }, number) => {
    if (repeats > 0) violations.push(`broadcast: payload ${number} was delivered ${repeats} times too often`)
  })
  for (const node of world.overlay.alive()) {
    const tree = world.tree(node)
    const links = [...tree.eagerPeers(), ...tree.lazyPeers()].toSorted()
    const view = world.overlay.machine(node).activeView.toSorted()
    if (links.join() !== view.join()) {
      violations.push(`tree: node ${node} has links ${links.join()} but neighbours ${view.join()}`)
    }
  }
  return violations
}

function ratio(rounds: readonly BroadcastRound[], amount: (round: BroadcastRound) => number): number {
  const deliveries = rounds.reduce((sum, round) => sum + round.deliveries, 0)
  return rounds.reduce((sum, round) => sum + amount(round), 0) / Math.max(1, deliveries)
}
