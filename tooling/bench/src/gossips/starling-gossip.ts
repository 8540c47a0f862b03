import { createGossip, type Gossip, type Topic } from '@starling/gossip'
import { mux } from '@starling/mux'
import { peers, type Peers } from '@starling/peers'
import { systemPorts } from '@starling/ports/system'
import type { GossipSwarm, SwarmInit } from './gossip-contender.ts'
import { startMemoryHost, type MemoryHost } from './memory-host.ts'

interface Member {
  readonly host: MemoryHost
  readonly gossip: Gossip
  readonly topic: Topic
}

/** Ours: every node joins an earlier one, with the settings that everybody gets. */
export async function startStarlingSwarm({ nodes, latencyMs }: SwarmInit): Promise<GossipSwarm> {
  const members: Member[] = []
  for (let i = 0; i < nodes; i++) {
    const cluster = { name: 'bench', secrets: ['a secret of enough bytes'] }
    const host = await startMemoryHost(latencyMs, {
      mux: mux(),
      peers: peers({ cluster, ports: systemPorts })
    })
    const sessions = host.services['peers'] as Peers
    const gossip = createGossip({ sessions, ...systemPorts })
    // Contacts are spread: with this delay of each buffer one alone would be busy with handshakes for minutes.
    const earlier = members[i >> 1]?.host
    const contact = earlier && {
      peer: earlier.peerId.toString(),
      addresses: earlier.getMultiaddrs().map(address => address.toString())
    }
    const topic = gossip.join('bench', { contacts: contact ? [contact] : [] })
    members.push({ host, gossip, topic })
    // One after the other: dozens of handshakes at once are another benchmark.
    if (contact !== undefined) await neighbors([topic], 1)
  }
  await neighbors(
    members.map(({ topic }) => topic),
    Math.min(3, nodes - 1)
  )
  return {
    size: nodes,
    broadcast: (node, payload) => (members[node] as Member).topic.broadcast(payload),
    onDelivery: listener =>
      members.forEach(({ topic }, node) => topic.onMessage(payload => listener(node, payload))),
    totals: () => ({
      copies: sum(members, ({ topic }) => topic.stats().tree.received.gossip),
      bytes: sum(members, ({ gossip }) => gossip.stats().bytesSent)
    }),
    async stop() {
      await Promise.all(members.map(({ gossip }) => gossip.stop()))
      await Promise.all(members.map(({ host }) => host.stop()))
    }
  }
}

/** Resolves when each has so many. */
function neighbors(topics: readonly Topic[], count: number): Promise<void> {
  return new Promise(resolve => {
    const stops: (() => void)[] = []
    const look = (): void => {
      if (topics.some(topic => topic.neighbors().length < count)) return
      for (const stop of stops) stop()
      resolve()
    }
    for (const topic of topics) stops.push(topic.onNeighbor(look))
    look()
  })
}

function sum<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((total, item) => total + amount(item), 0)
}
