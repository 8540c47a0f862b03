import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeEntry,
  expireEntry,
  ExpiryQueue,
  ingest,
  joinEntries,
  nextEndMs,
  ObservedRemoveMap,
  visibleDots,
  visibleWinner,
  type Entry
} from '../src/index.ts'
import { arbitraryEntry, entryOf, id, item, say } from './entries.ts'
import { must } from './must.ts'
import { runs } from './runs.ts'

const DRIFT = 100

describe('a dot with an end', () => {
  const entry = entryOf(item('a', 5, 1, 1000), item('b', 3, 2))

  test('is hidden from its end on and counts as evidence one drift bound later', () => {
    const shown = (wallMs: number) => [
      visibleWinner(entry, wallMs)?.replica,
      visibleDots(entry, wallMs).length
    ]
    expect([shown(999), shown(1000)]).toEqual([
      [id('a'), 2],
      [id('b'), 1]
    ])
    expect(expireEntry(entry, 1000 + DRIFT - 1, DRIFT)).toBe(entry)
    expect(say(expireEntry(entry, 1000 + DRIFT, DRIFT))).toBe('a@5 b@3=02')
    expect([
      nextEndMs(entry, 999, DRIFT),
      nextEndMs(entry, 1000, DRIFT),
      nextEndMs(entry, 9999, DRIFT)
    ]).toEqual([1000, 1100, 1100])
    expect(nextEndMs(entryOf(item('a', 1, 1), item('b', 2)), 0, DRIFT)).toBeUndefined()
  })

  test('never comes back: a late copy of it is evidence too', () => {
    const map = new ObservedRemoveMap(systemHash)
    map.join('k', expireEntry(entry, 1000 + DRIFT, DRIFT))
    const late = ingest(map, [encodeEntry('k', entry)], { wallMs: 1000 + DRIFT, driftMsMax: DRIFT })
    expect([late.changed, late.unchanged]).toEqual([[], 1])
  })

  test('is not ended early elsewhere by a clock that is ahead within the bound', () => {
    // The handshake refuses a peer whose wall differs by more, in either direction; that check holds the rest of the promise.
    const ahead = expireEntry(entry, 1000 + DRIFT, DRIFT)
    const theirWall = 1000
    expect(visibleDots(joinEntries(entry, ahead), theirWall)).toEqual(visibleDots(entry, theirWall))
  })
})

test('after the ends and a drift bound all replicas have equal digests, whatever they exchanged and whenever they looked', () => {
  const moments = fc.array(fc.nat({ max: 3 + DRIFT }), { maxLength: 4 })
  fc.assert(
    fc.property(arbitraryEntry, moments, moments, fc.boolean(), (entry, looks, otherLooks, first) => {
      const [a, b] = [new ObservedRemoveMap(systemHash), new ObservedRemoveMap(systemHash)]
      for (const map of [a, b]) map.join('k', entry)
      const look = (map: ObservedRemoveMap, wallMs: number) =>
        map.join('k', expireEntry(must(map.get('k')), wallMs, DRIFT))
      for (const wallMs of looks.toSorted((x, y) => x - y)) look(a, wallMs)
      if (first) b.join('k', must(a.get('k')))
      for (const wallMs of otherLooks.toSorted((x, y) => x - y)) look(b, wallMs)
      for (const map of [a, b]) look(map, 3 + DRIFT)
      expect(a.root.equals(b.root)).toBe(true)
      expect(visibleDots(must(a.get('k')), 9)).toEqual(visibleDots(entry, 9))
    }),
    runs(5000)
  )
})

describe('the queue', () => {
  test('names every key at each of its moments, in order, and holds no more than the keys there are', () => {
    const keys = ['k', 'l', 'm']
    const step = fc.record({
      key: fc.constantFrom(...keys),
      ends: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 2 }),
      wait: fc.integer({ min: 0, max: 30 })
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), steps => {
        const queue = new ExpiryQueue(10)
        const entries = new Map<string, Entry>()
        // What an observer that looks at everything all the time sees: which dots are hidden and which are over.
        const acted = new Map<string, string>()
        const state = (entry: Entry, nowMs: number) =>
          entry.items
            .map(({ expiresAtMs = Infinity }) =>
              nowMs >= expiresAtMs + 10 ? 2 : nowMs >= expiresAtMs ? 1 : 0
            )
            .join()
        let nowMs = 0
        for (const { key, ends, wait } of steps) {
          const items = ends.map((end, i) => item(`${i}`, 1, 1, nowMs + end))
          entries.set(key, entryOf(...items))
          queue.note(key, entryOf(...items), nowMs)
          acted.set(key, state(entryOf(...items), nowMs))
          nowMs += wait
          for (let due = queue.due(nowMs, 2); due.length > 0; due = queue.due(nowMs, 2)) {
            expect(due.length).toBeLessThanOrEqual(2)
            for (const name of due) {
              const entry = must(entries.get(name))
              acted.set(name, state(entry, nowMs))
              queue.note(name, expireEntry(entry, nowMs, 10), nowMs)
            }
          }
          for (const [name, entry] of entries) expect(acted.get(name)).toBe(state(entry, nowMs))
          expect(queue.size).toBeLessThanOrEqual(keys.length)
          expect(queue.nextMs === undefined || queue.nextMs > nowMs).toBe(true)
        }
      }),
      runs(5000)
    )
  })

  test('stays small and quick when one key is written over and over with ever earlier ends', () => {
    const queue = new ExpiryQueue(10)
    for (let end = 100_000; end > 0; end--) queue.note('k', entryOf(item('a', 1, 1, end)), 0)
    expect([queue.size, queue.nextMs]).toEqual([1, 1])
    expect(queue.due(1, 9)).toEqual(['k'])
    expect([queue.size, queue.nextMs]).toEqual([0, undefined])
  })
})
