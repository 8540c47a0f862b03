import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNode, type BroadcastSeen, type NodeInit, type StarlingNode } from '../src/index.ts'
import { eventually } from './node-process.ts'

// Goal: what a node tells of itself is true, whole and plain data, on real nodes over QUIC.

const cluster = { name: 'watched', secret: 'a secret of some length' }
let folder: string
const nodes: StarlingNode[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-inspection-'))
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(name: string, init: Partial<NodeInit> = {}): Promise<StarlingNode> {
  const listen = ['/ip4/127.0.0.1/udp/0/quic-v1']
  const node = await createNode({ dataDir: join(folder, name), listen, cluster, ...init })
  nodes.push(node)
  return node
}

const mapOf = (node: StarlingNode) => {
  const [first] = node.inspect().maps
  if (first === undefined) throw new Error('no map is open')
  return first
}

test('two linked nodes show one another, equal fingerprints, and totals that rise', async () => {
  const a = await start('a', { maps: { m: {} }, metadata: { name: 'first' } })
  const b = await start('b', { maps: { m: {} }, metadata: { name: 'second' }, contacts: a.addresses() })
  const [here, there] = [await a.map<string>('m'), await b.map<string>('m')]
  await there.whenSynced({ signal: AbortSignal.timeout(20_000) })
  const empty = mapOf(a).fingerprint
  expect(empty).toMatch(/^[0-9a-f]{64}$/u)
  const before = b.inspect()
  await here.set('k', 'v', { replicas: 2 })
  await here.set('k2', 'v', { replicas: 2 })
  await eventually(
    () => Promise.resolve(there.size),
    size => size === 2
  )
  const [left, right] = [a.inspect(), b.inspect()]
  expect(mapOf(a).fingerprint).toBe(mapOf(b).fingerprint)
  expect(mapOf(a).fingerprint).not.toBe(empty)
  for (const [self, other, shown, [name, otherName]] of [
    [a, b, left, ['first', 'second']],
    [b, a, right, ['second', 'first']]
  ] as const) {
    expect(JSON.parse(JSON.stringify(shown))).toEqual(shown)
    expect(shown).toMatchObject({
      id: self.id,
      cluster: 'watched',
      metadata: { name },
      addresses: self.addresses(),
      maps: [{ name: 'm', size: 2, conflicts: 0, lagging: [], neighbors: [other.id], health: { ok: true } }],
      peers: [
        {
          peer: other.id,
          status: 'connected',
          lastError: undefined,
          session: { metadata: { name: otherName } }
        }
      ],
      sessions: { sessions: 1 }
    })
    expect(shown.swarms.map(({ topic, links }) => [topic, links.map(({ peer }) => peer)])).toEqual([
      ['starling:cluster', [other.id]],
      ['m', [other.id]]
    ])
    const { quota } = mapOf(self)
    expect(quota.entries).toBe(2)
    expect(quota.bytes).toBeGreaterThan(0)
    expect(quota.bytes).toBeLessThan(quota.bytesMax)
    const [session] = mapOf(self).sync
    expect(session).toMatchObject({ peer: other.id, differsSinceMs: undefined })
    expect(session?.lastCompleteMs).toBeGreaterThanOrEqual(shown.startedAtMs)
    expect(session?.lastCompleteMs).toBeLessThanOrEqual(Date.now())
    expect(shown.uptimeMs).toBeGreaterThan(0)
    expect(shown.startedAtMs).toBeLessThanOrEqual(shown.atMs)
  }
  expect([left.totals.writes, right.totals.writes]).toEqual([2, 0])
  for (const field of ['messagesSent', 'messagesReceived', 'bytesSent', 'bytesReceived'] as const) {
    expect(right.totals[field]).toBeGreaterThan(before.totals[field])
  }
  expect(right.totals.delivered + right.sync.roundsCompleted).toBeGreaterThan(
    before.totals.delivered + before.sync.roundsCompleted
  )
})

test('conflicts, writes of closed maps and errors of peers are told', async () => {
  const a = await start('a', { maps: { m: {} } })
  const b = await start('b', { maps: { m: {} } })
  const [here, there] = [await a.map<string>('m'), await b.map<string>('m')]
  await Promise.all([here.set('k', 'from a'), there.set('k', 'from b')])
  expect(mapOf(a).fingerprint).not.toBe(mapOf(b).fingerprint)
  const c = await start('c', { maps: { m: {} }, contacts: [...a.addresses(), ...b.addresses()] })
  await eventually(
    () => Promise.resolve([a, b, c].map(mapOf)),
    maps => maps.every(({ conflicts }) => conflicts === 1)
  )
  expect(new Set([a, b, c].map(node => mapOf(node).fingerprint)).size).toBe(1)
  await here.close()
  const { totals, maps } = await eventually(
    () => Promise.resolve(a.inspect()),
    shown => shown.maps.length === 0
  )
  expect([totals.writes, maps]).toEqual([1, []])
  const stranger = await start('d', {
    contacts: a.addresses(),
    cluster: { name: 'watched', secret: 'another secret of some length' }
  })
  const refused = await eventually(
    () => Promise.resolve(stranger.inspect()),
    ({ peers }) => peers.some(({ lastError }) => lastError !== undefined)
  )
  expect(refused.peers.map(({ lastError }) => lastError?.name)).toEqual(['AdmissionError'])
  expect(JSON.parse(JSON.stringify(refused))).toEqual(refused)
})

test('a broadcast is told on every node it reaches, and a listener that throws stops nothing', async () => {
  const a = await start('a', { maps: { m: {} } })
  const b = await start('b', { maps: { m: {} }, contacts: a.addresses() })
  const [here, there] = [await a.map<string>('m'), await b.map<string>('m')]
  await there.whenSynced({ signal: AbortSignal.timeout(20_000) })
  await eventually(
    () => Promise.resolve([a, b].map(mapOf)),
    maps => maps.every(({ neighbors }) => neighbors.length === 1)
  )
  const seen: BroadcastSeen[][] = [[], []]
  ;[a, b].forEach((node, index) => {
    node.onBroadcast(() => {
      throw new Error('defect')
    })
    node.onBroadcast(each => {
      if (each.topic === 'm') seen[index]?.push(each)
    })
  })
  await here.set('k', 'v')
  await eventually(
    () => Promise.resolve(there.get('k')),
    value => value === 'v'
  )
  const [made, met] = await eventually(
    () => Promise.resolve(seen.map(([first]) => first)),
    ([first, second]) => first !== undefined && second !== undefined
  )
  expect(made).toMatchObject({ topic: 'm', hops: 0, id: met?.id, bytes: met?.bytes })
  expect(met).toMatchObject({ from: a.id, hops: 1 })
  expect(b.inspect().gossip.listenersFailed).toBeGreaterThan(0)
})
