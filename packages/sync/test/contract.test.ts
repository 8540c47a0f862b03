import { describe, expect, test } from 'vitest'
import { FakeNetwork } from './fake-network.ts'
import { testNode } from './fixtures.ts'
import { Counters, WholeSet, type TestReplica } from './protocols.ts'

const protocols: readonly (readonly [string, () => TestReplica])[] = [
  ['the whole set', () => new WholeSet()],
  ['a counter', () => new Counters()]
]

describe.each(protocols)('any protocol: %s', (_name, create) => {
  test('three neighbours and several topics: one session per pair and topic, and all become alike', async () => {
    const network = new FakeNetwork()
    network.latencyMs = () => 1 + network.random.below(30)
    const names = ['a', 'b', 'c']
    const topics = Array.from({ length: 20 }, (_, i) => `topic ${i}`)
    const nodes = names.map(name =>
      testNode(
        network,
        name,
        names.filter(other => other !== name)
      )
    )
    const replicas = nodes.map(node =>
      topics.map(topic => {
        const replica = create()
        replica.write(`${node.name} in ${topic}`)
        return { replica, handle: node.open(topic, replica.protocol) }
      })
    )
    for (const [x, y] of [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c']
    ] as const)
      network.connect(x, y)
    await network.time.advance(90_000)

    for (const [x, y] of [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c']
    ] as const) {
      expect(network.openChannels(x, y)).toBe(0)
    }
    for (const node of nodes)
      expect(node.sync.stats()).toMatchObject({
        sessions: 40,
        sessionsStarted: 40,
        links: 40,
        roundsFailed: 0
      })
    for (const [i] of topics.entries()) {
      const [a, b, c] = replicas.map(of => of[i]?.replica.state())
      expect(a).toEqual(b)
      expect(b).toEqual(c)
      expect((a as unknown[]).length).toBe(3)
    }
    await Promise.all([...nodes.map(node => node.sync.close()), network.time.advance(20_000)])
    expect(network.time.pending).toBe(0)
  })

  test('what is written later arrives by a periodic round or on demand', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a', ['b']), testNode(network, 'b', ['a'])]
    const [left, right] = [create(), create()]
    const handle = a.open('t', left.protocol)
    b.open('t', right.protocol)
    network.connect('a', 'b')
    await network.time.advance(3_000)
    left.write('later')
    expect(right.state()).not.toEqual(left.state())
    handle.reconcile()
    await network.time.advance(100)
    expect(right.state()).toEqual(left.state())
    right.write('much later')
    await network.time.advance(2 * 30_000 * 1.25)
    expect(right.state()).toEqual(left.state())
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })

  test('a peer that was away catches up when its session is back', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a', ['b']), testNode(network, 'b', ['a'])]
    const [left, right] = [create(), create()]
    a.open('t', left.protocol)
    b.open('t', right.protocol)
    network.connect('a', 'b')
    await network.time.advance(3_000)
    network.disconnect('a', 'b')
    left.write('while away')
    await network.time.advance(120_000)
    expect(a.sync.stats().sessions).toBe(0)
    network.connect('b', 'a')
    await network.time.advance(100)
    expect(right.state()).toEqual(left.state())
    expect(a.sync.stats().sessions).toBe(1)
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })
})
