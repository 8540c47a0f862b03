import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '@starling/codec'
import { seededRandom, type SeededRandom } from '@starling/ports'
import { systemHmac } from '@starling/ports/system'
import { createHostFinder, type AnnouncePort, type HostContact, type HostFinder } from '../src/index.ts'
import { decodeAnnouncement, encodeAnnouncement } from '../src/host-wire.ts'
import { hostTag } from '../src/token.ts'
import { FakeNeighbors } from './fake-network.ts'
import { FakeTime } from './fake-time.ts'

/** A broadcast that every node hears after a moment; it loses what it is told to. */
class FakeCluster {
  readonly time: FakeTime = new FakeTime()
  readonly random: SeededRandom
  readonly sent: Uint8Array[] = []
  loses: () => boolean = () => false
  readonly #listeners = new Map<string, (payload: Uint8Array, from: string) => void>()

  constructor(seed: number | string = 1) {
    this.random = seededRandom(seed)
  }

  port(peer: string): AnnouncePort {
    return {
      broadcast: payload => {
        this.sent.push(payload)
        for (const [other, listener] of this.#listeners) {
          if (other === peer || this.loses()) continue
          this.time.schedule(5 + this.random.below(50), () => listener(payload, 'some neighbour'))
        }
      },
      onMessage: listener => {
        this.#listeners.set(peer, listener)
        return () => void this.#listeners.delete(peer)
      }
    }
  }

  get listening(): number {
    return this.#listeners.size
  }
}

/** A topic at one node: whoever it is given as a contact and hosts it too becomes its neighbour, both ways. */
class FakeTopic extends FakeNeighbors {
  readonly contacts: HostContact[] = []
  readonly #self: string
  readonly #hosts: Map<string, FakeTopic>

  constructor(self: string, hosts: Map<string, FakeTopic>) {
    super()
    this.#self = self
    this.#hosts = hosts
    hosts.set(self, this)
  }

  addContacts(contacts: readonly HostContact[]): void {
    this.contacts.push(...contacts)
    for (const { peer } of contacts) {
      const other = this.#hosts.get(peer)
      if (other === undefined || this.neighbors().length >= 5 || other.neighbors().length >= 5) continue
      this.set(peer, true)
      other.set(this.#self, true)
    }
  }
}

interface FinderNode {
  readonly name: string
  readonly finder: HostFinder
}

function nodesOf(cluster: FakeCluster, count: number): readonly FinderNode[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `node ${i}`
    const finder = createHostFinder({
      announce: cluster.port(name),
      self: () => ({ peer: name, addresses: [`/dns4/${i}.internal`] }),
      clock: cluster.time,
      timers: cluster.time,
      random: cluster.random.fork(name),
      hmac: systemHmac
    })
    return { name, finder }
  })
}

/** Hosts that are connected with the first one. */
function reached(hosts: ReadonlyMap<string, FakeTopic>): number {
  const [first] = hosts.keys()
  const seen = new Set(first === undefined ? [] : [first])
  for (const peer of seen) for (const next of hosts.get(peer)?.neighbors() ?? []) seen.add(next)
  return seen.size
}

