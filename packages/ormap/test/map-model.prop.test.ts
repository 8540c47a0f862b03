import { encodeValue } from '@starling/codec'
import { systemHash } from '@starling/ports/system'
import { Fingerprint } from '@starling/reconcile/fingerprint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeEntry,
  encodeWithRows,
  isDot,
  joinEntries,
  ObservedRemoveMap,
  putEntry,
  removeEntry,
  type Entry
} from '../src/index.ts'
import { arbitraryEntry, entryOf, id, item } from './entries.ts'
import { must } from './must.ts'
import { runs } from './runs.ts'

const keys = ['x', 'y', 'z', '__proto__', 'ü']

const step = fc.record({
  type: fc.constantFrom('join', 'join', 'join', 'forget', 'root', 'itemHash'),
  key: fc.constantFrom(...keys),
  entry: arbitraryEntry,
  given: fc.constantFrom('nothing', 'hash', 'wire', 'both'),
  bound: fc.bigInt({ min: 0n, max: 4n })
})

const live = (key: string, entry: Entry) => encodeWithRows(key, entry, systemHash).live

function sumOf(model: ReadonlyMap<string, Entry>): Fingerprint {
  const sum = new Fingerprint()
  for (const [key, entry] of model) {
    const row = live(key, entry)
    if (row !== undefined) sum.add(row.hash)
  }
  return sum
}

test('after any change there is nothing under what is no key', () => {
  const map = new ObservedRemoveMap(systemHash)
  map.join('x', entryOf(item('a', 1)))
  map.join('x', entryOf(item('b', 1, 1)))
  expect(map.get(undefined as unknown as string)).toBe(undefined)
  map.dropEvidence('x', () => true)
  expect(map.get(undefined as unknown as string)).toBe(undefined)
})

test('it holds what a plain map of entries holds, and its fingerprint is the sum of the item hashes at every look', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), steps => {
      const map = new ObservedRemoveMap(systemHash)
      const model = new Map<string, Entry>()
      for (const { type, key, entry, given, bound } of steps) {
        const before = model.get(key)
        if (type === 'join') {
          const { wire, live: row } = encodeWithRows(key, entry, systemHash)
          map.join(
            key,
            entry,
            given === 'hash' || given === 'both' ? row?.hash : undefined,
            given === 'wire' || given === 'both' ? wire : undefined
          )
          model.set(key, joinEntries(before, entry))
        } else if (type === 'forget') {
          map.dropEvidence(key, ({ stamp }) => stamp < bound)
          const items = before?.items.filter(one => isDot(one) || one.stamp >= bound) ?? []
          if (items.length === 0) model.delete(key)
          else model.set(key, { items })
        } else if (type === 'root') {
          expect(map.root.equals(sumOf(model))).toBe(true)
        } else {
          expect(map.itemHash(key)).toEqual(before && live(key, before)?.hash)
        }
        const now = model.get(key)
        expect(map.get(key)).toEqual(now)
        expect(map.encoded(key)).toEqual(now && encodeEntry(key, now))
      }
      expect(new Map(map.allEntries())).toEqual(model)
      expect([...map.entries()].map(([key]) => key)).toEqual(
        [...model].filter(([, { items }]) => items.some(isDot)).map(([key]) => key)
      )
      expect([map.entryCount, map.size]).toEqual([model.size, sumOf(model).count])
      expect(map.root.equals(sumOf(model))).toBe(true)
    }),
    runs(10_000)
  )
})

/** A map that counts how often it hashes. */
function counted(): { readonly map: ObservedRemoveMap; hashes(): number } {
  let hashes = 0
  const map = new ObservedRemoveMap(bytes => {
    hashes++
    return systemHash(bytes)
  })
  return { map, hashes: () => hashes }
}

