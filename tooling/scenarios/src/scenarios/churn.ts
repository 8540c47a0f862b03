import { seededRandom } from '@starling/ports'
import { exponential, PlanBuilder } from '../plan-builder.ts'
import type { Plan } from '../plan.ts'
import { play } from '../play.ts'
import { numberIn, type PlannedScenario, wholeNumber } from '../scenario.ts'

/** Time for the overlay to form before the churn begins, ms. */
const WARM_UP_MS = 120_000
/** Mean time a node stays away, ms. */
const AWAY_MS = 30_000
const BROADCAST_EVERY_MS = 5_000

/** Nodes come and go without end, at a stated rate; messages are sent meanwhile and afterwards. */
export const churnScenario: PlannedScenario<Plan> = {
  name: 'churn',
  summary:
    'nodes crash, leave and come back all the time; measures reach and connectivity meanwhile and after',
  nodesDefault: 1_000,
  nodesMin: 4,
  options: {
    rate: {
      meaning: 'share of the nodes that go in a minute',
      default: '0.1',
      complaint: numberIn(0, 10)
    },
    minutes: { meaning: 'how long, in minutes', default: '10', complaint: wholeNumber(1, 10_000) },
    leaving: {
      meaning: 'share of those that say goodbye; the others crash',
      default: '0.3',
      complaint: numberIn(0, 1)
    }
  },
  plan: ({ nodes, seed, options }) =>
    churnPlan(nodes, seed, Number(options['rate']), Number(options['minutes']), Number(options['leaving'])),
  run: context => play(churnScenario.plan(context))
}

function churnPlan(nodes: number, seed: number, rate: number, minutes: number, leaving: number): Plan {
  const random = seededRandom(seed).fork('plan')
  const builder = new PlanBuilder('churn', seed, nodes, random)
  const healMs = WARM_UP_MS + minutes * 60_000
  builder.startAll(1_000)
  builder.broadcasts(WARM_UP_MS / 2, healMs, BROADCAST_EVERY_MS)
  const awayUntil = new Float64Array(nodes)
  const meanMs = rate === 0 ? Infinity : 60_000 / (rate * nodes)
  for (let atMs = WARM_UP_MS + exponential(random, meanMs); atMs < healMs;) {
    const node = random.below(nodes)
    if ((awayUntil[node] as number) < atMs) {
      builder.at(atMs, { type: random.float() < leaving ? 'leave' : 'crash', node })
      const backMs = atMs + 1_000 + exponential(random, AWAY_MS)
      awayUntil[node] = backMs
      if (backMs < healMs) {
        builder.at(backMs, { type: 'start', node, contacts: builder.contacts, saved: true })
      }
    }
    atMs += exponential(random, meanMs)
  }
  return builder.build(healMs)
}
