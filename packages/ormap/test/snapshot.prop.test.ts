import { DecodeError } from '@starling/codec'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeSnapshot, joinEntries, loadSnapshot, ObservedRemoveMap, type Entry } from '../src/index.ts'
import { arbitraryEntry, say } from './entries.ts'
import { mutate } from './mutate.ts'
import { runs } from './runs.ts'

const key = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom(
    '',
    '__proto__',
    '\ufeff',
    'path/to/a',
    'path/to/b',
    `${'x'.repeat(70)}a`,
    `${'x'.repeat(70)}b`
  )
)
const state = fc.array(fc.tuple(key, arbitraryEntry), { maxLength: 8 })
const mapOf = (entries: readonly (readonly [string, Entry])[]) => {
  const map = new ObservedRemoveMap(systemHash)
  for (const [name, entry] of entries) map.join(name, entry)
  return map
}
const content = (map: ObservedRemoveMap) =>
  Array.from(map.allEntries(), ([name, entry]) => `${name} ${say(entry)}`).toSorted()

test('pieces that arrive in any order, and twice, give the merge with what is there', () => {
  fc.assert(
    fc.property(
      state,
      state,
      fc.integer({ min: 1, max: 80 }),
      fc.boolean(),
      (mine, other, bytesTarget, reverse) => {
        const sender = mapOf(other)
        const pieces = [...encodeSnapshot(sender, { bytesTarget })]
        const map = mapOf(mine)
        const model = new Map<string, Entry>(map.allEntries())
        for (const [name, entry] of sender.allEntries()) model.set(name, joinEntries(model.get(name), entry))
        let changed = 0
        for (const piece of [...(reverse ? pieces.toReversed() : pieces), ...pieces]) {
          const result = loadSnapshot(map, piece, { wallMs: 0 })
          expect(result.rejected).toEqual([])
          changed += result.changed.length
        }
        expect(content(map)).toEqual([...model].map(([name, entry]) => `${name} ${say(entry)}`).toSorted())
        expect(map.root.equals(mapOf([...model]).root)).toBe(true)
        const before = new Map(mapOf(mine).allEntries())
        const different = [...model].filter(([name, entry]) => {
          const known = before.get(name)
          return known === undefined || say(known) !== say(entry)
        })
        expect(changed).toBe(different.length)
      }
    ),
    runs(10_000)
  )
})

test('any bytes are a piece that loads the same again from its own encoding, or a DecodeError that leaves the map alone', () => {
  const piece = state
    .filter(entries => entries.length > 0)
    .map(entries => [...encodeSnapshot(mapOf(entries))][0] ?? new Uint8Array())
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(fc.oneof(mutate(piece), mutate(piece), fc.uint8Array({ maxLength: 40 })), bytes => {
      const map = new ObservedRemoveMap(systemHash)
      try {
        loadSnapshot(map, bytes, { wallMs: 2 ** 48 })
        const again = new ObservedRemoveMap(systemHash)
        for (const each of encodeSnapshot(map)) loadSnapshot(again, each, { wallMs: 2 ** 48 })
        expect(content(again)).toEqual(content(map))
        accepted++
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        expect(map.entryCount).toBe(0)
        refused++
      }
    }),
    runs(20_000)
  )
  expect(accepted).toBeGreaterThan(1000)
  expect(refused).toBeGreaterThan(1000)
})
