import { DecodeError, encodeValue } from '@starling/codec'
import { stampOf } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  encodeSnapshot,
  joinEntries,
  loadSnapshot,
  ObservedRemoveMap,
  putEntry,
  removeEntry,
  type Entry
} from '../src/index.ts'
import { entryOf, id, item, say } from './entries.ts'
import { must } from './must.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const fromHex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const NOW = 1_700_000_000_000

const mapOf = (entries: Readonly<Record<string, Entry>>) => {
  const map = new ObservedRemoveMap(systemHash)
  for (const [key, entry] of Object.entries(entries)) map.join(key, entry)
  return map
}
const content = (map: ObservedRemoveMap) => Array.from(map.allEntries(), ([key, entry]) => [key, say(entry)])
const load = (map: ObservedRemoveMap, piece: Uint8Array, options = {}) =>
  loadSnapshot(map, piece, { wallMs: NOW, ...options })

describe('the vectors of docs/wire/snapshot.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/snapshot.md'), 'utf8')
  const vectors = new Map(
    [...page.matchAll(/^(snapshot\.[a-z]+) +([0-9a-f]{16,})/gm)].map(([, name, text]) => [name, text])
  )
  const at = (counter: number) => stampOf(NOW, counter)
  const one = putEntry(undefined, id('aa'), at(0), encodeValue(true))
  const second = putEntry(one, id('bb'), at(1), encodeValue({ on: true, ratio: 0.5 }))
  const third = putEntry(one, id('cc'), at(1), encodeValue('x'), NOW + 60_000)
  const both = joinEntries(second, third)
  const removed = removeEntry(both, id('aa'), at(2))

  test.each([
    ['snapshot.one', { flag: one }],
    ['snapshot.all', { flag: both, flags: removed, other: one }]
  ])('%s', (name, entries) => {
    const pieces = [...encodeSnapshot(mapOf(entries))].map(hex)
    expect(pieces).toEqual([vectors.get(name)])
    const map = new ObservedRemoveMap(systemHash)
    const result = load(map, fromHex(must(pieces[0])))
    expect(result.changed.map(({ key }) => key)).toEqual(Object.keys(entries))
    expect(content(map)).toEqual(content(mapOf(entries)))
  })

  test('are all there is', () => {
    expect(vectors.size).toBe(2)
  })
})

describe('encodeSnapshot', () => {
  test('gives no piece of an empty map, and one of a small one', () => {
    expect([...encodeSnapshot(mapOf({}))]).toEqual([])
    expect([...encodeSnapshot(mapOf({ a: entryOf(item('a', 1)) }))]).toHaveLength(1)
  })

  test('ends a piece with the entry that reaches the target', () => {
    const entries = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`k${i}`, entryOf(item('a', i, i))])
    )
    const pieces = [...encodeSnapshot(mapOf(entries), { bytesTarget: 200 })]
    expect(pieces.length).toBeGreaterThan(3)
    for (const piece of pieces) expect(piece.length).toBeLessThan(240)
    expect([...encodeSnapshot(mapOf(entries), { bytesTarget: 1 })]).toHaveLength(100)
  })

  test.each([0, -1, 1.5, Number.NaN])('a target of %s bytes is refused', bytesTarget => {
    expect(() => [...encodeSnapshot(mapOf({}), { bytesTarget })]).toThrow(RangeError)
  })

  test('a stamp far from the one before is written whole', () => {
    const entries = {
      a: entryOf(item('a', 1, 1)),
      b: entryOf({ ...item('b', 1, 1), stamp: 2n ** 64n - 1n }),
      c: entryOf({ ...item('c', 1, 1), stamp: 2n ** 51n }),
      d: entryOf({ ...item('d', 1, 1), stamp: 0n })
    }
    const map = new ObservedRemoveMap(systemHash)
    const [piece] = encodeSnapshot(mapOf(entries))
    load(map, must(piece), { wallMs: 2 ** 48 })
    expect(content(map)).toEqual(content(mapOf(entries)))
  })
})

describe('loadSnapshot', () => {
  const old = entryOf(item('a', 1, 1))
  const newer = entryOf(item('a', 2, 2), item('b', 3))

  test('joins with what is there, and says what changed', () => {
    const map = mapOf({ kept: newer, joined: old })
    const [piece] = encodeSnapshot(mapOf({ kept: old, joined: newer, added: old }))
    const result = load(map, must(piece))
    expect(
      result.changed.map(({ key, previous, entry }) => [key, previous && say(previous), say(entry)])
    ).toEqual([
      ['joined', say(old), say(newer)],
      ['added', undefined, say(old)]
    ])
    expect(result).toMatchObject({ unchanged: 1, rejected: [], greatestStamp: 3n })
    expect(load(map, must(piece))).toMatchObject({ changed: [], unchanged: 3 })
  })

  test('leaves out what is from the future, and takes the rest', () => {
    const late = stampOf(NOW + 60_001)
    const [piece] = encodeSnapshot(
      mapOf({
        now: entryOf({ ...item('a', 1, 1), stamp: stampOf(NOW + 60_000) }),
        live: entryOf(item('a', 1, 1), { ...item('b', 1, 1), stamp: late }),
        empty: entryOf({ ...item('b', 1), stamp: late }),
        past: old
      })
    )
    const map = new ObservedRemoveMap(systemHash)
    const result = load(map, must(piece))
    expect(result.rejected).toEqual([
      { reason: 'future', key: 'live', aheadMs: 60_001 },
      { reason: 'future', key: 'empty', aheadMs: 60_001 }
    ])
    expect(result.greatestStamp).toBe(stampOf(NOW + 60_000))
    expect(content(map).map(([key]) => key)).toEqual(['now', 'past'])
    expect(load(map, must(piece), { driftMsMax: 60_001 }).rejected).toEqual([])
    expect(() => load(map, must(piece), { wallMs: Number.NaN })).toThrow(RangeError)
  })

  test('what it gives and keeps does not change with the bytes it was given', () => {
    const piece = Buffer.from(must([...encodeSnapshot(mapOf({ a: old }))][0]))
    const map = new ObservedRemoveMap(systemHash)
    const { changed } = load(map, piece)
    piece.fill(0)
    expect(say(must(changed[0]).entry)).toBe(say(old))
    expect(content(map)).toEqual([['a', say(old)]])
  })
})

