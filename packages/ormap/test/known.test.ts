import { stampOf } from '@starling/hlc'
import { describe, expect, test } from 'vitest'
import {
  ItemCensus,
  Known,
  KNOWN_IDS_MAX,
  SILENCE_MS,
  type KnownRow,
  type SessionProof
} from '../src/index.ts'
import { entryOf, id, item } from './entries.ts'

const WHOLE: SessionProof = { wholeRange: true, refused: 0, uncompared: 0, durable: true }
const said = (known: Known) =>
  Object.fromEntries([...known.stamps()].map(([replica, stamp]) => [replica.at(-1), Number(stamp)]))
const peer = (...rows: readonly KnownRow[]) => new Map(rows)

describe('the own id', () => {
  test('is known up to the greatest applied stamp below every write in flight', () => {
    const known = new Known()
    known.begin(id('a'))
    expect(known.covers(id('a'), 1n)).toBe(false)
    known.issued(5n)
    known.applied(5n)
    expect([known.covers(id('a'), 5n), known.covers(id('a'), 6n)]).toEqual([true, false])
    known.issued(7n)
    known.issued(9n)
    expect(known.covers(id('a'), 7n)).toBe(false)
    // Out of order, which a failing batch can cause: what was issued before is not covered by what came after.
    known.applied(9n)
    expect([known.covers(id('a'), 6n), known.covers(id('a'), 7n), known.covers(id('a'), 9n)]).toEqual([
      true,
      false,
      false
    ])
    known.applied(7n)
    expect(said(known)).toEqual({ a: 9 })
  })

  test('becomes a former one, below what was in flight, and is never used again', () => {
    const known = new Known()
    known.begin(id('a'))
    known.issued(5n)
    known.applied(5n)
    known.issued(6n)
    expect(known.begin(id('b'))).toEqual([[id('a'), 5n]])
    expect(said(known)).toEqual({ a: 5 })
    expect(() => known.begin(id('a'))).toThrow(RangeError)
    expect(() => known.begin(id('b'))).toThrow(RangeError)
    expect(new Known().begin(id('a'))).toEqual([])
  })

  test('is never raised by a peer, whatever it says', () => {
    const known = new Known()
    known.begin(id('a'))
    expect(known.raise(known.startSession(), peer([id('a'), 99n], [id('b'), 3n]), WHOLE)).toEqual({
      type: 'raised',
      rows: [[id('b'), 3n]]
    })
    expect(known.covers(id('a'), 1n)).toBe(false)
  })
})

describe('a session', () => {
  test('that compared everything raises to the pointwise maximum and names the rows that changed', () => {
    const known = new Known([
      [id('a'), 5n],
      [id('b'), 5n]
    ])
    const before = known.raises
    const result = known.raise(known.startSession(), peer([id('a'), 3n], [id('b'), 7n], [id('c'), 1n]), WHOLE)
    expect(result).toEqual({
      type: 'raised',
      rows: [
        [id('b'), 7n],
        [id('c'), 1n]
      ]
    })
    expect(said(known)).toEqual({ a: 5, b: 7, c: 1 })
    expect(known.raises).toBe(before + 1)
    expect(known.size).toBe(3)
  })

  test.each([
    ['incomplete', { wholeRange: false }],
    ['refused', { refused: 1 }],
    ['uncompared', { uncompared: 1 }],
    ['notDurable', { durable: false }]
  ] as const)('that is %s raises nothing', (reason, flaw) => {
    const known = new Known()
    const result = known.raise(known.startSession(), peer([id('b'), 7n]), { ...WHOLE, ...flaw })
    expect(result).toEqual({ type: 'notRaised', reason })
    expect(said(known)).toEqual({})
  })

  test('that began before a doubt raises nothing after it', () => {
    const known = new Known([[id('b'), 5n]])
    known.begin(id('a'))
    known.issued(3n)
    const start = known.startSession()
    expect(known.clear()).toEqual([id('b')])
    expect(known.raise(start, peer([id('c'), 7n]), WHOLE)).toEqual({ type: 'notRaised', reason: 'cleared' })
    expect([known.size, known.covers(id('a'), 1n), known.covers(id('b'), 1n)]).toEqual([0, false, false])
    known.begin(id('d'))
    expect(known.raise(known.startSession(), peer([id('c'), 7n]), WHOLE).type).toBe('raised')
  })

  test('takes its peer’s knowledge as it was at the start', () => {
    const known = new Known([[id('b'), 5n]])
    known.begin(id('a'))
    const start = known.startSession()
    known.issued(9n)
    known.applied(9n)
    known.raise(known.startSession(), peer([id('b'), 8n]), WHOLE)
    expect([...start.stamps]).toEqual([[id('b'), 5n]])
  })

  test('leaves ids out beyond the limit, and still raises those it has', () => {
    const rows = Array.from({ length: KNOWN_IDS_MAX }, (_, i): KnownRow => [
      i.toString(16).padStart(16, '0'),
      1n
    ])
    const known = new Known(rows)
    const result = known.raise(known.startSession(), peer(['f'.repeat(16), 1n], [id('0'), 2n]), WHOLE)
    expect(result).toEqual({ type: 'raised', rows: [[id('0'), 2n]] })
    expect(known.size).toBe(KNOWN_IDS_MAX)
    // The own id comes on top, and is said first: no peer takes more than the limit.
    known.begin('e'.repeat(16))
    known.applied(9n)
    expect([known.size, known.stamps().size]).toEqual([KNOWN_IDS_MAX + 1, KNOWN_IDS_MAX])
    expect([...known.stamps().keys()][0]).toBe('e'.repeat(16))
  })
})

test('an id is forgotten when it has been silent for long and nothing of it is here', () => {
  const day = 86_400_000
  const known = new Known([
    [id('a'), stampOf(day)],
    [id('b'), stampOf(day)],
    [id('c'), stampOf(9 * day)]
  ])
  const census = new ItemCensus()
  const held = entryOf(item('b', 1))
  census.load(held)
  expect(known.forgetSilent(day + SILENCE_MS, replica => census.has(replica))).toEqual([])
  expect(known.forgetSilent(day + SILENCE_MS + 1, replica => census.has(replica))).toEqual([id('a')])
  census.note({ key: 'k', previous: held, entry: entryOf(), clashes: 0 })
  expect(known.forgetSilent(day + SILENCE_MS + 1, replica => census.has(replica))).toEqual([id('b')])
  expect(said(known)).toEqual({ c: Number(stampOf(9 * day)) })
})

test('a census counts the items of every id', () => {
  const census = new ItemCensus()
  const first = entryOf(item('a', 1, 1), item('c', 1))
  const second = entryOf(item('a', 2), item('b', 1, 1), item('d', 1))
  census.note({ key: 'k', previous: undefined, entry: first, clashes: 0 })
  census.note({ key: 'l', previous: undefined, entry: entryOf(item('c', 9)), clashes: 0 })
  census.note({ key: 'k', previous: first, entry: second, clashes: 0 })
  const has = () => ['a', 'b', 'c', 'd'].filter(digit => census.has(id(digit))).join('')
  expect(has()).toBe('abcd')
  census.note({ key: 'l', previous: entryOf(item('c', 9)), entry: entryOf(), clashes: 0 })
  expect(has()).toBe('abd')
})
