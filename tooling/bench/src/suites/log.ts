import type { LogRow } from '@starling/log'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadContenders, type Factory } from '../contenders.ts'
import { openBareSyncLog, openFloorLog, readFloorLog } from '../logs/floor-logs.ts'
import type { OpenLog } from '../logs/log-contender.ts'
import { loadBetterSqlite, loadLmdb, loadNodeSqlite, openLevelLog } from '../logs/peer-logs.ts'
import { openStarlingLog, openStarlingStore, rowOf } from '../logs/starling-log.ts'
import { interleave, type Timed, type TimedContender } from '../rounds.ts'
import {
  FLOOR,
  measurement,
  OURS,
  type Measurement,
  type Metric,
  type Suite,
  type SuiteContext
} from '../suite.ts'

const BARE_SYNC = 'bareSync'

const factories: Readonly<Record<string, Factory<OpenLog>>> = {
  [OURS]: () => openStarlingLog,
  [FLOOR]: () => openFloorLog,
  [BARE_SYNC]: () => openBareSyncLog,
  classicLevelBatch: () => openLevelLog,
  lmdb: loadLmdb,
  betterSqlite: loadBetterSqlite,
  nodeSqlite: loadNodeSqlite
}

const appends = [1, 64, 1024].map(outstanding => ({ outstanding, metric: appendMetric(outstanding) }))
const recover: Metric = {
  case: 'recover-1m',
  metric: 'ms',
  unit: 'ms',
  better: 'lower',
  about: 'opening a log of 1,000,000 entries and parsing each, every checksum verified'
}
const disk: Metric = {
  case: 'disk-after-overwrites',
  metric: 'ratio',
  unit: 'times the live bytes',
  better: 'lower',
  about: 'bytes on disk after 1,000,000 overwrites of 1,000 keys, once the store rests'
}

const ENTRIES = 1_000_000
const KEYS = 1_000
const ROWS_PER_APPEND = 1_000
/** How long the store may take to rest, in ms, and how often it is asked. */
const REST_MS = 10_000
const ASK_MS = 50

export const logSuite: Suite = {
  name: 'log',
  about: 'durable appends, recovery and the size of the files',
  references: Object.keys(factories).filter(name => name !== OURS),
  metrics: [...appends.map(one => one.metric), recover, disk],
  run
}

async function* run(context: SuiteContext): AsyncIterable<Measurement> {
  const logs = await loadContenders(factories, context)
  for (const { outstanding, metric } of appends) {
    context.progress(metric.case)
    const contenders = [...logs]
      // It blocks the process, so with more than one outstanding it says nothing.
      .filter(([name]) => name !== BARE_SYNC || outstanding === 1)
      .map(([name, open]): TimedContender => ({
        name,
        run: () => append(open, outstanding, context.effort.budgetMs)
      }))
    const ms = await interleave(contenders, roundsOf(context))
    yield measurement(metric, new Map([...ms].map(([name, each]) => [name, 1000 / each])))
  }
  yield* recoverMillion(context)
  context.progress(disk.case)
  yield measurement(disk, new Map([[OURS, await inFolder(overwrite)]]))
}

function appendMetric(outstanding: number): Metric {
  const about = `appends a second with ${outstanding} outstanding, each answered when it is on disk`
  return { case: `append-${outstanding}`, metric: 'opsPerSecond', unit: 'appends/s', better: 'higher', about }
}

function append(open: OpenLog, outstanding: number, budgetMs: number): Promise<Timed> {
  return inFolder(async folder => {
    const log = await open(folder)
    let operations = 0
    let next = 0
    const startMs = performance.now()
    const writer = async (): Promise<void> => {
      while (performance.now() - startMs < budgetMs) {
        await log.append(next++)
        operations++
      }
    }
    await Promise.all(Array.from({ length: outstanding }, writer))
    const elapsedMs = performance.now() - startMs
    await log.close()
    return { elapsedMs, operations }
  })
}

