import {
  decodeEntry,
  encodeEntry,
  hasLiveDot,
  isDot,
  joinEntries,
  type Entry,
  type Item
} from '@starling/ormap'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splitEntry } from '../src/split-entry.ts'
import { runs } from './support/runs.ts'
import { bytes } from './support/world.ts'

const replicaAt = (index: number): string => (index + 1).toString(16).padStart(16, '0')

/** An entry with these values, `undefined` being evidence. */
function entryOf(values: readonly (string | undefined)[]): Entry {
  const items = values.map((value, i): Item => ({
    replica: replicaAt(i),
    stamp: BigInt(i + 1),
    value: value === undefined ? undefined : bytes(value)
  }))
  return { items }
}

describe('splitEntry', () => {
  test('parts are within the limit, join to the whole, and bring dots before evidence', () => {
    const text = fc.string({ minLength: 20, maxLength: 60 }).filter(value => value.isWellFormed())
    const values = fc.array(fc.option(text, { nil: undefined, freq: 2 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(values, fc.integer({ min: 330, max: 800 }), (list, bytesMax) => {
        const entry = entryOf(list)
        const parts = splitEntry('key', entry, bytesMax) ?? []
        expect(parts.length).toBeGreaterThan(0)
        expect(Math.max(...parts.map(part => part.length))).toBeLessThanOrEqual(bytesMax)
        const decoded = parts.map(part => decodeEntry(part).entry)
        expect(decoded.reduce((a, b) => joinEntries(a, b))).toEqual(entry)
        if (decoded.length === 1) return
        const live = decoded.map(hasLiveDot)
        expect(live).toEqual([...live].sort((a, b) => Number(b) - Number(a)))
        for (const part of decoded) expect(new Set(part.items.map(isDot)).size).toBe(1)
      }),
      runs(200)
    )
  })

  test('the dots of a long entry are in its first parts, whatever the order of the replica ids', () => {
    const entry = entryOf(Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? undefined : 'v'.repeat(40))))
    const parts = splitEntry('key', entry, 400) ?? []
    const live = parts.map(part => hasLiveDot(decodeEntry(part).entry))
    expect(live.indexOf(false)).toBe(live.lastIndexOf(true) + 1)
    expect(live[0]).toBe(true)
    expect(live.at(-1)).toBe(false)
  })

  test('an entry that fits is one part, and the same bytes', () => {
    const entry = entryOf(['a', undefined, 'b'])
    expect(splitEntry('key', entry, 1000)).toEqual([encodeEntry('key', entry)])
  })

  test('more items than a receiver takes in one entry are split too', () => {
    const entry = entryOf(Array.from({ length: 2500 }, (_, i) => (i === 0 ? 'v' : undefined)))
    const parts = splitEntry('key', entry, 1 << 20) ?? []
    expect(parts).toHaveLength(4)
    expect(parts.map(part => decodeEntry(part).entry).reduce((a, b) => joinEntries(a, b))).toEqual(entry)
  })

  test('an item that fits nowhere is not sent in halves', () => {
    expect(splitEntry('key', entryOf(['v'.repeat(500)]), 400)).toBeUndefined()
  })
})
