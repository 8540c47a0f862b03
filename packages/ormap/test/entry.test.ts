import { systemHash } from '@starling/ports/system'
import { describe, expect, test } from 'vitest'
import {
  countClashes,
  greatestStamp,
  joinEntries,
  liveDots,
  ObservedRemoveMap,
  putEntry,
  removeEntry,
  versionOf,
  winner,
  type Entry
} from '../src/index.ts'
import { entryOf, id, item, say } from './entries.ts'

const put = (base: Entry | undefined, digit: string, stamp: number, value: number) =>
  putEntry(base, id(digit), BigInt(stamp), Uint8Array.of(value))
const remove = (base: Entry, digit: string, stamp: number) => removeEntry(base, id(digit), BigInt(stamp))

describe('writes', () => {
  test('a put supersedes what it had seen, each at its own stamp', () => {
    const base = entryOf(item('a', 1, 1), item('b', 2, 2), item('c', 3))
    expect(say(put(base, 'b', 4, 9))).toBe('a@1 b@4=09 c@3')
    expect(say(put(base, 'd', 4, 9))).toBe('a@1 b@2 c@3 d@4=09')
    expect(say(put(base, '1', 4, 9))).toBe('1@4=09 a@1 b@2 c@3')
    expect(say(put(undefined, 'a', 1, 9))).toBe('a@1=09')
  })

  test('a removal supersedes everything and leaves its own evidence', () => {
    expect(say(remove(entryOf(item('a', 1, 1), item('b', 2, 2)), 'c', 3))).toBe('a@1 b@2 c@3')
    const gone = entryOf(item('a', 1), item('b', 2))
    expect(remove(gone, 'c', 3)).toBe(gone)
  })

  test('a write whose stamp does not exceed its base is refused', () => {
    expect(() => put(entryOf(item('a', 5, 1)), 'b', 5, 2)).toThrow('must exceed')
    expect(() => put(entryOf(item('a', 5)), 'b', 4, 2)).toThrow(RangeError)
    expect(() => remove(entryOf(item('a', 5, 1)), 'b', 5)).toThrow(RangeError)
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 53])('an end of %s is refused', end => {
    expect(() => putEntry(undefined, id('a'), 1n, Uint8Array.of(0), end)).toThrow(RangeError)
  })

  test('the end of a value is part of its dot', () => {
    expect(putEntry(undefined, id('a'), 1n, Uint8Array.of(0), 7)).toEqual(entryOf(item('a', 1, 0, 7)))
    expect(say(joinEntries(entryOf(item('a', 1, 0, 7)), entryOf(item('a', 1, 0, 8))))).toBe('a@1=00<8')
    expect(say(joinEntries(entryOf(item('a', 1, 0, 7)), entryOf(item('a', 1, 0))))).toBe('a@1=00<7')
    expect(countClashes(entryOf(item('a', 1, 0, 7)), entryOf(item('a', 1, 0, 8)))).toBe(1)
  })
})

describe('what is shown', () => {
  test('is the dot of the greatest stamp, then of the greater replica id', () => {
    const dotOf = (entry: Entry) => winner(entry)?.replica
    expect(dotOf(entryOf(item('a', 2, 1), item('b', 1, 2)))).toBe(id('a'))
    expect(dotOf(entryOf(item('a', 2, 1), item('b', 2, 2)))).toBe(id('b'))
    expect(dotOf(entryOf(item('a', 1, 1), item('b', 9)))).toBe(id('a'))
    expect(dotOf(entryOf(item('a', 1)))).toBeUndefined()
    expect(liveDots(entryOf(item('a', 1), item('b', 2, 2), item('c', 3, 3))).map(dot => dot.replica)).toEqual(
      [id('b'), id('c')]
    )
    expect(greatestStamp(entryOf(item('a', 1, 1), item('b', 9)))).toBe(9n)
    expect(greatestStamp(entryOf())).toBe(0n)
  })

  test('has a version that covers all live dots and no evidence', () => {
    const version = (entry: Entry) => versionOf(entry, systemHash)
    const one = version(entryOf(item('a', 1, 1)))
    expect(one).toMatch(/^[0-9a-f]{32}$/)
    expect(version(entryOf(item('a', 1, 1), item('b', 2)))).toBe(one)
    expect(version(entryOf(item('a', 2, 1)))).not.toBe(one)
    expect(version(entryOf(item('b', 1, 1)))).not.toBe(one)
    expect(version(entryOf(item('a', 1, 1), item('b', 2, 2)))).not.toBe(one)
    const none = version(entryOf(item('a', 1)))
    expect(none).toHaveLength(40)
    expect(version(entryOf(item('a', 1), item('b', 2)))).toBe(none)
  })
})