async function* recoverMillion(context: SuiteContext): AsyncIterable<Measurement> {
  context.progress(recover.case)
  yield await inFolder(async ours =>
    inFolder(async floor => {
      await fillStarling(ours)
      await fillFloor(floor)
      const contenders: TimedContender[] = [
        { name: OURS, run: () => timed(() => readStarling(ours)) },
        { name: FLOOR, run: () => timed(async () => readFloorLog(floor)) }
      ]
      return measurement(recover, await interleave(contenders, roundsOf(context)))
    })
  )
}

async function fillStarling(folder: string): Promise<void> {
  const { store, log } = await openStarlingStore(folder)
  for (let at = 0; at < ENTRIES; at += ROWS_PER_APPEND) {
    const rows = Array.from({ length: ROWS_PER_APPEND }, (_, i) => distinctRow(at + i))
    await log.append({ rows, clockMark: BigInt(at) })
  }
  await store.close()
}

/** A log of real entries has no two with one hash. */
function distinctRow(index: number): LogRow {
  const hash = createHash('sha256').update(String(index)).digest()
  return { ...rowOf(index, index), hash: new Uint8Array(hash) }
}

async function fillFloor(folder: string): Promise<void> {
  const log = await openFloorLog(folder)
  for (let at = 0; at < ENTRIES; at += ROWS_PER_APPEND) {
    await Promise.all(Array.from({ length: ROWS_PER_APPEND }, (_, i) => log.append(at + i)))
  }
  await log.close()
}

async function readStarling(folder: string): Promise<Map<string, unknown>> {
  const { store, log } = await openStarlingStore(folder)
  const entries = new Map<string, unknown>()
  const textOf = latin1Reader()
  for (const { key, value } of log.recovered.rows) entries.set(textOf(key), JSON.parse(textOf(value)))
  await store.close()
  return entries
}

/** Rows lie one behind the other in large pieces of memory, so a buffer over the whole piece serves many. */
function latin1Reader(): (bytes: Uint8Array) => string {
  let whole: Buffer = Buffer.alloc(0)
  return ({ buffer, byteOffset, length }) => {
    if (whole.buffer !== buffer) whole = Buffer.from(buffer)
    return whole.toString('latin1', byteOffset, byteOffset + length)
  }
}

async function timed(work: () => Promise<Map<string, unknown>>): Promise<Timed> {
  const startMs = performance.now()
  const entries = await work()
  const elapsedMs = performance.now() - startMs
  if (entries.size !== ENTRIES) throw new Error(`${entries.size} of ${ENTRIES} entries were found`)
  return { elapsedMs, operations: 1 }
}

async function overwrite(folder: string): Promise<number> {
  const { store, log } = await openStarlingStore(folder)
  const newest = new Map<number, number>()
  let next = 0
  const writer = async (): Promise<void> => {
    while (next < ENTRIES) {
      const i = next++
      const key = (i * 7919) % KEYS
      const row = rowOf(key, i, newest.get(key))
      newest.set(key, i)
      await log.append({ rows: [row], clockMark: BigInt(i) })
    }
  }
  await Promise.all(Array.from({ length: 1024 }, writer))
  const { bytesLive } = store.stats()
  for (
    let waitedMs = 0;
    waitedMs < REST_MS && store.stats().bytesOnDisk > 4 * bytesLive;
    waitedMs += ASK_MS
  ) {
    await new Promise(resolve => setTimeout(resolve, ASK_MS))
  }
  const bytes = await bytesOf(join(folder, 'store'))
  await store.close()
  return bytes / bytesLive
}

async function bytesOf(folder: string): Promise<number> {
  const names = await readdir(folder)
  const sizes = await Promise.all(names.map(name => stat(join(folder, name)).then(one => one.size)))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-log-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function roundsOf({ effort, missing }: SuiteContext): Parameters<typeof interleave>[1] {
  return { rounds: effort.rounds, patienceMs: effort.patienceMs, onFailure: missing }
}
