import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../rounds.ts'
import { SiteLink, type OpenInit } from '../sites/site-link.ts'
import { median } from '../statistics.ts'
import {
  FLOOR,
  measurement,
  OURS,
  type Better,
  type Measurement,
  type Metric,
  type Suite,
  type SuiteContext
} from '../suite.ts'

const BARE = 'bare'
const YJS = 'yjs'
const NATS = 'nats'
const REFERENCES = [FLOOR, BARE, YJS, NATS]

const JOINED = 100_000
/** What two sites share before they are timed, so that their code has run before. */
const SHARED = 10_000
const SETTLE_MS = 2_000
const PER_SECOND = 200
const PACED = 400
const PUMPED = 20_000
const WINDOW = 64
/** How long one contender may pump, in ms. */
const PUMP_MS = 8_000
/** Nothing more has come for so long: what is missing does not come. */
const SILENCE_MS = 2_000
const OVERWRITES = 1_000_000
const OVERWRITTEN = 1_000
/** Below it a store does not compact: files of this size are no nuisance. */
const DISK_FLOOR_BYTES = 1024 * 1024
const IDLE_ROUNDS = 20
const IDLE_INTERVAL_MS = 200

const metrics = {
  join: metric(
    'cold-join-100k',
    'ms',
    'ms',
    'lower',
    'until an empty node can read 100,000 entries of another, from its start'
  ),
  syncP50: metric(
    'visible-sync',
    'p50Us',
    'us',
    'lower',
    'from a durable put on one node to readable on the other, 200 a second'
  ),
  syncP99: metric('visible-sync', 'p99Us', 'us', 'lower', 'the same, of the slowest in a hundred'),
  asyncP50: metric('visible-async', 'p50Us', 'us', 'lower', 'the same with async durability'),
  asyncP99: metric('visible-async', 'p99Us', 'us', 'lower', 'the same, of the slowest in a hundred'),
  syncRate: metric(
    'throughput-sync',
    'opsPerSecond',
    'ops/s',
    'higher',
    'durable writes readable on the other node per second, 64 at a time'
  ),
  asyncRate: metric('throughput-async', 'opsPerSecond', 'ops/s', 'higher', 'the same with async durability'),
  idle: metric(
    'idle-round',
    'bytes',
    'bytes',
    'lower',
    'sent by both nodes per reconciliation of 1,000 equal entries, everything else they say included'
  ),
  idleWrites: metric('idle-round', 'batches', 'batches', 'lower', 'batches written by either node meanwhile'),
  heap: metric(
    'overwrite-1m',
    'heapGrowth',
    'bytes',
    'lower',
    'memory in use after 1,000,000 overwrites of 1,000 keys, beyond that before'
  ),
  disk: metric(
    'overwrite-1m',
    'diskRatio',
    'x live data',
    'lower',
    'bytes on disk then, to those of the live entries, or to 1 MiB when they are fewer'
  )
} as const

const synced = { p50: metrics.syncP50, p99: metrics.syncP99, rate: metrics.syncRate }
const unsynced = { p50: metrics.asyncP50, p99: metrics.asyncP99, rate: metrics.asyncRate }

/** The whole map, on two nodes in two processes. */
export const mapSuite: Suite = {
  name: 'map',
  about: 'a replicated map in two processes: durable and encrypted, beside one over bare TCP that is neither',
  references: REFERENCES,
  metrics: Object.values(metrics),
  run
}

/** Figures of one contender in one round, by metric. */
type Figures = readonly (readonly [Metric, number])[]

async function* run(context: SuiteContext): AsyncIterable<Measurement> {
  const names = [OURS, ...REFERENCES.filter(context.wants)]
  yield* rounds(context, names, [metrics.join], name => coldJoin(name))
  for (const durability of ['sync', 'async'] as const) {
    const of = durability === 'sync' ? synced : unsynced
    yield* rounds(context, names, [of.p50, of.p99, of.rate], name => shared(name, durability, of))
  }
  yield* rounds(context, [OURS], [metrics.idle, metrics.idleWrites], () => idle())
  yield* once(context, () => overwritten(context.effort.quick ? OVERWRITES / 20 : OVERWRITES))
}

/** Lets the contenders work in turn, each in fresh processes; of each figure the median counts. */
async function* rounds(
  context: SuiteContext,
  names: readonly string[],
  of: readonly Metric[],
  work: (name: string) => Promise<Figures>
): AsyncIterable<Measurement> {
  context.progress(of[0]?.case ?? '')
  const figures = new Map(of.map(metric => [metric, new Map<string, number[]>()]))
  const failed = new Set<string>()
  for (let round = 0; round < context.effort.rounds; round++) {
    for (const name of names) {
      if (failed.has(name)) continue
      try {
        for (const [metric, value] of await work(name)) {
          const byName = figures.get(metric)
          byName?.set(name, [...(byName.get(name) ?? []), value])
        }
      } catch (error) {
        if (name === OURS) throw error
        failed.add(name)
        context.missing(name, messageOf(error))
      }
    }
  }
  for (const [metric, byName] of figures) {
    yield measurement(metric, new Map([...byName].map(([name, values]) => [name, median(values)])))
  }
}

async function* once(context: SuiteContext, work: () => Promise<Figures>): AsyncIterable<Measurement> {
  context.progress(metrics.heap.case)
  for (const [metric, value] of await work()) yield measurement(metric, new Map([[OURS, value]]))
}

