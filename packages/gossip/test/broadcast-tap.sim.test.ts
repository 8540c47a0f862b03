import { describe, expect, test } from 'vitest'
import type { BroadcastSeen } from '../src/index.ts'
import { Swarm } from './fake-sessions.ts'

const KEYS = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5']

/** Six nodes in one topic, at rest, and what each of them tells of broadcasts from now on. */
async function tapped(): Promise<{ swarm: Swarm; seen: Map<string, BroadcastSeen[]> }> {
  const swarm = new Swarm()
  for (const key of KEYS) swarm.join(key, 'flags', key === 'n0' ? [] : ['n0'])
  await swarm.pass(5_000)
  const seen = new Map<string, BroadcastSeen[]>()
  for (const key of KEYS) {
    const list: BroadcastSeen[] = []
    seen.set(key, list)
    swarm.node(key).gossip.onBroadcast(each => list.push(each))
  }
  return { swarm, seen }
}

describe('the tap', () => {
  test('tells of each broadcast once on every node, under one id, along the links it took', async () => {
    const { swarm, seen } = await tapped()
    swarm.topic('n3', 'flags').broadcast(new Uint8Array(10))
    await swarm.pass(5_000)
    const all = KEYS.map(key => seen.get(key) ?? [])
    expect(all.map(list => list.length)).toEqual([1, 1, 1, 1, 1, 1])
    const [origin] = seen.get('n3') ?? []
    expect(origin).toMatchObject({ topic: 'flags', hops: 0, bytes: 10 })
    expect(origin).not.toHaveProperty('from')
    expect(new Set(all.flat().map(({ id }) => id))).toEqual(new Set([origin?.id]))
    expect(origin?.id).toMatch(/^[0-9a-f]{32}$/u)
    for (const key of KEYS.filter(each => each !== 'n3')) {
      const [here] = seen.get(key) ?? []
      const [before] = seen.get(here?.from ?? '') ?? []
      expect([here?.hops, here?.bytes]).toEqual([(before?.hops ?? Number.NaN) + 1, 10])
      expect(here?.atMs).toBeGreaterThanOrEqual(before?.atMs ?? Number.NaN)
    }
    swarm.topic('n3', 'flags').broadcast(new Uint8Array(10))
    await swarm.pass(5_000)
    const second = new Set(KEYS.map(key => seen.get(key)?.[1]?.id))
    expect(second.size).toBe(1)
    expect(second).not.toContain(origin?.id)
  })

  test('a listener that throws is counted and harms nobody, and one that was stopped hears nothing', async () => {
    const { swarm, seen } = await tapped()
    const { gossip } = swarm.node('n1')
    const heard: string[] = []
    swarm.topic('n1', 'flags').onMessage(() => heard.push('message'))
    gossip.onBroadcast(() => {
      throw new Error('defect')
    })
    gossip.onBroadcast(() => heard.push('later'))
    gossip.onBroadcast(() => heard.push('stopped'))()
    swarm.topic('n0', 'flags').broadcast(new Uint8Array(3))
    swarm.topic('n1', 'flags').broadcast(new Uint8Array(4))
    await swarm.pass(5_000)
    expect(heard.toSorted()).toEqual(['later', 'later', 'message'])
    expect(gossip.stats().listenersFailed).toBe(2)
    expect(seen.get('n5')?.length).toBe(2)
    expect(swarm.node('n5').gossip.stats().listenersFailed).toBe(0)
  })
})

test('links are the neighbours, those in the tree eager at both ends after a broadcast has passed', async () => {
  const { swarm } = await tapped()
  for (let i = 0; i < 3; i++) {
    swarm.topic('n0', 'flags').broadcast(new Uint8Array([i]))
    await swarm.pass(5_000)
  }
  const edges = new Set<string>()
  for (const key of KEYS) {
    const topic = swarm.topic(key, 'flags')
    expect(topic.links().map(({ peer }) => peer)).toEqual(topic.neighbors())
    const { neighbors, passive, tree } = topic.stats()
    const eager = topic.links().filter(link => link.eager)
    expect([neighbors, tree.eager]).toEqual([topic.links().length, eager.length])
    expect(passive).toBeLessThanOrEqual(KEYS.length - 1 - neighbors)
    for (const { peer } of eager) edges.add([key, peer].toSorted().join())
  }
  // A tree over six nodes.
  expect(edges.size).toBe(KEYS.length - 1)
})

test('totals keep what topics that were left have done', async () => {
  const { swarm } = await tapped()
  swarm.topic('n0', 'flags').broadcast(new Uint8Array(1))
  await swarm.pass(5_000)
  const { gossip } = swarm.node('n2')
  const before = gossip.stats()
  expect(before).toMatchObject({ delivered: 1, topics: 1 })
  expect(before.controlReceived).toBeGreaterThan(0)
  expect(gossip.topics().map(({ name }) => name)).toEqual(['flags'])
  const left = swarm.topic('n2', 'flags').leave()
  await swarm.pass(2_000)
  await left
  const { delivered, controlSent, controlReceived, topics } = gossip.stats()
  expect([delivered, topics, gossip.topics()]).toEqual([1, 0, []])
  expect(controlSent).toBeGreaterThanOrEqual(before.controlSent)
  expect(controlReceived).toBeGreaterThanOrEqual(before.controlReceived)
})