describe('hosts of a topic', () => {
  test('that are three of ten nodes, and of a thousand, and nobody’s contacts, meet within seconds', async () => {
    for (const count of [10, 1_000]) {
      const cluster = new FakeCluster(count)
      const nodes = nodesOf(cluster, count)
      const hosts = new Map<string, FakeTopic>()
      for (const i of [1, Math.floor(count / 2), count - 1]) {
        const { finder, name } = nodes[i] as FinderNode
        finder.find('rare', new FakeTopic(name, hosts))
        await cluster.time.advance(700)
      }
      await cluster.time.advance(5_000)
      expect(reached(hosts)).toBe(3)
      for (const { finder } of nodes) finder.close()
    }
  })

  test('meet though most announcements are lost', async () => {
    const cluster = new FakeCluster('lossy')
    cluster.loses = () => cluster.random.below(10) < 8
    const nodes = nodesOf(cluster, 10)
    const hosts = new Map<string, FakeTopic>()
    for (const { finder, name } of nodes.slice(0, 4)) finder.find('rare', new FakeTopic(name, hosts))
    await cluster.time.advance(20 * 60_000)
    expect(reached(hosts)).toBe(4)
    for (const { finder } of nodes) finder.close()
  })

  test('that are in two groups come together', async () => {
    const cluster = new FakeCluster('groups')
    const nodes = nodesOf(cluster, 8)
    const hosts = new Map<string, FakeTopic>()
    const topics = nodes.map(({ name }) => new FakeTopic(name, hosts))
    for (const group of [
      [0, 1, 2, 3],
      [4, 5, 6, 7]
    ]) {
      for (const i of group) for (const j of group) if (i !== j) topics[i]?.set(`node ${j}`, true)
    }
    nodes.forEach(({ finder }, i) => finder.find('t', topics[i] as FakeTopic))
    expect(reached(hosts)).toBe(4)
    await cluster.time.advance(15 * 60_000)
    expect(reached(hosts)).toBe(8)
    for (const { finder } of nodes) finder.close()
  })

  test('that are all nodes announce it about once a minute together, and few turn to a newcomer', async () => {
    const cluster = new FakeCluster('popular')
    const nodes = nodesOf(cluster, 300)
    const hosts = new Map<string, FakeTopic>()
    for (const { finder, name } of nodes.slice(0, 299)) {
      const topic = new FakeTopic(name, hosts)
      for (let k = 0; k < 5; k++) topic.set(`neighbour ${k}`, true)
      finder.find('flags', topic)
    }
    await cluster.time.advance(5_000)
    cluster.sent.length = 0
    await cluster.time.advance(30 * 60_000)
    expect(cluster.sent.length).toBeGreaterThan(10)
    expect(cluster.sent.length).toBeLessThan(60)
    const before = nodes.reduce((sum, { finder }) => sum + finder.stats().found, 0)
    const { finder, name } = nodes[299] as FinderNode
    finder.find('flags', new FakeTopic(name, hosts))
    await cluster.time.advance(1_000)
    const found = nodes.reduce((sum, node) => sum + node.finder.stats().found, 0) - before
    expect(found).toBeGreaterThan(0)
    expect(found).toBeLessThan(60)
    for (const node of nodes) node.finder.close()
  })

  test('of many topics are announced together, and those of none are not sought any more', async () => {
    const cluster = new FakeCluster('many')
    const [a, b] = nodesOf(cluster, 2) as [FinderNode, FinderNode]
    const stops: (() => void)[] = []
    for (let i = 0; i < 300; i++) {
      const hosts = new Map<string, FakeTopic>()
      for (const { finder, name } of [a, b]) stops.push(finder.find(`topic ${i}`, new FakeTopic(name, hosts)))
    }
    await cluster.time.advance(3_000)
    expect(a.finder.stats()).toMatchObject({ topics: 300, malformed: 0 })
    expect(a.finder.stats().found + b.finder.stats().found).toBeGreaterThanOrEqual(300)
    expect(cluster.sent.length).toBeLessThan(20)
    for (const stop of stops) stop()
    expect(cluster.time.pending).toBe(0)
    for (const { finder } of [a, b]) finder.close()
    expect(cluster.listening).toBe(0)
    expect(() => a.finder.find('t', new FakeTopic('a', new Map()))).toThrow('closed')
  })

  test('are given at most one contact a second, whoever announces what', async () => {
    const cluster = new FakeCluster('flood')
    const [a] = nodesOf(cluster, 1) as [FinderNode]
    const topic = new FakeTopic(a.name, new Map())
    a.finder.find('t', topic)
    const mallory = cluster.port('mallory')
    const tag = hostTag(systemHmac, 't')
    for (let i = 0; i < 1_000; i++) {
      mallory.broadcast(encodeAnnouncement([tag], { peer: `made up ${i}`, addresses: [] }))
      mallory.broadcast(Uint8Array.of(9, i % 256))
      await cluster.time.advance(10)
    }
    expect(topic.contacts.length).toBeLessThanOrEqual(11)
    expect(a.finder.stats().malformed).toBeGreaterThan(900)
    a.finder.close()
  })
})

test('the tag is the same for all hosts, and the name is nowhere on the wire', () => {
  const tag = hostTag(systemHmac, 'secret topic')
  expect(Buffer.from(tag)).toEqual(Buffer.from(hostTag(systemHmac, 'secret topic')))
  expect(Buffer.from(tag)).not.toEqual(Buffer.from(hostTag(systemHmac, 'secret topid')))
  const bytes = encodeAnnouncement([tag], { peer: 'a', addresses: [] })
  expect(Buffer.from(bytes).toString('latin1')).not.toContain('secret')
})

test('announcements read back as written; any other bytes are refused with DecodeError', () =>
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { maxLength: 4 }),
      fc.string({ maxLength: 20 }).filter(text => text.isWellFormed()),
      fc.array(
        fc.string({ maxLength: 20 }).filter(text => text.isWellFormed()),
        { maxLength: 4 }
      ),
      fc.uint8Array({ maxLength: 60 }),
      (tags, peer, addresses, junk) => {
        const written = { tags, contact: { peer, addresses } }
        expect(decodeAnnouncement(encodeAnnouncement(tags, written.contact))).toEqual(written)
        try {
          const { tags: read, contact } = decodeAnnouncement(Uint8Array.of(1, ...junk))
          expect(encodeAnnouncement(read, contact)).toEqual(Uint8Array.of(1, ...junk))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }
    )
  ))
