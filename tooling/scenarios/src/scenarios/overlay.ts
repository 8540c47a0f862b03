import { DEFAULT_CONFIG } from '@starling/hyparview'
import { createSimulation } from '@starling/sim'
import { degreeShares, overlayGraph, overlayShape, overlayViolations } from '../checkers/overlay.ts'
import { viewViolation } from '../checkers/views.ts'
import { asymmetricLinks } from '../graph.ts'
import { OverlayWorld, type MessageCounts } from '../overlay-world.ts'
import { CURVE, wholeNumber, type Scenario } from '../scenario.ts'

/** Time given to the joins before anything is counted as shuffling, ms. */
const JOIN_MS = 1_000

/** Cycles in which every node makes its first two swaps. */
const SETTLING_CYCLES = 2

/** Most complaints about single steps that a report lists. */
const STEP_VIOLATIONS_MAX = 20

/** Up to this many nodes, views are checked at every step. */
const CHECKED_NODES = 1_000

/** All nodes join node 0 at once; then shuffle cycles, and the shape of what has grown. */
export const overlayScenario: Scenario = {
  name: 'overlay',
  summary: 'all nodes join node 0 at once, then shuffle; measures the shape of the overlay',
  nodesDefault: 1000,
  nodesMin: 2,
  options: {
    cycles: { meaning: 'shuffle cycles', default: '50', complaint: wholeNumber(1, 10_000) },
    curve: CURVE
  },
  run({ nodes, seed, options, progress }) {
    const cycles = Number(options['cycles'])
    const simulation = createSimulation({ seed })
    const world = new OverlayWorld(simulation, { nodes })
    const stepViolations = watchViews(world)
    world.joinAllThroughFirst()
    simulation.runUntil(JOIN_MS)
    const afterJoin = { ...world.sent }
    let settling = 0
    const { shuffleIntervalMs, activeViewCapacity } = DEFAULT_CONFIG
    for (let cycle = 1; cycle <= cycles; cycle++) {
      simulation.runUntil(JOIN_MS + cycle * shuffleIntervalMs)
      if (cycle <= SETTLING_CYCLES)
        settling = total(world.sent) - world.sent.shuffle - world.sent.shuffleReply
      if (cycle % 10 === 0) progress(`cycle ${cycle} of ${cycles}`)
    }
    settle(world)
    const shape = overlayShape(world, activeViewCapacity)
    return {
      violations: [...stepViolations, ...overlayViolations(world)],
      metrics: {
        ...shape,
        joinMessagesPerNode: total(afterJoin) / nodes,
        settlingMessagesPerNode: settling / nodes,
        shuffleMessagesPerNodePerCycle: (total(world.sent) - total(afterJoin)) / nodes / cycles,
        linkChangesPerNodePerCycle: world.linkEvents.down / nodes / cycles,
        ...(options['curve'] === 'yes' ? degreeShares(world, activeViewCapacity) : {})
      },
      traceHash: simulation.trace.hash,
      simulatedMs: simulation.nowMs
    }
  }
}

/**
 * Checks the views of every node that does something, as it does it; in large worlds only some of these steps. Keeps the
 * first few complaints.
 */
function watchViews(world: OverlayWorld): readonly string[] {
  const violations: string[] = []
  const every = Math.ceil(world.size / CHECKED_NODES)
  let steps = 0
  world.afterStep = node => {
    if (steps++ % every !== 0 || violations.length >= STEP_VIOLATIONS_MAX) return
    const wrong = viewViolation(world, node)
    if (wrong !== undefined) violations.push(`${wrong} at ${world.simulation.nowMs.toFixed(0)} ms`)
  }
  return violations
}

/** Lets handshakes that are in flight at this moment end: a link being made is held by one end for a moment. */
function settle(world: OverlayWorld): void {
  for (let i = 0; i < 100; i++) {
    if (asymmetricLinks(overlayGraph(world)) === 0) return
    world.simulation.runFor(20)
  }
}

function total(counts: MessageCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