describe('loadSnapshot refuses', () => {
  const A = '00000000000000aa'
  const B = '00000000000000bb'
  const limits = { keyBytesMax: 8, valueBytesMax: 8, valueDepthMax: 2, itemsMax: 3 }
  const refusal = (text: string) => {
    const map = new ObservedRemoveMap(systemHash)
    try {
      load(map, fromHex(text), { limits })
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
      expect(map.entryCount).toBe(0)
      return `${(error as DecodeError).reason}@${(error as DecodeError).offset}`
    }
    return `${map.entryCount} accepted`
  }

  test.each([
    ['(accepts no entries)', '01 00 00', '0 accepted'],
    ['(accepts a dot)', `01 01 ${A} 01 00016b 0100 00 03 0100`, '1 accepted'],
    ['(accepts the empty key)', `01 01 ${A} 01 0000 0100 00 03 0100`, '1 accepted'],
    [
      '(accepts a key that is only shared)',
      `01 01 ${A} 02 00026b6b 0100 00 03 0100 0100 0100 00 03 0100`,
      '2 accepted'
    ],
    ['nothing', '', 'truncated@0'],
    ['another format', `02 00 00`, 'unknownType@0'],
    ['more replicas than there are bytes', `01 02 ${A} 00`, 'truncated@1'],
    ['more entries than there are bytes', `01 01 ${A} 02 00016b 0100 00 03 0100`, 'truncated@10'],
    ['a key that shares more than there was', `01 01 ${A} 01 01016b 0100 00 03 0100`, 'outOfRange@11'],
    ['a key over the limit', `01 01 ${A} 01 0009 616161616161616161 0100 00 03 0100`, 'tooLong@11'],
    [
      'a key over the limit with what it shares',
      `01 01 ${A} 02 0005 6161616161 0100 00 03 0100 0404 61616161 0100 00 03 0100`,
      'accepted'
    ],
    [
      'one byte more',
      `01 01 ${A} 02 0005 6161616161 0100 00 03 0100 0504 61616161 0100 00 03 0100`,
      'tooLong@24'
    ],
    ['a key that is not UTF-8', `01 01 ${A} 01 0001ff 0100 00 03 0100`, 'badText@13'],
    ['a key that came before', `01 01 ${A} 02 00016b 0100 00 03 0100 0100 0100 00 03 0100`, 'invalid@20'],
    ['no items', `01 01 ${A} 01 00016b 0000 0000 0000`, 'invalid@16'],
    ['more items than the limit', `01 01 ${A} 01 00016b 0400 00 03 0100 00 03 0100`, 'tooLong@14'],
    ['more items than the limit together', `01 01 ${A} 01 00016b 0202 00 03 0100 00 03 0100`, 'tooLong@14'],
    ['more items than there are bytes', `01 01 ${A} 01 00016b 0300 00 03`, 'truncated@14'],
    ['a replica that is not there', `01 01 ${A} 01 00016b 0100 02 03 0100`, 'outOfRange@16'],
    ['evidence of a replica that is not there', `01 01 ${A} 01 00016b 0001 01 0300`, 'outOfRange@16'],
    ['dots out of order', `01 02 ${B} ${A} 01 00016b 0200 00 03 0100 02 03 0100`, 'notSorted@28'],
    ['two dots of one replica', `01 02 ${A} ${A} 01 00016b 0200 00 03 0100 02 03 0100`, 'notSorted@28'],
    ['a dot and evidence of one replica', `01 01 ${A} 01 00016b 0101 00 03 0100 00 03`, 'invalid@22'],
    ['a stamp below 0', `01 01 ${A} 01 00016b 0100 00 02 0100`, 'outOfRange@17'],
    [
      'a stamp beyond 2^64',
      `01 02 ${A} ${B} 01 00016b 0200 00 00 ffffffffffffffff 0100 02 03 0100`,
      'outOfRange@37'
    ],
    ['a value over the limit', `01 01 ${A} 01 00016b 0100 00 03 0948${'00'.repeat(8)}`, 'tooLong@18'],
    ['a value that is no CBOR', `01 01 ${A} 01 00016b 0100 00 03 01ff`, 'unsupported@19'],
    ['a value nested too deep', `01 01 ${A} 01 00016b 0100 00 03 0481818100`, 'tooDeep@21'],
    ['bytes after the end', `01 01 ${A} 01 00016b 0100 00 03 0100 00`, 'trailing@20']
  ])('%s', (_name, text, expected) => {
    expect(refusal(text)).toContain(expected)
  })

  test('a good entry before a bad one is not joined', () => {
    expect(refusal(`01 01 ${A} 02 00016b 0100 00 03 0100 00016c 0100 00 03 01ff`)).toBe('unsupported@28')
  })
})
