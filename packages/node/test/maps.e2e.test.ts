import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNode, type NodeInit, type StarlingNode } from '../src/index.ts'
import { eventually } from './node-process.ts'

// Goal: what a map promises beyond its own node, on two whole nodes over QUIC.

const cluster = { name: 'maps', secret: 'a secret of some length' }
let folder: string
const nodes: StarlingNode[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-maps-'))
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

test('a declared map is open from the start, and a node without contacts has it synced at once', async () => {
  const a = await start('a', { maps: { flags: { limits: { entriesMax: 10 } } } })
  expect(a.inspect().maps.map(({ name, health }) => [name, health.ok])).toEqual([['flags', true]])
  const flags = await a.map<number>('flags', { limits: { entriesMax: 10 } })
  await flags.whenSynced()
  await expect(a.map('flags')).rejects.toMatchObject({ name: 'MapOptionsMismatchError' })
  await expect(start('b', { maps: { flags: null as never } })).rejects.toThrow(TypeError)
})

test('a node whose only contact is itself has its maps synced at once', async () => {
  const first = await start('a')
  const contacts = first.addresses()
  await first.stop()
  const again = await start('a', { contacts })
  const map = await again.map('m')
  await map.whenSynced({ signal: AbortSignal.timeout(5_000) })
  expect(map.health().ok).toBe(true)
})

test('a map knows when it is synced, and a write when it is on another disk', async () => {
  const a = await start('a')
  const there = await a.map<string>('m')
  await there.set('k', 'v')
  await expect(there.set('k', 'w', { replicas: 2, timeoutMs: 50 })).rejects.toMatchObject({
    name: 'ReplicationTimeoutError',
    acknowledgedBy: []
  })
  expect(there.get('k')).toBe('w')
  const b = await start('b', { contacts: a.addresses() })
  const here = await b.map<string>('m')
  expect(here.presence('other')).toBe('notSynced')
  await here.whenSynced({ signal: AbortSignal.timeout(20_000) })
  expect([here.get('k'), here.presence('other'), here.health().ok]).toEqual(['w', 'absent', true])
  await here.set('k', 'x', { replicas: 2 })
  expect(there.get('k')).toBe('x')
})

test('presence ends with its node, and with its process', async () => {
  const a = await start('a')
  const b = await start('b', { contacts: a.addresses() })
  const [here, there] = [await b.map<string>('m'), await a.map<string>('m')]
  await here.whenSynced({ signal: AbortSignal.timeout(20_000) })
  const told: string[] = []
  there.onChange(({ type, key }) => void told.push(`${type} ${key}`))
  await here.set('node b', 'here', { ttlMs: 60_000, renew: true, replicas: 2 })
  await here.set('short', 'here', { ttlMs: 300, replicas: 2 })
  expect([there.get('node b'), there.get('short')]).toEqual(['here', 'here'])
  await eventually(
    () => Promise.resolve(told),
    events => events.includes('expired short')
  )
  await b.stop()
  await eventually(
    () => Promise.resolve(told),
    events => events.includes('delete node b')
  )
})

test('a map that is destroyed leaves nothing on its disk, and comes back from the others', async () => {
  const a = await start('a')
  const b = await start('b', { contacts: a.addresses() })
  const there = await a.map<string>('m')
  await there.set('k', 'v')
  const here = await b.map<string>('m')
  await here.whenSynced({ signal: AbortSignal.timeout(20_000) })
  await here.destroy()
  expect(b.inspect().store.bytesLive).toBeLessThan(200)
  await b.stop()
  const again = await start('b')
  expect((await again.map('m')).size).toBe(0)
  await again.stop()
  const joined = await start('b', { contacts: a.addresses() })
  const back = await joined.map<string>('m')
  await back.whenSynced({ signal: AbortSignal.timeout(20_000) })
  expect(back.get('k')).toBe('v')
})

test('REP-A5: a map on two of six nodes, which do not know each other, converges', async () => {
  const all: StarlingNode[] = []
  for (let i = 0; i < 6; i++) {
    const contacts = all.at(-1)?.addresses() ?? []
    all.push(await start(`node ${i}`, { contacts }))
  }
  const [first, last] = [all[0], all[5]] as [StarlingNode, StarlingNode]
  const there = await first.map<string>('rare')
  await there.set('k', 'v')
  const here = await last.map<string>('rare')
  await eventually(
    () => Promise.resolve(here.get('k')),
    value => value === 'v'
  )
  expect(all.slice(1, 5).flatMap(node => node.inspect().maps)).toEqual([])
})

test('names that are the own ones of a node are refused', async () => {
  const a = await start('a')
  await expect(a.map('starling:cluster')).rejects.toThrow(TypeError)
})
