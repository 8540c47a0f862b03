import { seededRandom } from '@starling/ports'
import { loadContenders, type Factory } from '../contenders.ts'
import type { GossipSwarm, StartSwarm, SwarmFigures } from '../gossips/gossip-contender.ts'
import { median } from '../statistics.ts'
import {
  FLOOR,
  measurement,
  OURS,
  type Measurement,
  type Metric,
  type Suite,
  type SuiteContext
} from '../suite.ts'

const GOSSIPSUB = 'gossipsub'

const NODES = 40
const LATENCY_MS = 5
const PAYLOAD_BYTES = 256
/** Broadcasts that build trees and meshes and do not count, and those that count. */
const WARM_UP = 20
const BROADCASTS = 200
const BROADCASTS_QUICK = 40
/** Time for one broadcast to arrive everywhere: several times the slowest delivery. */
const GAP_MS = 300
/** Time for announcements and repairs of the last ones. */
const SETTLE_MS = 2_000

const about = `broadcasts of ${PAYLOAD_BYTES} bytes by random senders, ${NODES} nodes, ${LATENCY_MS} ms for each buffer`

const copies = metric('copiesPerDelivery', 'copies', `payload copies for each delivery; ${about}`)
const bytes = metric('bytesPerDelivery', 'bytes', 'bytes of all messages for each delivery, the same')
const p50 = metric('p50Ms', 'ms', 'median time from broadcast to delivery, the same')

const factories: Readonly<Record<string, Factory<StartSwarm>>> = {
  [OURS]: async () => (await import('../gossips/starling-gossip.ts')).startStarlingSwarm,
  [FLOOR]: async () => {
    const { startFloorTree } = await import('../gossips/floor-tree.ts')
    return init => startFloorTree(init, PAYLOAD_BYTES)
  },
  [GOSSIPSUB]: async () => {
    await import('@libp2p/gossipsub')
    return (await import('../gossips/gossipsub-swarm.ts')).startGossipsubSwarm
  }
}

/** Broadcast to a swarm of nodes in one process, over the same transport. */
export const gossipSuite: Suite = {
  name: 'gossip',
  about: 'broadcasts to 40 nodes over libp2p',
  references: [FLOOR, GOSSIPSUB],
  metrics: [copies, bytes, p50],
  run
}

async function* run(context: SuiteContext): AsyncIterable<Measurement> {
  const starters = await loadContenders(factories, context)
  const figures = new Map<string, SwarmFigures>()
  for (const [name, start] of starters) {
    context.progress(`n40 ${name}`)
    const swarm = await start({ nodes: NODES, latencyMs: LATENCY_MS })
    try {
      figures.set(name, await measure(swarm, context.effort.quick ? BROADCASTS_QUICK : BROADCASTS))
    } finally {
      await swarm.stop()
    }
  }
  for (const one of [copies, bytes, p50]) {
    const key = one.metric as keyof SwarmFigures
    yield measurement(one, new Map([...figures].map(([name, all]) => [name, all[key]])))
  }
}

/** Broadcasts one after the other. Every node must get every one, or the figures would flatter whoever loses some. */
async function measure(swarm: GossipSwarm, count: number): Promise<SwarmFigures> {
  const random = seededRandom(1)
  const sentMs: number[] = []
  const times: number[] = []
  let deliveries = 0
  swarm.onDelivery((_, payload) => {
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    const startMs = sentMs[number]
    if (startMs === undefined || number < WARM_UP) return
    deliveries++
    times.push(performance.now() - startMs)
  })
  const send = async (number: number): Promise<void> => {
    const payload = random.bytes(PAYLOAD_BYTES)
    new DataView(payload.buffer).setUint32(0, number)
    sentMs[number] = performance.now()
    swarm.broadcast(random.below(swarm.size), payload)
    await pause(GAP_MS)
  }
  for (let number = 0; number < WARM_UP; number++) await send(number)
  await pause(SETTLE_MS)
  const before = swarm.totals()
  for (let number = WARM_UP; number < WARM_UP + count; number++) await send(number)
  await pause(SETTLE_MS)
  const after = swarm.totals()
  const wanted = count * (swarm.size - 1)
  if (deliveries !== wanted) throw new Error(`${deliveries} deliveries instead of ${wanted}`)
  return {
    copiesPerDelivery: (after.copies - before.copies) / deliveries,
    bytesPerDelivery: (after.bytes - before.bytes) / deliveries,
    p50Ms: median(times)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function metric(name: string, unit: string, text: string): Metric {
  return { case: 'n40', metric: name, unit, better: 'lower', about: text }
}
