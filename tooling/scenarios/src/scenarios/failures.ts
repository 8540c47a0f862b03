import { DEFAULT_CONFIG } from '@starling/hyparview'
import { pick, sample } from '@starling/ports'
import { createSimulation } from '@starling/sim'
import { BroadcastWorld } from '../broadcast-world.ts'
import {
  broadcastViolations,
  mark,
  measureRound,
  redundancy,
  type BroadcastRound
} from '../checkers/broadcast.ts'
import { failureFigures, lowRedundancyIndex } from '../checkers/failures.ts'
import { overlayShape } from '../checkers/overlay.ts'
import { CURVE, numberIn, wholeNumber, type Scenario } from '../scenario.ts'
import { ROUND_MS } from './broadcast.ts'

const STEADY_ROUNDS = 10

/** Warm overlay and tree, then a share of the nodes dies at one instant, and the survivors go on broadcasting. */
export const failuresScenario: Scenario = {
  name: 'failures',
  summary: 'a share of the nodes dies at once; measures whom the messages after that reach',
  nodesDefault: 1_000,
  nodesMin: 2,
  options: {
    fail: { meaning: 'share of the nodes that die', default: '0.8', complaint: numberIn(0, 0.99) },
    rounds: { meaning: 'messages afterwards', default: '50', complaint: wholeNumber(1, 10_000) },
    warmup: { meaning: 'messages before', default: '20', complaint: wholeNumber(0, 10_000) },
    cycles: { meaning: 'shuffle cycles before', default: '50', complaint: wholeNumber(0, 10_000) },
    curve: CURVE
  },
  run({ nodes, seed, options, progress }) {
    const simulation = createSimulation({ seed })
    const world = new BroadcastWorld(simulation, { nodes })
    const { overlay } = world
    overlay.joinAllThroughFirst()
    simulation.runUntil(1_000 + Number(options['cycles']) * DEFAULT_CONFIG.shuffleIntervalMs)
    progress('the overlay is warm')
    const random = simulation.random.fork('senders')
    for (let round = 0; round < Number(options['warmup']); round++) {
      world.broadcast(pick(random, overlay.alive()) as number)
      simulation.runFor(ROUND_MS)
    }
    const dying = Math.min(nodes - 1, Math.round(nodes * Number(options['fail'])))
    for (const node of sample(simulation.random.fork('failures'), overlay.alive(), dying)) overlay.crash(node)
    const survivors = overlay.alive()
    const sentBefore = world.overlay.network.counters.sent
    const reaches: number[] = []
    const rounds: BroadcastRound[] = []
    for (let round = 0; round < Number(options['rounds']); round++) {
      const before = mark(world)
      const broadcast = world.broadcast(pick(random, survivors) as number)
      simulation.runFor(ROUND_MS)
      rounds.push(measureRound(world, before, [broadcast]))
      reaches.push((broadcast.deliveries + 1) / survivors.length)
    }
    const shape = overlayShape(overlay, DEFAULT_CONFIG.activeViewCapacity)
    return {
      violations: broadcastViolations(world),
      metrics: {
        ...failureFigures(reaches),
        firstMessageMs: rounds[0]?.lastMs ?? null,
        relativeMessageRedundancy: redundancy(rounds),
        steadyRelativeMessageRedundancy: redundancy(rounds.slice(-STEADY_ROUNDS)),
        messagesPerSurvivor: (overlay.network.counters.sent - sentBefore) / survivors.length,
        components: shape.components,
        fullDegreeShare: shape.fullDegreeShare,
        minDegree: shape.minDegree,
        lowRedundancyIndex: lowRedundancyIndex(rounds),
        ...(options['curve'] === 'yes' ? recoveryCurve(reaches) : {})
      },
      traceHash: simulation.trace.hash,
      simulatedMs: simulation.nowMs
    }
  }
}

/** Messages of which a recovery curve is made. */
const CURVE_MESSAGES = 10

function recoveryCurve(reaches: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    reaches.slice(0, CURVE_MESSAGES).map((reach, index) => [`reachOfMessage${index}`, reach])
  )
}
