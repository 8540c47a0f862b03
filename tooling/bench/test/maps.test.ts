import { expect, describe, test } from 'vitest'
import { floorMap } from '../src/maps/floor-map.ts'
import { MapBench } from '../src/maps/map-bench.ts'
import type { MapContender } from '../src/maps/map-contender.ts'
import { starlingMap } from '../src/maps/starling-map.ts'
import type { SuiteContext } from '../src/suite.ts'
import { batches, keyOf, overwrittenKey, OVERWRITTEN_KEYS, valueOf } from '../src/workload.ts'

const context: SuiteContext = {
  effort: { rounds: 1, budgetMs: 1000, patienceMs: 8000, quick: true },
  wants: () => true,
  progress: () => {},
  missing(name, reason) {
    throw new Error(`${name}: ${reason}`)
  }
}

describe.each<[string, MapContender]>([
  ['the floor', floorMap],
  ['ours', starlingMap]
])('a map of %s', (_, contender) => {
  test('holds what was put', () => {
    const replica = contender.create()
    for (const batch of batches(0, 100, 30)) replica.putAll(batch)
    expect(replica.size).toBe(100)
    for (const i of [0, 31, 99]) expect(replica.get(keyOf(i))).toEqual(valueOf(i))
    expect(replica.get(keyOf(100))).toBeUndefined()
  })

  test('gives deltas that bring another replica to the same', () => {
    const writer = contender.create()
    writer.fill(batches(0, 50, 50))
    const reader = contender.load(writer.snapshot())
    expect(reader.size).toBe(50)
    const deltas = [...batches(50, 150, 20, i => i % 60)].flatMap(batch => writer.putAllWithDelta(batch))
    expect(deltas).toHaveLength(100)
    reader.mergeAll(deltas)
    reader.settle()
    reader.readyToSync?.()
    expect(reader.size).toBe(60)
    for (let key = 0; key < 60; key++) expect(reader.get(keyOf(key))).toEqual(writer.get(keyOf(key)))
    expect(reader.get(keyOf(0))).toEqual(valueOf(120))
  })
})

test('the workload has keys of 16 characters, all different, and overwrites each key once in a thousand writes', () => {
  const keys = new Set(Array.from({ length: 5000 }, (_, i) => keyOf(i)))
  expect(keys.size).toBe(5000)
  expect([...keys].every(key => /^[0-9a-f]{16}$/u.test(key))).toBe(true)
  const overwritten = Array.from({ length: OVERWRITTEN_KEYS }, (_, i) => overwrittenKey(i + 4000))
  expect(new Set(overwritten).size).toBe(OVERWRITTEN_KEYS)
})

test('the loops measure ours and the floor on every case that needs no process of its own', async () => {
  const contenders = new Map<string, MapContender>([
    ['starling', starlingMap],
    ['floor', floorMap]
  ])
  const bench = new MapBench(contenders, context, 2000)
  const { perPutMs, deltaBytes } = await bench.putWithDelta()
  const { readable, settled } = await bench.load()
  const figures = [
    await bench.put(),
    perPutMs,
    deltaBytes,
    await bench.mergeOne(1000),
    readable,
    settled,
    bench.snapshotBytes()
  ]
  for (const each of figures) {
    expect([...each.keys()]).toEqual(['starling', 'floor'])
    expect(Math.min(...each.values())).toBeGreaterThan(0)
  }
})

test('who cannot work is left out and reported, and the others go on', async () => {
  const missing: string[] = []
  const broken: MapContender = {
    create() {
      throw new Error('no room')
    },
    load: floorMap.load
  }
  const contenders = new Map([
    ['starling', starlingMap],
    ['floor', floorMap],
    ['broken', broken]
  ])
  const bench = new MapBench(
    contenders,
    { ...context, missing: (name, reason) => missing.push(`${name}: ${reason}`) },
    1000
  )
  expect([...(await bench.put()).keys()]).toEqual(['starling', 'floor'])
  expect([...bench.snapshotBytes().keys()]).toEqual(['starling', 'floor'])
  expect(missing).toEqual(['broken: no room'])
})
