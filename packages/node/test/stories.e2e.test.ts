import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNode, type NodeInit, type StarlingNode } from '../src/index.ts'
import { eventually } from './node-process.ts'

// Goal: failure stories that are about cost are played on whole nodes over QUIC, with real stores.

const cluster = { name: 'stories', secret: 'a secret of some length' }
let folder: string
const nodes: StarlingNode[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-stories-'))
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(name: string, init: Partial<NodeInit> = {}): Promise<StarlingNode> {
  const listen = ['/ip4/127.0.0.1/udp/0/quic-v1']
  const node = await createNode({
    dataDir: join(folder, name),
    listen,
    cluster,
    ...init
  })
  nodes.push(node)
  return node
}

const roundsOf = (node: StarlingNode): number =>
  node.inspect().maps.reduce((sum, { sync }) => sum + sync.reduce((all, { rounds }) => all + rounds, 0), 0)

async function moreRounds(of: readonly StarlingNode[], count: number): Promise<void> {
  const before = of.map(roundsOf)
  await eventually(
    async () => of.map(roundsOf),
    now => now.every((rounds, i) => rounds >= (before[i] ?? 0) + count)
  )
}

test(
  'E2E-4: a key that is written for ever leaves one value on disk, and rounds write nothing',
  { timeout: 120_000 },
  async () => {
    const WRITES = 2_000
    const often = { reconcileIntervalMs: 100 }
    const a = await start('a', often)
    const b = await start('b', { contacts: a.addresses(), ...often })
    const [here, there] = [await a.map<string>('m'), await b.map<string>('m')]
    await there.whenSynced()
    const value = (i: number): string => `${i} `.padEnd(1_000, 'v')
    for (let i = 0; i < WRITES; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, j) => here.set('hot', value(i + j))))
    }
    await eventually(
      async () => there.get('hot'),
      seen => seen === value(WRITES - 1)
    )
    await moreRounds([a, b], 2)
    const stores = nodes.map(node => node.inspect().store)
    for (const store of stores) {
      expect(store.bytesLive).toBeLessThan(4_096)
      // One row for each write at most, little longer than its value: what was written before is not written again.
      expect(store.rowsWritten).toBeLessThanOrEqual(WRITES)
      expect(store.bytesWritten).toBeLessThan(2 * WRITES * value(0).length)
    }
    await moreRounds([a, b], 5)
    expect(nodes.map(node => node.inspect().store.rowsWritten)).toEqual(stores.map(each => each.rowsWritten))
  }
)

test(
  'E2E-10: twelve maps on three nodes take one connection for each pair, and one session for each map on it',
  { timeout: 120_000 },
  async () => {
    const names = Array.from({ length: 12 }, (_, i) => `map ${i}`)
    const a = await start('a')
    const b = await start('b', { contacts: a.addresses() })
    const c = await start('c', { contacts: a.addresses() })
    for (const node of [a, b, c]) await Promise.all(names.map(name => node.map<string>(name)))
    for (const [i, name] of names.entries()) {
      const writer = nodes[i % nodes.length] as StarlingNode
      await (await writer.map<string>(name)).set('from', writer.id)
    }
    const seen = await eventually(
      async () =>
        nodes.map(node => {
          const { maps, sessions, streams } = node.inspect()
          const standing = maps.map(({ sync }) =>
            sync.filter(({ state }) => state === 'live' || state === 'syncing').map(({ peer }) => peer)
          )
          return { maps, sessions, streams, standing }
        }),
      all =>
        all.every(
          ({ maps, standing }) =>
            standing.every(peers => peers.length === 2) && maps.every(({ size }) => size === 1)
        )
    )
    for (const { standing, sessions, streams } of seen) {
      expect([sessions.sessions, sessions.connections]).toEqual([2, 2])
      // With each of two peers at most sixteen rounds at a time, and a few channels that all maps share.
      expect(streams.peak.channels).toBeLessThanOrEqual(2 * (16 + 4))
      for (const peers of standing) expect(new Set(peers).size).toBe(2)
    }
  }
)
