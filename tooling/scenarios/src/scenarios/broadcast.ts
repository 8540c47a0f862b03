import { DEFAULT_CONFIG } from '@starling/hyparview'
import type { SeededRandom } from '@starling/ports'
import { createSimulation } from '@starling/sim'
import { BroadcastWorld } from '../broadcast-world.ts'
import {
  broadcastViolations,
  controlPerDelivery,
  deliveryCurve,
  mark,
  measureRound,
  missed,
  redundancy,
  type BroadcastRound
} from '../checkers/broadcast.ts'
import { CURVE, numberIn, oneOf, wholeNumber, type Scenario } from '../scenario.ts'

/** Time for one round, ms: a multiple of the slowest delivery seen. */
export const ROUND_MS = 3_000
/** Rounds at the end that count as steady. */
const STEADY_ROUNDS = 10
/** Time for repairs after the last round, before anything counts as missed, ms. */
const SETTLE_MS = 30_000

/** Warm overlay, then rounds of broadcasts: what they cost and how long they take. */
export const broadcastScenario: Scenario = {
  name: 'broadcast',
  summary: 'broadcasts on a warm overlay; measures redundancy, control messages and delivery times',
  nodesDefault: 1_000,
  nodesMin: 2,
  options: {
    senders: {
      meaning: 'who sends: one node, a random one each round, or all at once',
      default: 'one',
      complaint: oneOf('one', 'random', 'all')
    },
    rounds: { meaning: 'rounds of broadcasts', default: '30', complaint: wholeNumber(1, 10_000) },
    cycles: { meaning: 'shuffle cycles before', default: '50', complaint: wholeNumber(0, 10_000) },
    loss: { meaning: 'chance that a message is lost', default: '0', complaint: numberIn(0, 1) },
    curve: CURVE
  },
  run({ nodes, seed, options, progress }) {
    const simulation = createSimulation({ seed })
    const world = new BroadcastWorld(simulation, { nodes })
    world.overlay.joinAllThroughFirst()
    simulation.runUntil(1_000 + Number(options['cycles']) * DEFAULT_CONFIG.shuffleIntervalMs)
    progress('the overlay is warm')
    world.overlay.network.setLoss(Number(options['loss']))
    const random = simulation.random.fork('senders')
    const rounds: BroadcastRound[] = []
    for (let round = 0; round < Number(options['rounds']); round++) {
      const before = mark(world)
      const broadcasts = senders(options['senders'] ?? 'one', world, random).map(node =>
        world.broadcast(node)
      )
      simulation.runFor(ROUND_MS)
      rounds.push(measureRound(world, before, broadcasts))
    }
    const last = world.broadcasts.map(({ lastMs, sentMs }) => lastMs - sentMs)
    simulation.runFor(SETTLE_MS)
    const steady = rounds.slice(-STEADY_ROUNDS)
    return {
      violations: broadcastViolations(world),
      metrics: {
        relativeMessageRedundancy: redundancy(rounds),
        steadyRelativeMessageRedundancy: redundancy(steady),
        lastDeliveryHop: mean(rounds.map(({ lastHop }) => lastHop)),
        lastDeliveryMs: mean(rounds.map(({ lastMs }) => lastMs)),
        lastDeliveryMsMax: Math.max(...last),
        controlMessagesPerDelivery: controlPerDelivery(rounds),
        steadyControlMessagesPerDelivery: controlPerDelivery(steady),
        firstMessageMs: rounds[0]?.lastMs ?? null,
        missed: missed(world, world.broadcasts),
        ...(options['curve'] === 'yes' ? deliveryCurve(steady) : {})
      },
      traceHash: simulation.trace.hash,
      simulatedMs: simulation.nowMs
    }
  }
}

function senders(who: string, world: BroadcastWorld, random: SeededRandom): number[] {
  if (who === 'all') return world.overlay.alive()
  return [who === 'one' ? 0 : random.below(world.overlay.size)]
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
