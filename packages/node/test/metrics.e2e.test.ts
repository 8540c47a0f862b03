import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prometheusMetrics } from '@libp2p/prometheus-metrics'
import { register } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNode, type NodeInit, type StarlingNode } from '../src/index.ts'
import { RecordedLogger } from '../../../tooling/vitest/recorded-logger.ts'
import { throwingObservers } from '../../../tooling/vitest/throwing-observers.ts'
import { eventually } from './node-process.ts'
import { recordNodeMetrics } from './recorded-node-metrics.ts'

// Goal: what a node counts is what a scraper reads, whatever libp2p metrics it is given.

let folder: string
const nodes: StarlingNode[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-metrics-'))
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(name: string, init: Partial<NodeInit> = {}): Promise<StarlingNode> {
  const node = await createNode({
    dataDir: join(folder, name),
    listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
    cluster: { name: 'counted', secret: 'a secret of some length' },
    maps: { m: {} },
    ...init
  })
  nodes.push(node)
  return node
}

/** Libp2p's own lines have formats of their own, and are not looked at. */
const libp2pLog = Object.assign(() => {}, {
  error() {},
  trace() {},
  enabled: false,
  newScope: (): never => libp2pLog as never
})

/** The values of a scrape, by name and labels as they are written. */
async function scrape(): Promise<Map<string, number>> {
  const lines = (await register.metrics()).split('\n').filter(line => line.startsWith('starling_'))
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

test('Prometheus reads gauges as they are, and counters that do not rise by being read', async () => {
  const a = await start('a', { metrics: prometheusMetrics({ collectDefaultMetrics: false }) })
  const b = await start('b', { contacts: a.addresses() })
  const [here, there] = [await a.map<string>('m'), await b.map<string>('m')]
  await there.whenSynced({ signal: AbortSignal.timeout(20_000) })
  for (let n = 0; n < 5; n++) await here.set(`k${n}`, 'v')
  await there.set('other', 'v', { replicas: 2 })
  await eventually(
    () => Promise.resolve(there.size),
    size => size === 6
  )
  const first = await scrape()
  const second = await scrape()
  for (const seen of [first, second]) {
    expect(Object.fromEntries(seen)).toMatchObject({
      'starling_map_entries{map="m"}': 6,
      'starling_map_healthy{map="m"}': 1,
      'starling_map_ailing{state="poisoned"}': 0,
      'starling_replica_local_writes_total{map="m"}': 5,
      starling_replica_commit_seconds_count: 5,
      starling_peers_sessions: 1,
      starling_log_poisoned: 0,
      starling_gossip_topics: 2
    })
  }
  const { totals } = a.inspect()
  const sent = [...second]
    .filter(([name]) => name.startsWith('starling_mux_sent_messages_total'))
    .reduce((sum, [, value]) => sum + value, 0)
  expect(sent).toBeGreaterThan(10)
  expect(sent).toBeLessThanOrEqual(totals.messagesSent)
  expect(sent).toBeGreaterThanOrEqual(
    first.get('starling_mux_sent_messages_total{tag="starling:gossip"}') ?? 0
  )
  const text = await register.metrics()
  expect(text).toContain('# TYPE starling_mux_sent_bytes_total counter')
  expect(text).toContain('# TYPE starling_map_entries gauge')
  expect(text).toContain('# TYPE starling_sync_round_seconds histogram')
})

test('a node that stops and starts in one process registers anew, and maps that close are counted to their end', async () => {
  const { recorded, metrics } = recordNodeMetrics()
  const a = await start('a', { metrics })
  const map = await a.map<number>('m')
  const named = await a.map<number>('named')
  for (let n = 0; n < 3; n++) await named.set('k', n)
  await map.set('k', 1)
  await named.close()
  await eventually(
    () => Promise.resolve(a.inspect().maps.length),
    open => open === 1
  )
  expect(recorded.collect()).toMatchObject({
    starling_map_entries: { m: 1, named: 0 },
    starling_replica_local_writes_total: { m: 1, named: 3 },
    starling_log_logs: 1
  })
  await a.stop()
  const again = recordNodeMetrics()
  const b = await start('a', { metrics: again.metrics })
  expect(again.recorded.collect()).toMatchObject({ starling_map_entries: { m: 1 } })
  expect([...again.recorded.registered.keys()].sort()).toEqual([...recorded.registered.keys()].sort())
  await b.stop()
})

test('a factory that is none is refused before anything is opened', async () => {
  await expect(start('a', { metrics: {} as never })).rejects.toMatchObject({
    name: 'TypeError',
    message: expect.stringMatching(/metrics/u)
  })
})

test('every part writes its lines to the logger of the node', async () => {
  const logger = new RecordedLogger()
  const a = await start('a', {
    logger: {
      forComponent: name =>
        name.startsWith('starling:')
          ? Object.assign(logger.forComponent(name), { enabled: true, newScope: () => libp2pLog })
          : libp2pLog
    }
  })
  const b = await start('b', { contacts: a.addresses() })
  const there = await b.map<string>('m')
  await there.whenSynced({ signal: AbortSignal.timeout(20_000) })
  await a.stop()
  const said = logger.lines.map(line => line.split(':').slice(0, 2).join(':').split(' ')[0])
  expect(new Set(said)).toEqual(
    new Set(['starling:node', 'starling:peers', 'starling:gossip', 'starling:sync', 'starling:replica'])
  )
  expect(logger.lines).toContain('starling:node: map m is open with 0 keys')
  expect(logger.lines).toContain('starling:node: map m is closed')
  expect(logger.lines).toContain(`starling:peers: session with ${b.id} is up`)
  expect(logger.lines).toContain(`starling:gossip: m: ${b.id} is a neighbour`)
})

test("a logger that throws at the node's own lines keeps it from neither starting, nor opening and closing maps, nor stopping", async () => {
  const { logger, calls } = throwingObservers()
  const node = await start('a', {
    // libp2p does not guard itself.
    logger: {
      forComponent: name =>
        name === 'starling:node'
          ? Object.assign(logger.forComponent(name), { enabled: true, newScope: () => libp2pLog })
          : libp2pLog
    }
  })
  const map = await node.map<string>('m')
  await map.set('k', 'v')
  await map.close()
  await expect(node.map<string>('n')).resolves.toMatchObject({ size: 0 })
  await node.stop()
  expect(new Set(calls)).toEqual(new Set(['log']))
})
