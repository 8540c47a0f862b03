import { pick } from '@starling/ports'
import { createSimulation } from '@starling/sim'
import { BroadcastWorld } from '../broadcast-world.ts'
import { hostileShares, type HostileShares } from '../checkers/eclipse.ts'
import { viewViolation } from '../checkers/views.ts'
import { Coalition } from '../hostile-nodes.ts'
import type { OverlayWorld } from '../overlay-world.ts'
import { numberIn, type Scenario, wholeNumber } from '../scenario.ts'
import { Violations } from '../violations.ts'

/** Time for the honest overlay to form before the hostile nodes turn up, ms: long enough for links to be old. */
const WARM_UP_MS = 15 * 60_000
const BROADCAST_EVERY_MS = 10_000
/** Window of a broadcast, ms. */
const WINDOW_MS = 9_000
/** Minutes at which the shares are told apart, besides the end. */
const CURVE_MINUTES = [1, 2, 5, 10, 20, 30, 60, 120]

/** A coalition of hostile nodes tries to surround the honest ones of a standing overlay. */
export const eclipseScenario: Scenario = {
  name: 'eclipse',
  summary:
    'hostile nodes flood and poison a standing overlay; measures their share of views and the honest reach',
  nodesDefault: 1_000,
  nodesMin: 10,
  options: {
    hostile: { meaning: 'share of the nodes that are hostile', default: '0.1', complaint: numberIn(0, 0.9) },
    minutes: { meaning: 'how long they attack', default: '30', complaint: wholeNumber(1, 10_000) },
    shuffles: {
      meaning: 'poisoned shuffles that each sends in a minute',
      default: '60',
      complaint: numberIn(0, 60_000)
    },
    requests: {
      meaning: 'requests for a link that each sends in a minute',
      default: '60',
      complaint: numberIn(0, 60_000)
    },
    joining: {
      meaning: 'share of those requests that are joins instead',
      default: '0.5',
      complaint: numberIn(0, 1)
    },
    links: { meaning: 'links that each keeps', default: '1000', complaint: wholeNumber(1, 1_000_000) },
    joins: {
      meaning: 'forged joins that each sends to each neighbour in a minute',
      default: '6',
      complaint: numberIn(0, 60_000)
    }
  },
  run({ nodes, seed, options, progress }) {
    const simulation = createSimulation({ seed })
    const random = simulation.random.fork('hostile')
    const count = Math.round(nodes * Number(options['hostile']))
    const members = Array.from({ length: count }, (_, i) => nodes - 1 - i)
    const attack = {
      shufflesPerMinute: Number(options['shuffles']),
      requestsPerMinute: Number(options['requests']),
      joinsPerMinute: Number(options['joins']),
      joining: Number(options['joining']),
      linksMax: Number(options['links'])
    }
    const coalition = new Coalition<never>(
      members,
      () => world.overlay as OverlayWorld<never>,
      attack,
      random
    )
    const world: BroadcastWorld = new BroadcastWorld(simulation, { nodes, hostile: coalition })
    const violations = new Violations()
    world.overlay.afterStep = node => {
      const wrong = viewViolation(world.overlay, node)
      if (wrong !== undefined) violations.add('I11', wrong)
    }
    const honest = nodes - count
    for (let node = 0; node < honest; node++) world.overlay.join(node, node === 0 ? [] : [0])
    simulation.runUntil(WARM_UP_MS)
    progress('the honest overlay stands')
    coalition.start()
    const reaches: number[] = []
    const curve: Record<string, number> = {}
    let shares: HostileShares = hostileShares(world, coalition.members)
    for (let minute = 1; minute <= Number(options['minutes']); minute++) {
      while (simulation.nowMs < WARM_UP_MS + minute * 60_000) {
        const sender = pick(
          random,
          Array.from({ length: honest }, (_, node) => node)
        ) as number
        const broadcast = world.broadcast(sender)
        simulation.runFor(WINDOW_MS)
        reaches.push((broadcast.deliveries + 1) / honest)
        simulation.runFor(BROADCAST_EVERY_MS - WINDOW_MS)
      }
      shares = hostileShares(world, coalition.members)
      if (CURVE_MINUTES.includes(minute)) {
        curve[`activeShareAt${minute}`] = shares.active
        curve[`passiveShareAt${minute}`] = shares.passive
      }
    }
    return {
      violations: violations.sentences,
      metrics: {
        hostileShare: count / nodes,
        activeShare: shares.active,
        passiveShare: shares.passive,
        eclipsedShare: shares.eclipsed,
        largestHonestComponent: shares.largestHonestComponent,
        reachMean: reaches.reduce((sum, reach) => sum + reach, 0) / reaches.length,
        reachMin: Math.min(...reaches),
        ...curve
      },
      traceHash: simulation.trace.hash,
      simulatedMs: simulation.nowMs
    }
  }
}
