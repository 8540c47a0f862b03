import { systemHash } from '@starling/ports/system'
import { expect, test } from 'vitest'
import { Collector, EVIDENCE_MS, Known, ObservedRemoveMap, type Entry } from '../src/index.ts'
import { entryOf, id, item, say } from './entries.ts'

const WHOLE = { wholeRange: true, refused: 0, uncompared: 0, durable: true }
const HOUR = 3_600_000

function setUp(known: Known | undefined, evidenceMs?: number) {
  const map = new ObservedRemoveMap(systemHash)
  const collector = new Collector({
    ...(known === undefined ? {} : { forgetting: { type: 'byKnown', known } }),
    ...(evidenceMs === undefined ? {} : { evidenceMs })
  })
  const join = (key: string, entry: Entry, nowMs: number): void => {
    const change = map.join(key, entry)
    if (change !== undefined) collector.note(change, nowMs)
  }
  const held = () => [...map.allEntries()].map(([key, entry]) => `${key}: ${say(entry)}`)
  return { map, collector, join, held }
}

test('evidence goes after a day and not a moment before, and a key without items is gone', () => {
  const { map, collector, join, held } = setUp(new Known([[id('a'), 9n]]))
  join('k', entryOf(item('a', 1)), 1000)
  expect(collector.sweep(map, 1000 + EVIDENCE_MS - 1, 10)).toEqual([])
  expect(EVIDENCE_MS).toBe(24 * HOUR)
  expect(held()).toEqual(['k: a@1'])
  const [change] = collector.sweep(map, 1000 + EVIDENCE_MS, 10)
  expect(change).toMatchObject({ key: 'k', entry: { items: [] } })
  expect([held(), map.entryCount, collector.size]).toEqual([[], 0, 0])
})

test('without known age is enough; with it age is not', () => {
  const byAge = setUp(undefined)
  byAge.join('k', entryOf(item('a', 1), item('b', 2, 1)), 0)
  byAge.collector.sweep(byAge.map, EVIDENCE_MS, 10)
  expect(byAge.held()).toEqual(['k: b@2=01'])

  const known = new Known()
  const { map, collector, join, held } = setUp(known)
  join('k', entryOf(item('a', 5)), 0)
  expect(collector.sweep(map, 1000 * EVIDENCE_MS, 10)).toEqual([])
  // Known up to a smaller stamp: still not covered.
  known.raise(known.startSession(), new Map([[id('a'), 4n]]), WHOLE)
  expect(collector.sweep(map, 1000 * EVIDENCE_MS, 10)).toEqual([])
  known.raise(known.startSession(), new Map([[id('a'), 5n]]), WHOLE)
  collector.sweep(map, 1000 * EVIDENCE_MS, 10)
  expect(held()).toEqual([])
})

test('what is superseded again is kept from then on, and what lives again is not waited for', () => {
  const { map, collector, join, held } = setUp(new Known([[id('a'), 9n]]))
  join('k', entryOf(item('a', 1)), 0)
  join('k', entryOf(item('a', 3)), HOUR)
  join('l', entryOf(item('a', 1)), 0)
  join('l', entryOf(item('a', 2, 1)), HOUR)
  expect(collector.size).toBe(1)
  collector.sweep(map, EVIDENCE_MS, 10)
  expect(held()).toEqual(['k: a@3', 'l: a@2=01'])
  collector.sweep(map, EVIDENCE_MS + HOUR, 10)
  expect(held()).toEqual(['l: a@2=01'])
})

test('a sweep examines as many items as it is told to, and never the map', () => {
  const known = new Known()
  const { map, collector, join } = setUp(known, 0)
  const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)
  for (const key of keys) join(key, entryOf(item('a', 1)), 0)
  let dropped = 0
  const counting = {
    dropEvidence: (...given: Parameters<ObservedRemoveMap['dropEvidence']>) => {
      dropped++
      return map.dropEvidence(...given)
    }
  }
  for (let i = 0; i < 20; i++) collector.sweep(counting, 1, 10)
  expect(dropped).toBe(0)
  known.raise(known.startSession(), new Map([[id('a'), 1n]]), WHOLE)
  expect(collector.sweep(counting, 1, 10)).toHaveLength(10)
  expect([dropped, collector.size]).toEqual([10, 90])
  for (let i = 0; i < 9; i++) collector.sweep(counting, 1, 10)
  expect([dropped, collector.size, map.entryCount]).toEqual([100, 0, 0])
})

test('what is waiting is bounded by the evidence there is, however often keys are written', () => {
  const { collector, join } = setUp(new Known())
  for (let i = 1; i <= 1000; i++) join('k', entryOf(item('a', i), item('b', i, 1)), i)
  expect(collector.size).toBe(1)
})

test('after an opening age counts from the opening, and a clock that steps back makes nothing older', () => {
  const { map, collector, join, held } = setUp(new Known([[id('a'), 9n]]))
  map.join('k', entryOf(item('a', 1)))
  for (const [key, entry] of map.allEntries()) collector.load(key, entry, 5 * HOUR)
  join('l', entryOf(item('a', 1)), 0)
  collector.sweep(map, EVIDENCE_MS + 5 * HOUR - 1, 10)
  expect(held()).toEqual(['k: a@1', 'l: a@1'])
  collector.sweep(map, EVIDENCE_MS + 5 * HOUR, 10)
  expect(held()).toEqual([])
})

test('a negative age is the caller’s mistake', () => {
  expect(() => new Collector({ evidenceMs: -1 })).toThrow(RangeError)
})