describe('hashing', () => {
  const write = (map: ObservedRemoveMap, key: string, stamp: number) =>
    map.join(key, putEntry(map.get(key), id('a'), BigInt(stamp), encodeValue(stamp)))

  test('a key that is written often between two looks at the fingerprint is hashed once', () => {
    const { map, hashes } = counted()
    for (let i = 1; i <= 100; i++) write(map, `${i % 2}`, i)
    expect(hashes()).toBe(0)
    expect(map.root.count).toBe(2)
    expect(map.root.count).toBe(2)
    expect(hashes()).toBe(2)
    for (let i = 101; i <= 200; i++) write(map, '0', i)
    map.itemHash('0')
    map.itemHash('0')
    expect(map.root.count).toBe(2)
    expect(hashes()).toBe(3)
  })

  test('evidence, removals and hashes that are given cost none', () => {
    const { map, hashes } = counted()
    const entry = entryOf(item('a', 1, 1))
    map.join('k', entry, live('k', entry)?.hash)
    map.join('k', entryOf(item('b', 1)))
    expect(map.root.count).toBe(1)
    map.dropEvidence('k', () => true)
    map.join('k', removeEntry(must(map.get('k')), id('a'), 5n))
    expect(map.root.count).toBe(0)
    expect(map.itemHash('k')).toBeUndefined()
    expect(hashes()).toBe(0)
  })

  test('a hash of another length is refused, and nothing changes', () => {
    const map = new ObservedRemoveMap(systemHash)
    expect(() => map.join('k', entryOf(item('a', 1, 1)), new Uint8Array(31))).toThrow(RangeError)
    expect(map.entryCount).toBe(0)
  })
})

test('an entry that cannot be encoded is refused, and the map is as it was', () => {
  const map = new ObservedRemoveMap(systemHash)
  map.join('k', entryOf(item('a', 1, 1)))
  const { root } = map
  const dot = must(entryOf(item('a', 2, 2)).items[0])
  for (const wrong of [
    { ...dot, replica: 'A'.repeat(16) },
    { ...dot, stamp: 1n << 64n },
    { ...dot, expiresAtMs: 1.5 }
  ]) {
    expect(() => map.join('k', { items: [wrong] })).toThrow(RangeError)
    expect(() => map.join('other', { items: [wrong] })).toThrow(RangeError)
  }
  expect(() => map.join('\ud800', entryOf(item('a', 1, 1)))).toThrow('lone surrogate')
  expect(map.get('k')).toEqual(entryOf(item('a', 1, 1)))
  expect(map.entryCount).toBe(1)
  expect(map.root.equals(root)).toBe(true)
})

describe('ORM-A5: the work of a merge does not depend on how many entries there are', () => {
  test.each([10, 1000, 100_000])('one entry into %i: one row is added and one hash computed', size => {
    const { map, hashes } = counted()
    for (let i = 0; i < size; i++) map.join(`k${i}`, entryOf(item('a', 1, 1)))
    expect(map.root.count).toBe(size)
    const before = { hashes: hashes(), used: map.storage.usedBytes, rows: map.encoded('k1') }
    const change = map.join('k0', entryOf(item('b', 2, 2)))
    expect(map.root.count).toBe(size)
    expect(hashes() - before.hashes).toBe(1)
    expect(change?.entry.items).toHaveLength(2)
    // The row of the key grew by one dot of one byte; no other row was touched.
    expect(map.storage.usedBytes - before.used).toBe(16 + 1 + 1 + 1)
    expect(map.encoded('k1')?.buffer).toBe(before.rows?.buffer)
  })
})

test('ORM-A2: a million puts of one key leave its entry, and the map, as small as the first', () => {
  const map = new ObservedRemoveMap(systemHash)
  const value = encodeValue(7)
  map.join('k', putEntry(undefined, id('a'), 1n, value))
  const first = must(map.encoded('k')).length
  const used = map.storage.usedBytes
  for (let i = 2; i <= 1_000_000; i++) map.join('k', putEntry(map.get('k'), id('a'), BigInt(i), value))
  expect(must(map.encoded('k')).length).toBe(first)
  expect(map.storage.usedBytes).toBe(used)
  expect(map.storage.reservedBytes).toBeLessThan(2048)
  expect(map.root.count).toBe(1)
})

test('values and encoded entries that were handed out never change, whatever is written later', () => {
  const map = new ObservedRemoveMap(systemHash)
  const held: { readonly view: Uint8Array; readonly copy: Uint8Array }[] = []
  for (let i = 1; i < 5000; i++) {
    const key = `k${i % 7}`
    map.join(key, putEntry(map.get(key), id('a'), BigInt(i), encodeValue(i)))
    if (i % 50 !== 0) continue
    for (const view of [
      must(map.encoded(key)),
      must(map.get(key)?.items[0]?.value),
      must(map.itemHash(key))
    ]) {
      held.push({ view, copy: new Uint8Array(view) })
    }
    map.itemHash(key)?.fill(0)
  }
  for (const { view, copy } of held) expect(view).toEqual(copy)
  expect(map.root.count).toBe(7)
})
