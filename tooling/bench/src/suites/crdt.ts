import { loadContenders } from '../contenders.ts'
import { MapBench } from '../maps/map-bench.ts'
import { MAPS } from '../maps/registry.ts'
import { measurement, OURS, type Measurement, type Metric, type Suite, type SuiteContext } from '../suite.ts'

const put: Metric = {
  case: 'put',
  metric: 'us',
  unit: 'us',
  better: 'lower',
  about: 'writing one of 100,000 keys, each write a transaction'
}
const putWithDelta: Metric = {
  case: 'put-with-delta',
  metric: 'us',
  unit: 'us',
  better: 'lower',
  about: 'the same, with the encoded delta of each write'
}
const mergeOne: Metric = {
  case: 'merge-one-into-100k',
  metric: 'us',
  unit: 'us',
  better: 'lower',
  about: 'one delta into a map of 100,000; ours with validation, item hash and root'
}
const mergeGrowth: Metric = {
  case: 'merge-one-growth',
  metric: 'ratio',
  unit: 'ratio',
  better: 'lower',
  about: 'cost of merging one delta into 100,000 entries by that into 1,000'
}
const overwrite: Metric = {
  case: 'overwrite-1m',
  metric: 'us',
  unit: 'us',
  better: 'lower',
  about: 'one of 1,000,000 writes over 1,000 keys'
}
const load: Metric = {
  case: 'load-100k',
  metric: 'ms',
  unit: 'ms',
  better: 'lower',
  about: 'a snapshot into an empty replica, until its size and one key are read'
}
const loadSettled: Metric = {
  case: 'load-100k-settled',
  metric: 'ms',
  unit: 'ms',
  better: 'lower',
  about: 'the same until nothing is put off: ours has its root, Loro has decoded the map'
}
const growth: Metric = {
  case: 'overwrite-growth',
  metric: 'bytes',
  unit: 'bytes',
  better: 'lower',
  resolution: 1,
  about: 'what the snapshot after the overwrites has more than that of a new map with the same contents'
}
const heapGrowth: Metric = {
  case: 'overwrite-growth',
  metric: 'heapBytes',
  unit: 'bytes',
  better: 'lower',
  resolution: 2 ** 20,
  about: 'what the process keeps more after the overwrites, in a fresh process'
}
const entryBytes: Metric = {
  case: 'entry-bytes',
  metric: 'bytes',
  unit: 'bytes',
  better: 'lower',
  about: 'mean length of the delta of one write'
}
const snapshotBytes: Metric = {
  case: 'snapshot-bytes-per-entry',
  metric: 'bytes',
  unit: 'bytes',
  better: 'lower',
  about: 'length of a snapshot of 100,000 entries, per entry'
}
const heap: Metric = {
  case: 'heap-per-entry',
  metric: 'bytes',
  unit: 'bytes',
  better: 'lower',
  about: 'memory per entry after loading 100,000, in a fresh process; ours with its fingerprint tree'
}

export const crdtSuite: Suite = {
  name: 'crdt',
  about: 'a replicated map in memory',
  references: Object.keys(MAPS).filter(name => name !== OURS),
  metrics: [
    put,
    putWithDelta,
    mergeOne,
    mergeGrowth,
    overwrite,
    load,
    loadSettled,
    growth,
    heapGrowth,
    entryBytes,
    snapshotBytes,
    heap
  ],
  run
}

const ENTRIES = 100_000
const FEW_ENTRIES = 1000

async function* run(context: SuiteContext): AsyncIterable<Measurement> {
  const bench = new MapBench(await loadContenders(MAPS, context), context, ENTRIES)
  yield measurement(put, scaled(await bench.put(), 1e3))
  const { perPutMs, deltaBytes } = await bench.putWithDelta()
  yield measurement(putWithDelta, scaled(perPutMs, 1e3))
  const many = await bench.mergeOne(ENTRIES)
  yield measurement(mergeOne, scaled(many, 1e3))
  const few = await bench.mergeOne(FEW_ENTRIES)
  yield measurement(mergeGrowth, quotients(many, few))
  yield measurement(overwrite, scaled(await bench.overwrite(), 1e3))
  const loaded = await bench.load()
  yield measurement(load, loaded.readable)
  yield measurement(loadSettled, loaded.settled)
  const grown = await bench.growth()
  yield measurement(growth, grown.snapshotBytes)
  yield measurement(heapGrowth, grown.heapBytes)
  yield measurement(entryBytes, deltaBytes)
  yield measurement(snapshotBytes, scaled(bench.snapshotBytes(), 1 / ENTRIES))
  yield measurement(heap, await bench.heapPerEntry())
}

function scaled(figures: ReadonlyMap<string, number>, factor: number): Map<string, number> {
  return new Map([...figures].map(([name, figure]) => [name, figure * factor]))
}

function quotients(
  above: ReadonlyMap<string, number>,
  below: ReadonlyMap<string, number>
): Map<string, number> {
  const result = new Map<string, number>()
  for (const [name, figure] of above) {
    const other = below.get(name)
    if (other !== undefined) result.set(name, figure / other)
  }
  return result
}
