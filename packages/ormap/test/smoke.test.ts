import { encodeValue } from '@starling/codec'
import { systemHash } from '@starling/ports/system'
import { expect, test } from 'vitest'
import {
  encodeEntry,
  encodeWithRows,
  ingest,
  itemHash,
  encodeLive,
  encodeEvidence,
  decodeRows,
  decodeEntry,
  ObservedRemoveMap,
  putEntry,
  removeEntry
} from '../src/index.ts'

test('a write, its encoding, and its way into another map', () => {
  const here = new ObservedRemoveMap(systemHash)
  const there = new ObservedRemoveMap(systemHash)
  const first = putEntry(undefined, '00000000000000aa', 1n, encodeValue(true))
  const second = putEntry(first, '00000000000000bb', 2n, encodeValue({ on: false }), 99)
  const third = removeEntry(second, '00000000000000aa', 3n)
  for (const entry of [first, second, third]) {
    here.join('flag', entry)
    const { changed, rejected } = ingest(there, [encodeEntry('flag', entry)], { wallMs: 1 })
    expect(rejected).toEqual([])
    for (const { key, joined } of changed) there.join(key, joined)
    expect(there.get('flag')).toEqual(here.get('flag'))
    expect(there.root.equals(here.root)).toBe(true)
    const rows = encodeWithRows('flag', entry, systemHash)
    expect(rows.live?.hash).toEqual(encodeLive('flag', entry, systemHash)?.hash)
    expect(rows.live?.hash).toEqual(rows.live && itemHash('flag', rows.live.bytes, systemHash))
    expect(rows.evidence).toEqual(encodeEvidence('flag', entry, systemHash))
    expect(decodeRows(rows.live?.bytes, rows.evidence?.bytes)).toEqual(entry)
    expect(decodeEntry(rows.wire)).toEqual({ key: 'flag', entry })
  }
  expect([here.size, here.entryCount, here.root.count]).toEqual([0, 1, 0])
})
