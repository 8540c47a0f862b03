import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FloorClock } from '../src/clocks/floor-clock.ts'
import { deltas } from '../src/codecs/delta.ts'
import { createFloorCodec } from '../src/codecs/floor-codec.ts'
import { createJsonCodec, sameDelta } from '../src/codecs/peer-codecs.ts'
import { createStarlingCodec } from '../src/codecs/starling-codec.ts'
import { FloorReplica } from '../src/maps/floor-map.ts'

// Goal: ours is compared with code that really does the work.

describe.each([
  ['the floor', createFloorCodec()],
  ['ours', createStarlingCodec()],
  ['JSON', createJsonCodec()]
])('the delta codec of %s', (_, codec) => {
  test('gives back what it was given', () => {
    const all = deltas(500)
    const back = codec.decodeAll(codec.encodeAll(all))
    expect(all.every((delta, i) => sameDelta(delta, back[i] as (typeof all)[number]))).toBe(true)
  })

  test('also outside ASCII and at the ends of the ranges', () => {
    fc.assert(
      fc.property(
        fc.record({
          key: fc.string({ unit: 'grapheme', maxLength: 20 }),
          value: fc.record({ n: fc.nat(), s: fc.string({ unit: 'grapheme' }), b: fc.boolean() }),
          id: fc.uint8Array({ minLength: 8, maxLength: 8 }),
          wall: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
          counter: fc.integer({ min: 0, max: 65_535 })
        }),
        delta => {
          const [back] = codec.decodeAll(codec.encodeAll([delta]))
          expect(back !== undefined && sameDelta(delta, back)).toBe(true)
        }
      )
    )
  })
})

test('deltas that differ are told apart', () => {
  const [a] = deltas(1)
  if (a === undefined) throw new Error('there is one')
  expect(sameDelta(a, { ...a })).toBe(true)
  expect(sameDelta(a, { ...a, counter: a.counter + 1 })).toBe(false)
  expect(sameDelta(a, { ...a, value: { ...a.value, s: 'other' } })).toBe(false)
})

test('the clock of the floor strictly increases and exceeds what it took in', () => {
  const step = fc.record({ wallMs: fc.nat({ max: 20 }), received: fc.option(fc.nat({ max: 30 })) })
  fc.assert(
    fc.property(fc.array(step), steps => {
      const clock = new FloorClock()
      let last: readonly [number, number] = [-1, 0]
      for (const { wallMs, received } of steps) {
        if (received !== null) {
          clock.receiveAt(received, 3, wallMs)
          if (later([received, 3], last)) last = [received, 3]
        }
        const next = clock.stampAt(wallMs)
        expect(later(next, last)).toBe(true)
        last = next
      }
    })
  )
})

test('in the map of the floor the last writer wins, in any order of arrival', () => {
  const cell = fc.record({
    v: fc.record({ n: fc.nat(), s: fc.string(), b: fc.boolean() }),
    wall: fc.nat({ max: 3 }),
    counter: fc.nat({ max: 2 }),
    id: fc.constantFrom('a', 'b')
  })
  const unique = fc.uniqueArray(cell, { selector: ({ wall, counter, id }) => `${wall} ${counter} ${id}` })
  fc.assert(
    fc.property(unique, cells => {
      const forwards = new FloorReplica()
      const backwards = new FloorReplica()
      for (const each of cells) forwards.apply('key', each)
      for (const each of cells.toReversed()) backwards.apply('key', each)
      const newest = cells.toSorted((a, b) => {
        const byTime = a.wall - b.wall || a.counter - b.counter
        return byTime || (a.id < b.id ? -1 : 1)
      })
      expect(forwards.get('key')).toEqual(newest.at(-1)?.v)
      expect(backwards.get('key')).toEqual(newest.at(-1)?.v)
    })
  )
})

function later(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] !== b[0] ? a[0] > b[0] : a[1] > b[1]
}
