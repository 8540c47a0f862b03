import { DecodeError } from '@starling/codec'
import { systemHash } from '@starling/ports/system'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeEntry, encodeEntry, encodeSnapshot, loadSnapshot, ObservedRemoveMap } from '../src/index.ts'
import { must } from './must.ts'

// The bytes of each format as they were first written down. Until the first published version a change of a format replaces its
// file by one of the next number, and old bytes are refused; from then on every file stays and stays readable.

const read = (name: string): ReadonlyMap<string, string> =>
  new Map(Object.entries(JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8'))))
const page = (name: string) => readFileSync(join(import.meta.dirname, '../../../docs/wire', name), 'utf8')
const vectorsOf = (text: string) =>
  new Map([...text.matchAll(/^([a-z.]+) +([0-9a-f]{16,})/gm)].map(([, name = '', hex = '']) => [name, hex]))
const fromHex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
const reasonOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof DecodeError) return `${error.reason}@${error.offset}`
    throw error
  }
  return 'accepted'
}

test.each([
  ['entry-1.json', 'entry.md'],
  ['snapshot-1.json', 'snapshot.md']
])('%s holds the vectors of %s', (fixture, name) => {
  expect(read(fixture)).toEqual(vectorsOf(page(name)))
})

describe('entries of format 1', () => {
  const entries = ['one', 'both', 'removed'].map(name => must(read('entry-1.json').get(name)))

  test('are read, and written the same', () => {
    for (const hex of entries) {
      const { key, entry } = decodeEntry(fromHex(hex))
      expect(Buffer.from(encodeEntry(key, entry)).toString('hex')).toBe(hex)
    }
  })

  test.each([0, 2, 0xff])('under the number %i are refused at once', format => {
    for (const hex of entries)
      expect(reasonOf(() => decodeEntry(fromHex(hex).with(0, format)))).toBe('unknownType@0')
  })
})

describe('snapshots of format 1', () => {
  const pieces = [...read('snapshot-1.json').values()]
  const load = (piece: Uint8Array) => {
    const map = new ObservedRemoveMap(systemHash)
    loadSnapshot(map, piece, { wallMs: 2 ** 48 })
    return map
  }

  test('are read, and written the same', () => {
    for (const hex of pieces) {
      const [again] = encodeSnapshot(load(fromHex(hex)))
      expect(Buffer.from(must(again)).toString('hex')).toBe(hex)
    }
  })

  test.each([0, 2, 0xff])('under the number %i are refused at once', format => {
    for (const hex of pieces) expect(reasonOf(() => load(fromHex(hex).with(0, format)))).toBe('unknownType@0')
  })
})
