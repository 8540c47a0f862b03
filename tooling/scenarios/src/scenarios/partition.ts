import { seededRandom } from '@starling/ports'
import { CUT_KINDS, drawCut, type CutKind } from '../cut.ts'
import { PlanBuilder } from '../plan-builder.ts'
import type { Plan } from '../plan.ts'
import { play } from '../play.ts'
import { oneOf, type PlannedScenario, wholeNumber } from '../scenario.ts'

const WARM_UP_MS = 180_000
const BROADCAST_EVERY_MS = 5_000
/** How long a flapping cut is there, and not there, ms. */
const FLAP_MS = 2_000

/** The network splits for a while and heals: one overlay again in time, and broadcasts that reach everybody. */
export const partitionScenario: PlannedScenario<Plan> = {
  name: 'partition',
  summary: 'the network splits and heals; measures how long the overlay takes to be one again',
  nodesDefault: 1_000,
  nodesMin: 4,
  options: {
    kind: {
      meaning: `what is cut: ${CUT_KINDS.join(', ')}`,
      default: 'halves',
      complaint: oneOf(...CUT_KINDS)
    },
    lasts: { meaning: 'how long, in seconds', default: '300', complaint: wholeNumber(1, 1_000_000) }
  },
  plan: ({ nodes, seed, options }) =>
    partitionPlan(nodes, seed, options['kind'] as CutKind, Number(options['lasts']) * 1_000),
  run: context => play(partitionScenario.plan(context))
}

function partitionPlan(nodes: number, seed: number, kind: CutKind, lastsMs: number): Plan {
  const random = seededRandom(seed).fork('plan')
  const builder = new PlanBuilder('partition', seed, nodes, random)
  const healMs = WARM_UP_MS + lastsMs
  builder.startAll(1_000)
  builder.broadcasts(WARM_UP_MS / 2, healMs, BROADCAST_EVERY_MS)
  const cut = drawCut(kind, nodes, random)
  if (kind !== 'flapping') builder.at(WARM_UP_MS, { type: 'partition', cut, lastsMs })
  else {
    for (let atMs = WARM_UP_MS; atMs < healMs; atMs += 2 * FLAP_MS) {
      builder.at(atMs, { type: 'partition', cut, lastsMs: FLAP_MS })
    }
  }
  return builder.build(healMs)
}