/** Two sites of one contender, the second not open yet. */
async function withSites<T>(name: string, work: (a: SiteLink, b: SiteLink) => Promise<T>): Promise<T> {
  const sites: SiteLink[] = []
  try {
    for (let i = 0; i < 2; i++) sites.push(await SiteLink.start(name))
    return await work(sites[0] as SiteLink, sites[1] as SiteLink)
  } finally {
    await Promise.all(sites.map(site => site.end()))
  }
}

/** Two sites that are connected. */
function withPair<T>(
  name: string,
  init: OpenInit,
  work: (a: SiteLink, b: SiteLink) => Promise<T>
): Promise<T> {
  return withSites(name, async (a, b) => {
    await b.open({ ...init, join: await a.open(init) })
    // One entry each way says that they are.
    await a.write({ from: JOINED, count: 1, window: 1 })
    await waitFor(async () => (await b.size()) === 1)
    return await work(a, b)
  })
}

function coldJoin(name: string): Promise<Figures> {
  return withSites(name, async (a, b) => {
    const address = await a.open({ durability: 'sync' })
    await a.write({ from: 0, count: JOINED, window: 1024 })
    return [[metrics.join, await b.join({ durability: 'sync', join: address }, JOINED)]]
  })
}

/** Two sites that hold the same entries, the second of which got them from the first: delays, then throughput. */
function shared(
  name: string,
  durability: 'sync' | 'async',
  of: { readonly p50: Metric; readonly p99: Metric; readonly rate: Metric }
): Promise<Figures> {
  return withSites(name, async (a, b) => {
    const address = await a.open({ durability })
    await a.write({ from: JOINED, count: SHARED, window: 1024 })
    await b.join({ durability, join: address }, SHARED)
    await sleep(SETTLE_MS)
    const delaysUs = await paced(a, b)
    const at = (share: number): number => delaysUs[Math.floor(delaysUs.length * share)] ?? Infinity
    return [
      [of.p50, at(0.5)],
      [of.p99, at(0.99)],
      [of.rate, await pumped(a, b)]
    ]
  })
}

/** How long each write took until the other site could read it, in us, the shortest first. */
async function paced(a: SiteLink, b: SiteLink): Promise<readonly number[]> {
  await b.listen()
  await a.pace(PER_SECOND, PACED)
  await waitFor(async () => (await b.heard()).delaysUs.length >= PACED)
  return (await b.heard()).delaysUs.toSorted((x, y) => x - y)
}

/** Writes a second that the other site could read. */
async function pumped(a: SiteLink, b: SiteLink): Promise<number> {
  await b.listen()
  const { startNs, count } = await a.write({ from: 0, count: PUMPED, window: WINDOW, capMs: PUMP_MS })
  await waitFor(async () => (await b.heard()).count >= count)
  const heard = await b.heard()
  return heard.count / ((heard.lastNs - startNs) / 1e9)
}

function idle(): Promise<Figures> {
  return withPair(OURS, { durability: 'sync', reconcileIntervalMs: IDLE_INTERVAL_MS }, async (a, b) => {
    await a.write({ from: 0, count: 1000, window: 64 })
    await waitFor(async () => (await b.size()) === 1001)
    const costs = (): Promise<readonly Awaited<ReturnType<SiteLink['cost']>>[]> =>
      Promise.all([a.cost(), b.cost()])
    await sleep(SILENCE_MS)
    const before = await costs()
    await sleep(IDLE_ROUNDS * IDLE_INTERVAL_MS)
    const after = await costs()
    const grown = (of: 'bytes' | 'rounds' | 'batches'): number =>
      after.reduce((sum, cost, i) => sum + cost[of] - (before[i]?.[of] ?? 0), 0)
    // Both ends count a round.
    return [
      [metrics.idle, grown('bytes') / (grown('rounds') / 2)],
      [metrics.idleWrites, grown('batches')]
    ]
  })
}

function overwritten(count: number): Promise<Figures> {
  return withPair(OURS, { durability: 'async' }, async (a, b) => {
    const fill = (n: number): Promise<unknown> =>
      a.write({ from: 0, count: n, window: 1024, keys: OVERWRITTEN })
    await fill(10 * OVERWRITTEN)
    await sleep(SILENCE_MS)
    const before = await Promise.all([a.memory(), b.memory()])
    await fill(count)
    await sleep(2 * SILENCE_MS)
    const after = await Promise.all([a.memory(), b.memory()])
    const disks = await Promise.all([bytesOf(a.folder), bytesOf(b.folder)])
    const { liveBytes } = await a.cost()
    return [
      [metrics.heap, Math.max(...after.map((bytes, i) => bytes - (before[i] ?? 0)))],
      [metrics.disk, Math.max(...disks) / Math.max(liveBytes, DISK_FLOOR_BYTES)]
    ]
  })
}

async function bytesOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true })
  const sizes = await Promise.all(names.map(async name => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Waits until it holds; what is still missing after a silence is not waited for. */
async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 30 * SILENCE_MS
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('entries were still missing after a minute')
    await sleep(20)
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function metric(name: string, metric: string, unit: string, better: Better, about: string): Metric {
  return { case: name, metric, unit, better, about }
}
