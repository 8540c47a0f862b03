import { seededRandom } from '@starling/ports'
import type { GossipSwarm, SwarmInit } from './gossip-contender.ts'
import { connect, startMemoryHost, type MemoryHost } from './memory-host.ts'

const TOPIC = 'bench'
/** Connections of a node: a ring and random chords, twice the mesh degree. */
const LINKS = 12
/** Time for a few heartbeats, which build the mesh. */
const MESH_MS = 5_000

/** As much of the service as is used here. `decodeRpc` reads every message a node receives, and is where they are counted. */
interface PubSub {
  subscribe(topic: string): void
  publish(topic: string, data: Uint8Array): Promise<unknown>
  addEventListener(type: 'message', listener: (event: { detail: { data: Uint8Array } }) => void): void
  decodeRpc(bytes: Uint8Array): { readonly messages?: readonly unknown[] }
}

/** The peer: mesh degree 6, messages not signed, everything else as it comes. */
export async function startGossipsubSwarm({ nodes, latencyMs }: SwarmInit): Promise<GossipSwarm> {
  const { gossipsub } = await import('@libp2p/gossipsub')
  const { identify } = await import('@libp2p/identify')
  const hosts: MemoryHost[] = []
  const totals = { copies: 0, bytes: 0 }
  const pubsubs: PubSub[] = []
  for (let i = 0; i < nodes; i++) {
    const pubsub = gossipsub({
      globalSignaturePolicy: 'StrictNoSign',
      allowPublishToZeroTopicPeers: true,
      msgIdFn: ({ data }) => data.subarray(0, 16)
    })
    const host = await startMemoryHost(latencyMs, { identify: identify(), pubsub })
    hosts.push(host)
    const service = host.services['pubsub'] as PubSub
    const decode = service.decodeRpc.bind(service)
    service.decodeRpc = bytes => {
      const rpc = decode(bytes)
      totals.bytes += bytes.length
      totals.copies += rpc.messages?.length ?? 0
      return rpc
    }
    service.subscribe(TOPIC)
    pubsubs.push(service)
  }
  await connectAll(hosts)
  await new Promise(resolve => setTimeout(resolve, MESH_MS))
  return {
    size: nodes,
    broadcast: (node, payload) => void (pubsubs[node] as PubSub).publish(TOPIC, payload),
    onDelivery: listener =>
      pubsubs.forEach((pubsub, node) =>
        pubsub.addEventListener('message', event => listener(node, event.detail.data))
      ),
    totals: () => ({ ...totals }),
    async stop() {
      await Promise.all(hosts.map(host => host.stop()))
    }
  }
}

async function connectAll(hosts: readonly MemoryHost[]): Promise<void> {
  const random = seededRandom(1)
  const degrees = hosts.map(() => 0)
  const joined = new Set<string>()
  const dials: Promise<unknown>[] = []
  const link = (a: number, b: number): void => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)]
    if (a === b || joined.has(`${low}-${high}`)) return
    joined.add(`${low}-${high}`)
    degrees[a] = (degrees[a] ?? 0) + 1
    degrees[b] = (degrees[b] ?? 0) + 1
    dials.push(connect(hosts[low] as MemoryHost, hosts[high] as MemoryHost))
  }
  hosts.forEach((_, at) => link(at, (at + 1) % hosts.length))
  for (let tries = 0; tries < hosts.length * LINKS * 4; tries++) {
    const [a, b] = [random.below(hosts.length), random.below(hosts.length)]
    if ((degrees[a] ?? 0) < LINKS && (degrees[b] ?? 0) < LINKS) link(a, b)
  }
  await Promise.all(dials)
}
