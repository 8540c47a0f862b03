import { stampOf } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import { describe, expect, test } from 'vitest'
import { encodeEntry, ingest, ObservedRemoveMap, type Entry, type Item } from '../src/index.ts'
import { entryOf, id, item, say } from './entries.ts'
import { must } from './must.ts'

const NOW = 1_000_000
const dot = (digit: string, wallMs: number, value = 0): Item => ({
  replica: id(digit),
  stamp: stampOf(wallMs),
  value: Uint8Array.of(value)
})
const options = { wallMs: NOW, driftMsMax: 1000 }

describe('ingest', () => {
  test('says what changed, counts what did not, and leaves the state alone', () => {
    const map = new ObservedRemoveMap(systemHash)
    const known = entryOf(dot('a', NOW))
    map.join('k', known)
    const result = ingest(
      map,
      [encodeEntry('k', known), encodeEntry('k', entryOf(dot('b', NOW - 5)))],
      options
    )
    expect(result.unchanged).toBe(1)
    expect(result.rejected).toEqual([])
    expect(result.changed).toEqual([
      {
        key: 'k',
        received: entryOf(dot('b', NOW - 5)),
        wire: encodeEntry('k', entryOf(dot('b', NOW - 5))),
        joined: entryOf(dot('a', NOW), dot('b', NOW - 5)),
        clashes: 0
      }
    ])
    expect(result.greatestStamp).toBe(stampOf(NOW))
    expect(map.get('k')).toEqual(known)
  })

  test('names the keys of which more is here than came', () => {
    const held = new Map([
      ['equal', entryOf(dot('a', NOW))],
      ['older', entryOf(dot('a', NOW))],
      ['more', entryOf(dot('a', NOW), item('b', 1))],
      ['less', entryOf(dot('a', NOW))]
    ])
    const { behind } = ingest(
      held,
      [
        encodeEntry('equal', entryOf(dot('a', NOW))),
        encodeEntry('older', entryOf(dot('a', NOW - 1))),
        encodeEntry('more', entryOf(dot('a', NOW))),
        encodeEntry('less', entryOf(dot('a', NOW), dot('c', NOW))),
        encodeEntry('new', entryOf(dot('a', NOW)))
      ],
      options
    )
    expect(behind).toEqual(['older', 'more'])
  })

  test('later entries of a call are joined on top of earlier ones', () => {
    const entries = [
      entryOf(dot('a', NOW)),
      entryOf(dot('b', NOW)),
      entryOf(dot('a', NOW)),
      entryOf(dot('a', NOW, 7))
    ]
    const { changed, unchanged } = ingest(
      new Map<string, Entry>(),
      entries.map(entry => encodeEntry('k', entry)),
      options
    )
    expect(changed.map(({ joined }) => joined.items.length)).toEqual([1, 2, 2])
    expect(changed.map(({ clashes }) => clashes)).toEqual([0, 0, 1])
    expect(unchanged).toBe(1)
  })

  test('refuses an entry whole when one stamp is too far ahead, live or not, and takes the others', () => {
    const ahead = entryOf(dot('a', NOW), { replica: id('b'), stamp: stampOf(NOW + 1001), value: undefined })
    const atBound = entryOf(dot('a', NOW + 1000))
    const result = ingest(new Map(), [encodeEntry('bad', ahead), encodeEntry('good', atBound)], options)
    expect(result.rejected).toEqual([{ reason: 'future', key: 'bad', aheadMs: 1001 }])
    expect(result.changed.map(({ key }) => key)).toEqual(['good'])
    expect(result.greatestStamp).toBe(stampOf(NOW + 1000))
  })

  test('one bad entry in a thousand: 999 taken, one named', () => {
    const entries = Array.from({ length: 1000 }, (_, i) => encodeEntry(`k${i}`, entryOf(item('a', 1, i))))
    entries[500] = must(entries[500]).slice(0, -1)
    const result = ingest(new Map(), entries, options)
    expect(result.changed).toHaveLength(999)
    expect(result.rejected).toEqual([{ reason: 'malformed', key: 'k500', detail: 'truncated', offset: 28 }])
  })

  test('a rejection names the key when that much could be read', () => {
    const badKey = Uint8Array.of(1, 1, 0xff)
    const otherFormat = Uint8Array.of(9, 1, 0x6b)
    const { rejected } = ingest(new Map(), [badKey, otherFormat, new Uint8Array()], options)
    expect(rejected.map(({ reason, key }) => [reason, key])).toEqual(
      rejected.map(() => ['malformed', undefined])
    )
    expect(rejected).toHaveLength(3)
  })

  test('keys named like members of objects are data', () => {
    const keys = ['__proto__', 'constructor', 'toString', '']
    const map = new ObservedRemoveMap(systemHash)
    const { changed } = ingest(
      map,
      keys.map(key => encodeEntry(key, entryOf(item('a', 1, 1)))),
      options
    )
    for (const { key, joined } of changed) map.join(key, joined)
    expect([...map.entries()].map(([key]) => key)).toEqual(keys)
    expect(say(map.get('__proto__') as Entry)).toBe('a@1=01')
  })

  test('accepts within its own limits only', () => {
    const limits = { keyBytesMax: 1, valueBytesMax: 1, valueDepthMax: 0, itemsMax: 1 }
    const entries = [
      encodeEntry('k', entryOf(item('a', 1, 1))),
      encodeEntry('kk', entryOf(item('a', 1, 1))),
      encodeEntry('k', entryOf(item('a', 1, 300))),
      encodeEntry('k', entryOf(item('a', 1, 1), item('b', 1, 1)))
    ]
    const result = ingest(new Map(), entries, { wallMs: NOW, limits })
    expect(result.changed).toHaveLength(1)
    expect(result.rejected.map(each => each.reason === 'malformed' && each.detail)).toEqual(
      Array(3).fill('tooLong')
    )
  })

  test('a wall time that is no time is the caller’s mistake', () => {
    expect(() => ingest(new Map(), [], { wallMs: Number.NaN })).toThrow(RangeError)
  })
})
