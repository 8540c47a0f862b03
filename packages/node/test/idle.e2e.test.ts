import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNode, type NodeInit, type StarlingNode } from '../src/index.ts'
import { eventually } from './node-process.ts'

// Goal: nodes that are alike cost next to nothing, counted where the bytes leave: in the streams of real connections.

const ROUNDS = 30
const cluster = { name: 'idle', secret: 'a secret of some length' }
let folder: string
const nodes: StarlingNode[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-idle-'))
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(name: string, init: Partial<NodeInit> = {}): Promise<StarlingNode> {
  const listen = ['/ip4/127.0.0.1/udp/0/quic-v1']
  const dataDir = join(folder, name)
  const node = await createNode({
    dataDir,
    listen,
    cluster,
    reconcileIntervalMs: 100,
    maps: { m: {} },
    ...init
  })
  nodes.push(node)
  return node
}

test('identical replicas exchange at most 1 KiB a round, everything else on the streams included, and write nothing', async () => {
  const a = await start('a')
  const b = await start('b', { contacts: a.addresses() })
  const maps = [await a.map<string>('m'), await b.map<string>('m')] as const
  await maps[1].whenSynced({ signal: AbortSignal.timeout(20_000) })
  for (let i = 0; i < 20; i++) {
    await maps[i % 2 === 0 ? 0 : 1].batch(
      Array.from({ length: 50 }, (_, j) => ({ type: 'set', key: `k${i * 50 + j}`, value: 'v'.repeat(50) }))
    )
  }
  await maps[0].delete('k7')
  const now = (): { fingerprints: string[]; bytes: number; rounds: number; batches: number } => {
    const both = [a.inspect(), b.inspect()]
    return {
      fingerprints: both.map(one => one.maps[0]?.fingerprint ?? ''),
      bytes: both.reduce((sum, { totals }) => sum + totals.bytesSent, 0),
      rounds: a.inspect().sync.roundsCompleted,
      batches: maps.reduce((sum, map) => sum + map.stats().replica.batches, 0)
    }
  }
  const afterRounds = (from: number, count: number): Promise<unknown> =>
    eventually(
      () => Promise.resolve(now().rounds),
      rounds => rounds >= from + count
    )
  await eventually(
    () => Promise.resolve(now().fingerprints),
    ([left, right]) => left === right && maps[0].size === 999 && maps[1].size === 999
  )
  // Within three rounds what each side knows has crossed as well.
  await afterRounds(now().rounds, 3)
  const before = now()
  await afterRounds(before.rounds, ROUNDS)
  const after = now()
  expect(after.batches).toBe(before.batches)
  expect((after.bytes - before.bytes) / (after.rounds - before.rounds)).toBeLessThan(1024)
}, 120_000)
