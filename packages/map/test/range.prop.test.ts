import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SortedKeys } from '../src/sorted-keys.ts'
import { openMap } from './support/open.ts'
import { runs } from './support/runs.ts'

// Goal: the order of keys is that of `<`, whatever was added and removed, and a range is what filtering all keys gives.
// Method: a sorted array as the model.

const key = fc.string({
  unit: fc.constantFrom('a', 'b', '\u{1f600}', '\uffff', '0'),
  minLength: 1,
  maxLength: 4
})

test('keys added and removed in any order are found in order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(key), fc.array(fc.tuple(fc.boolean(), key)), key, (first, steps, at) => {
      const sorted = new SortedKeys(first)
      const model = new Set(first)
      for (const [add, k] of steps) {
        if (add) sorted.add(k)
        else sorted.delete(k)
        if (add) model.add(k)
        else model.delete(k)
      }
      const all = [...model].sort()
      for (const including of [true, false]) {
        const fits = (k: string): boolean => including && k === at
        expect(sorted.next(at, including)).toBe(all.find(k => k > at || fits(k)))
        expect(sorted.previous(at, including)).toBe(all.findLast(k => k < at || fits(k)))
      }
      expect(sorted.previous(undefined, false)).toBe(all.at(-1))
    }),
    runs(10_000)
  )
})

test('many keys fill several chunks, and empty ones are left out', () => {
  const keys = Array.from({ length: 5000 }, (_, i) => String(i).padStart(5, '0'))
  const sorted = new SortedKeys()
  for (const [i] of keys.entries()) sorted.add(keys[(i * 4999) % 5000] as string)
  for (let i = 600; i < 4400; i++) sorted.delete(keys[i] as string)
  const found: string[] = []
  for (let k = sorted.next('', true); k !== undefined; k = sorted.next(k, false)) found.push(k)
  expect(found).toEqual([...keys.slice(0, 600), ...keys.slice(4400)])
  expect(sorted.previous('04400', false)).toBe('00599')
})

test('a range is the part of the map that its bounds name, in order', async () => {
  const bound = fc.option(key, { nil: undefined })
  const bounds = fc.record(
    {
      prefix: key,
      low: bound,
      lowOpen: fc.boolean(),
      high: bound,
      highOpen: fc.boolean(),
      reverse: fc.boolean(),
      limit: fc.nat(4)
    },
    { requiredKeys: ['low', 'high', 'lowOpen', 'highOpen'] }
  )
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(key, { maxLength: 12 }),
      fc.array(fc.tuple(fc.boolean(), key), { maxLength: 4 }),
      bounds,
      async (keys, later, { prefix, low, lowOpen, high, highOpen, reverse = false, limit }) => {
        const { map } = await openMap<string>({ init: { schema: value => value !== 'hidden' } })
        for (const k of keys) await map.set(k, `value of ${k}`)
        expect([...map.range()].map(([k]) => k)).toEqual(keys.toSorted())
        // What is written after the order was built has to find its place in it.
        for (const [put, k] of later) await (put ? map.set(k, `value of ${k}`) : map.delete(k))
        const expected = [...map]
          .filter(([k]) => prefix === undefined || k.startsWith(prefix))
          .filter(([k]) => low === undefined || (lowOpen ? k > low : k >= low))
          .filter(([k]) => high === undefined || (highOpen ? k < high : k <= high))
          .sort(([a], [b]) => (a < b ? -1 : 1))
        if (reverse) expected.reverse()
        const options = {
          ...(prefix === undefined ? {} : { prefix }),
          ...(low === undefined ? {} : lowOpen ? { gt: low } : { gte: low }),
          ...(high === undefined ? {} : highOpen ? { lt: high } : { lte: high }),
          ...(limit === undefined ? {} : { limit }),
          reverse
        }
        expect([...map.range(options)]).toEqual(expected.slice(0, limit))
      }
    ),
    runs(1000)
  )
})

test('changes ahead of an iteration are seen, and those behind do no harm', async () => {
  const { map } = await openMap<number>()
  for (const k of ['b', 'd', 'f']) await map.set(k, 1)
  const seen: string[] = []
  for (const [k] of map.range()) {
    seen.push(k)
    if (k !== 'd') continue
    await map.delete('d')
    await map.delete('f')
    await map.set('a', 1)
    await map.set('e', 1)
  }
  expect(seen).toEqual(['b', 'd', 'e'])
})

test('bounds that are none are refused', async () => {
  const { map } = await openMap<number>()
  expect(() => map.range({ gte: 'a', gt: 'b' })).toThrow(TypeError)
  expect(() => map.range({ lte: 'a', lt: 'b' })).toThrow(TypeError)
  expect(() => map.range({ prefix: 1 as unknown as string })).toThrow(TypeError)
  expect(() => map.range({ limit: -1 })).toThrow(RangeError)
  expect(() => map.range({ limit: 1.5 })).toThrow(RangeError)
})
