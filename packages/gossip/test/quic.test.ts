import { quic } from '@chainsafe/libp2p-quic'
import { mux } from '@starling/mux'
import { peers, type Peers } from '@starling/peers'
import { systemPorts } from '@starling/ports/system'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, test } from 'vitest'
import { createGossip, type Contact, type Gossip, type Topic } from '../src/index.ts'

/** One node on loopback, as `@starling/node` puts it together: QUIC, the multiplexer, the peer manager, gossip. */
interface QuicNode {
  readonly gossip: Gossip
  readonly contact: Contact
  stop(): Promise<void>
}

const running: QuicNode[] = []

async function start(): Promise<QuicNode> {
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
    transports: [quic()],
    connectionManager: { inboundConnectionThreshold: Infinity, maxIncomingPendingConnections: 1_000 },
    connectionMonitor: { enabled: false },
    services: {
      mux: mux(),
      peers: peers({
        cluster: { name: 'gossip', secrets: ['a secret of enough bytes'] },
        ports: systemPorts
      })
    }
  })
  const sessions = (libp2p as unknown as { services: { peers: Peers } }).services.peers
  const gossip = createGossip({ sessions, ...systemPorts })
  const addresses = libp2p.getMultiaddrs().map(address => address.toString())
  const node = {
    gossip,
    contact: { peer: sessions.self, addresses },
    async stop() {
      await gossip.stop()
      await libp2p.stop()
    }
  }
  running.push(node)
  return node
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(node => node.stop()))
})

/** A member of a topic and what it heard, with promises for what it is to hear. */
class Member {
  readonly topic: Topic
  readonly heard: string[] = []
  readonly #waiting: { fits: () => boolean; resolve: () => void }[] = []

  constructor(topic: Topic) {
    this.topic = topic
    topic.onMessage(payload => {
      this.heard.push(new TextDecoder().decode(payload))
      this.#look()
    })
    topic.onNeighbor(() => this.#look())
  }

  say(text: string): void {
    this.topic.broadcast(new TextEncoder().encode(text))
  }

  /** Resolves when it holds after some event of this member, or holds already. */
  async until(fits: () => boolean): Promise<void> {
    if (!fits()) await new Promise<void>(resolve => this.#waiting.push({ fits, resolve }))
  }

  #look(): void {
    for (const { fits, resolve } of this.#waiting) if (fits()) resolve()
  }
}

async function cluster(count: number): Promise<{ nodes: QuicNode[]; members: Member[] }> {
  const nodes = await Promise.all(Array.from({ length: count }, () => start()))
  const contacts = nodes.slice(0, 1).map(node => node.contact)
  const members = nodes.map(
    (node, index) => new Member(node.gossip.join('flags', { contacts: index === 0 ? [] : contacts }))
  )
  await Promise.all(members.map(each => each.until(() => each.topic.neighbors().length >= 2)))
  return { nodes, members }
}

describe('over QUIC, with the real peer manager and multiplexer', () => {
  test('five nodes find each other through one, and each payload reaches everybody else once', async () => {
    const { nodes, members } = await cluster(5)
    members.forEach((member, index) => member.say(`from ${index}`))
    await Promise.all(members.map(member => member.until(() => member.heard.length >= 4)))
    members.forEach(({ heard }, index) => {
      const others = members.map((_, other) => `from ${other}`).filter((_, other) => other !== index)
      expect(heard.toSorted()).toEqual(others)
    })
    for (const { gossip } of nodes) {
      expect(gossip.stats()).toMatchObject({ malformed: 0, offendersClosed: 0, payloadsDropped: 0 })
    }
  })

  test('leaving is told, and a node comes back by the peers it saved though its contact is gone', async () => {
    const { nodes, members } = await cluster(4)
    const [first, second, , last] = members as [Member, Member, Member, Member]
    const saved = last.topic.savedPeers()
    expect(saved.length).toBeGreaterThanOrEqual(2)
    const lastPeer = nodes[3]?.contact.peer ?? ''
    await last.topic.leave()
    await Promise.all(
      members.slice(0, 3).map(each => each.until(() => !each.topic.neighbors().includes(lastPeer)))
    )
    await nodes[0]?.stop()
    running.splice(running.indexOf(nodes[0] as QuicNode), 1)
    expect(first.topic.neighbors()).toEqual([])
    const reborn = new Member((nodes[3] as QuicNode).gossip.join('flags', { contacts: [], saved }))
    await reborn.until(() => reborn.topic.neighbors().length > 0)
    second.say('welcome')
    await reborn.until(() => reborn.heard.includes('welcome'))
    expect(reborn.heard).toEqual(['welcome'])
  })

  test('what is said before there is any neighbour arrives with the first one', async () => {
    const [a, b] = [await start(), await start()]
    const early = new Member(a.gossip.join('flags', { contacts: [b.contact] }))
    early.say('hello?')
    const late = new Member(b.gossip.join('flags', { contacts: [] }))
    await late.until(() => late.heard.length > 0)
    expect(late.heard).toEqual(['hello?'])
  })
})
