import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually, NodeProcess, type Inspection } from './node-process.ts'

// Goal: the promises of a cluster hold between real processes, over real QUIC, on real stores.

type Content = [key: string, values: string[]][]

const cluster = { name: 'e2e', secret: 'the secret of the end-to-end tests' }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-e2e-'))
})

afterEach(async () => {
  await NodeProcess.endAll()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a node on its own folder; equal names are equal stores. */
async function start(name: string, contacts: readonly string[] = [], options: Record<string, unknown> = {}) {
  const node = new NodeProcess()
  const started = await node.start({ dataDir: join(folder, name), contacts, cluster, ...options })
  return { node, ...started }
}

const contentOf = (node: NodeProcess): Promise<Content> => node.call<Content>('content')

async function agree(nodes: readonly NodeProcess[], expected?: Content): Promise<void> {
  await eventually(
    () => Promise.all(nodes.map(contentOf)),
    contents => contents.every(content => JSON.stringify(content) === JSON.stringify(expected ?? contents[0]))
  )
}

test('a write on one of two processes is seen on the other, and a removal is gone on both', async () => {
  const a = await start('a')
  const b = await start('b', a.addresses)
  await a.node.call('set', 'colour', { name: 'blue' })
  await eventually(
    () => b.node.call('get', 'colour'),
    value => JSON.stringify(value) === '{"name":"blue"}'
  )
  expect(await b.node.call('delete', 'colour')).toBe(true)
  await agree([a.node, b.node], [])
})

test('a third process that comes late gets everything, removals included, without anybody writing', async () => {
  const a = await start('a')
  const b = await start('b', a.addresses)
  for (let index = 0; index < 50; index++) await a.node.call('set', `key-${index}`, index)
  await agree([a.node, b.node])
  await b.node.call('delete', 'key-7')
  const c = await start('c', b.addresses)
  const content = await eventually(
    () => contentOf(c.node),
    ({ length }) => length === 49
  )
  expect(content.map(([key]) => key)).not.toContain('key-7')
  await agree([a.node, b.node, c.node], content)
})

test('writes made at the same time on two processes both stay, until one that has seen both', async () => {
  const a = await start('a')
  await a.node.call('set', 'warm', 1)
  const b = await start('b', a.addresses)
  await agree([a.node, b.node], [['warm', ['1']]])
  await b.node.call('stop')
  await b.node.exited
  await a.node.call('set', 'k', 'from a')
  const lonely = await start('b')
  await lonely.node.call('set', 'k', 'from b')
  await lonely.node.call('stop')
  await lonely.node.exited
  const again = await start('b', a.addresses)
  const both: Content = [
    ['k', ['"from a"', '"from b"']],
    ['warm', ['1']]
  ]
  await agree([a.node, again.node], both)
  await a.node.call('set', 'k', 'settled')
  await agree(
    [a.node, again.node],
    [
      ['k', ['"settled"']],
      ['warm', ['1']]
    ]
  )
})

test('a process killed with -9 while it writes has every acknowledged write when it is back', async () => {
  const a = await start('a')
  let b = await start('b', a.addresses)
  const acknowledged = new Map<string, number>()
  for (let cycle = 0; cycle < 3; cycle++) {
    const victim = b.node
    const writes = Array.from({ length: 40 }, async (_, index) => {
      const key = `key-${cycle}-${index}`
      await victim.call('set', key, index)
      acknowledged.set(key, index)
    })
    await Promise.race([Promise.all(writes.slice(0, 5)), Promise.all(writes)])
    await victim.kill()
    await Promise.allSettled(writes)
    b = await start('b', a.addresses)
    // Before any peer can have helped: what was acknowledged is on this disk.
    const keys = new Map(await contentOf(b.node))
    expect([...acknowledged.keys()].filter(key => !keys.has(key))).toEqual([])
  }
  expect(acknowledged.size).toBeGreaterThanOrEqual(15)
  await agree([a.node, b.node])
})

test('a process with the wrong secret gets a typed error, its connection closed, and nothing of the map', async () => {
  const a = await start('a')
  await a.node.call('set', 'private', 'content')
  const stranger = await start('stranger', a.addresses, {
    cluster: { name: 'e2e', secret: 'some other secret, just as long' }
  })
  const inspect = (node: NodeProcess) => node.call<Inspection>('inspect')
  const turnedAway = await eventually(
    () => inspect(stranger.node),
    ({ failuresByError, connections }) => (failuresByError['AdmissionError'] ?? 0) > 0 && connections === 0
  )
  expect(turnedAway).toMatchObject({ sessions: 0, neighbors: [], streams: { inbound: 0, outbound: 0 } })
  const host = await eventually(
    () => inspect(a.node),
    ({ connections }) => connections === 0
  )
  expect(host.failuresByError['AdmissionError']).toBeGreaterThan(0)
  expect(host).toMatchObject({ sessions: 0, neighbors: [] })
  expect(await contentOf(stranger.node)).toEqual([])
})

test('a stopped node leaves no process behind, and its folder can be opened again at once', async () => {
  const a = await start('a')
  const b = await start('b', a.addresses)
  await b.node.call('set', 'k', 1)
  expect(await b.node.call('stop')).toEqual([])
  expect(await b.node.exited).toBe(0)
  const again = await start('b', a.addresses)
  expect({ id: again.id, size: again.size }).toEqual({ id: b.id, size: 1 })
})