describe('orders that have broken maps like this one', () => {
  test('a put that the remover had seen never comes back: before, after, and twice', () => {
    const seen = put(undefined, 'a', 1, 1)
    const removed = remove(seen, 'b', 2)
    for (const order of [
      [seen, removed],
      [removed, seen],
      [removed, seen, seen, removed, seen]
    ]) {
      const map = new ObservedRemoveMap(systemHash)
      for (const entry of order) map.join('k', entry)
      expect(say(map.get('k') as Entry)).toBe('a@1 b@2')
      expect(map.size).toBe(0)
    }
  })

  test('a put that the remover had not seen survives, also with a smaller stamp', () => {
    const seen = put(undefined, 'a', 5, 1)
    const unseen = put(undefined, 'c', 1, 2)
    expect(say(joinEntries(remove(seen, 'b', 9), unseen))).toBe('a@5 b@9 c@1=02')
  })

  test('a removal and a new put of one replica, seen by another only as the older put, leave the new one', () => {
    // A map that forgets removals per writer would let the stale copy win or both live.
    const first = put(undefined, 'a', 1, 1)
    const second = put(remove(first, 'a', 2), 'a', 3, 2)
    expect(say(joinEntries(first, second))).toBe('a@3=02')
    expect(say(joinEntries(second, first))).toBe('a@3=02')
  })

  test('a removal that travels by way of a third replica takes away what it had seen there as well', () => {
    const one = put(undefined, 'a', 1, 1)
    const two = put(undefined, 'b', 1, 2)
    const third = joinEntries(one, two)
    const removed = remove(third, 'c', 2)
    const late = put(one, 'a', 3, 3)
    expect(say(joinEntries(joinEntries(late, two), removed))).toBe('a@3=03 b@1 c@2')
  })

  test('concurrent puts stay until a later write settles them', () => {
    const both = joinEntries(put(undefined, 'a', 1, 1), put(undefined, 'b', 1, 2))
    expect(liveDots(both)).toHaveLength(2)
    expect(say(put(both, 'a', 2, 3))).toBe('a@2=03 b@1')
  })

  test('two values under one stamp: every replica chooses the same one', () => {
    const one = entryOf(item('a', 1, 1))
    const two = entryOf(item('a', 1, 2))
    expect(say(joinEntries(one, two))).toBe('a@1=02')
    expect(say(joinEntries(two, one))).toBe('a@1=02')
    expect(new ObservedRemoveMap(systemHash).join('k', one)?.clashes).toBe(0)
    const map = new ObservedRemoveMap(systemHash)
    map.join('k', one)
    expect(map.join('k', two)?.clashes).toBe(1)
  })
})

describe('a map', () => {
  test('takes an entry that says nothing as nothing', () => {
    const map = new ObservedRemoveMap(systemHash)
    expect(map.join('k', entryOf())).toBeUndefined()
    expect(map.entryCount).toBe(0)
  })

  test('uses the hash it is given only where the live dots are those it was computed for', () => {
    const wrong = new Uint8Array(32)
    const map = new ObservedRemoveMap(systemHash)
    map.join('k', entryOf(item('a', 1, 1)), wrong)
    expect(map.itemHash('k')).toEqual(wrong)
    map.join('k', entryOf(item('b', 2, 2)), wrong)
    expect(map.itemHash('k')).not.toEqual(wrong)
  })

  test('hands out a copy of its fingerprint', () => {
    const map = new ObservedRemoveMap(systemHash)
    map.root.add(new Uint8Array(32))
    expect(map.root.count).toBe(0)
  })
})
