import { systemHash } from '@starling/ports/system'
import { Fingerprint } from '@starling/reconcile/fingerprint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareItems,
  countClashes,
  decodeEntry,
  encodeEntry,
  encodeWithRows,
  equalEntries,
  greatestStamp,
  joinEntries,
  ObservedRemoveMap,
  putEntry,
  removeEntry,
  type Entry
} from '../src/index.ts'
import { arbitraryEntry, id, say } from './entries.ts'
import { runs } from './runs.ts'

const hex = (entry: Entry) => Buffer.from(encodeEntry('k', entry)).toString('hex')

describe('the merge of any two entries', () => {
  test('is commutative, associative and idempotent, on full state and on bytes', () => {
    fc.assert(
      fc.property(arbitraryEntry, arbitraryEntry, arbitraryEntry, (a, b, c) => {
        expect(hex(joinEntries(a, b))).toBe(hex(joinEntries(b, a)))
        expect(hex(joinEntries(joinEntries(a, b), c))).toBe(hex(joinEntries(a, joinEntries(b, c))))
        expect(joinEntries(a, a)).toBe(a)
        expect(joinEntries(a, decodeEntry(encodeEntry('k', a)).entry)).toBe(a)
      }),
      runs(10_000)
    )
  })

  test('is above both, adds nothing that neither had, and says by identity whether it changed', () => {
    fc.assert(
      fc.property(arbitraryEntry, arbitraryEntry, (a, b) => {
        const joined = joinEntries(a, b)
        for (const item of [...a.items, ...b.items]) {
          const kept = joined.items.find(({ replica }) => replica === item.replica)
          expect(kept && compareItems(kept, item)).toBeGreaterThanOrEqual(0)
        }
        for (const item of joined.items) expect([...a.items, ...b.items]).toContain(item)
        expect(joined === a).toBe(hex(joined) === hex(a))
        expect(equalEntries(a, b)).toBe(hex(a) === hex(b))
        expect(joinEntries(undefined, b)).toBe(b)
      }),
      runs(10_000)
    )
  })

  test('counts different values under one stamp, the same from both sides', () => {
    fc.assert(
      fc.property(arbitraryEntry, arbitraryEntry, (a, b) => {
        let expected = 0
        for (const mine of a.items) {
          for (const other of b.items) {
            if (mine.replica !== other.replica || mine.stamp !== other.stamp) continue
            if (mine.value && other.value && say({ items: [mine] }) !== say({ items: [other] })) expected++
          }
        }
        expect(countClashes(a, b)).toBe(expected)
        expect(countClashes(b, a)).toBe(expected)
      }),
      runs(10_000)
    )
  })

  test('the order of two items is total', () => {
    fc.assert(
      fc.property(arbitraryEntry, arbitraryEntry, (a, b) => {
        for (const mine of a.items) {
          for (const other of b.items) {
            if (mine.replica !== other.replica) continue
            expect(Math.sign(compareItems(mine, other))).toBe(-Math.sign(compareItems(other, mine)) || 0)
            expect(compareItems(mine, other) === 0).toBe(say({ items: [mine] }) === say({ items: [other] }))
          }
        }
      }),
      runs(10_000)
    )
  })
})

describe('a write', () => {
  test('is above its base, leaves its dot alone live, and needs a stamp above all', () => {
    fc.assert(
      fc.property(
        arbitraryEntry,
        fc.constantFrom('1', '5', 'f'),
        fc.bigInt({ min: 0n, max: 5n }),
        (base, digit, stamp) => {
          const value = Uint8Array.of(0)
          if (stamp <= greatestStamp(base)) {
            expect(() => putEntry(base, id(digit), stamp, value)).toThrow(RangeError)
            return
          }
          const put = putEntry(base, id(digit), stamp, value)
          expect(joinEntries(base, put)).toEqual(put)
          expect(put.items.filter(item => item.value !== undefined)).toEqual([
            { replica: id(digit), stamp, value }
          ])
          expect(decodeEntry(encodeEntry('k', put)).entry).toEqual(put)
          const removed = removeEntry(put, id('5'), stamp + 1n)
          expect(joinEntries(put, removed)).toEqual(removed)
          expect(removed.items.every(item => item.value === undefined)).toBe(true)
          expect(removeEntry(removed, id('5'), stamp + 2n)).toBe(removed)
        }
      ),
      runs(10_000)
    )
  })
})

describe('a map', () => {
  const arriving = fc.array(fc.tuple(fc.constantFrom('x', 'y', 'z'), arbitraryEntry, fc.boolean()), {
    maxLength: 12
  })

  test('is the merge of what arrived in any order, and its fingerprint and size are those of the live entries', () => {
    fc.assert(
      fc.property(
        arriving.chain(list =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length * 2 }))
        ),
        ([list, again]) => {
          const map = new ObservedRemoveMap(systemHash)
          const other = new ObservedRemoveMap(systemHash)
          for (const [key, entry, hashed] of list) {
            const before = map.get(key)
            const hash = hashed ? encodeWithRows(key, entry, systemHash).live?.hash : undefined
            const change = map.join(key, entry, hash)
            expect(change === undefined).toBe(map.get(key) === before)
            if (change !== undefined) {
              expect(change).toEqual({
                key,
                previous: before,
                entry: map.get(key),
                clashes: countClashes(before, entry)
              })
            }
          }
          for (const [key, entry] of again) other.join(key, entry)
          const expected = new Fingerprint()
          let size = 0
          for (const [key, entry] of map.allEntries()) {
            expect(hex(other.get(key) as Entry)).toBe(hex(entry))
            const live = encodeWithRows(key, entry, systemHash).live
            expect(map.itemHash(key)).toEqual(live?.hash)
            if (live === undefined) continue
            expected.add(live.hash)
            size++
          }
          expect(map.root.equals(expected)).toBe(true)
          expect(other.root.equals(expected)).toBe(true)
          expect([map.size, other.size]).toEqual([size, size])
          expect(other.entryCount).toBe(map.entryCount)
          expect([...map.entries()].map(([key]) => key)).toEqual(
            [...map.allEntries()]
              .filter(([, entry]) => entry.items.some(item => item.value))
              .map(([key]) => key)
          )
        }
      ),
      runs(10_000)
    )
  })
})
