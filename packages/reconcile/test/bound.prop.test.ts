import { ByteReader, ByteWriter, compareBytes, DecodeError } from '@starling/codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  boundBetween,
  compareBounds,
  INFINITY_BOUND,
  readBound,
  START_BOUND,
  writeBound,
  type Bound
} from '../src/index.ts'
import { item } from './items.ts'
import { keyOf } from './naive-set.ts'
import { runs } from './runs.ts'

const key = item.map(keyOf)
const trimmed = (bytes: Uint8Array) => bytes.slice(0, bytes.findLastIndex(byte => byte !== 0) + 1)
const bound: fc.Arbitrary<Bound> = fc.oneof(
  { arbitrary: fc.tuple(key, fc.nat(40)).map(([bytes, end]) => trimmed(bytes.subarray(0, end))), weight: 9 },
  { arbitrary: fc.constantFrom(START_BOUND, INFINITY_BOUND), weight: 1 }
)
const ascending = fc
  .array(bound, { maxLength: 12 })
  .map(list =>
    [...new Map(list.map(each => [Buffer.from(each).toString('hex'), each])).values()].sort(compareBounds)
  )

const read = (bytes: Uint8Array, previous: Bound) => {
  const reader = new ByteReader(bytes)
  const bound = readBound(reader, previous)
  reader.end()
  return bound
}

describe('bounds', () => {
  test('one between two keys is above the lower, not above the higher, and no shorter one is', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        fc.pre(compareBytes(a, b) !== 0)
        const [low, high] = compareBytes(a, b) < 0 ? [a, b] : [b, a]
        const between = boundBetween(low, high)
        expect(compareBytes(low, between)).toBeLessThan(0)
        expect(compareBytes(between, high)).toBeLessThanOrEqual(0)
        expect(compareBytes(low, high.subarray(0, between.length - 1))).toBeGreaterThan(0)
        expect(between.at(-1)).not.toBe(0)
      }),
      runs(10_000)
    )
  })

  test('a list in order comes back, and a bound not above the one before it is not written', () => {
    fc.assert(
      fc.property(ascending, bounds => {
        const list = bounds.filter(each => each.length > 0)
        const writer = new ByteWriter()
        list.forEach((each, i) => writeBound(writer, each, list[i - 1] ?? START_BOUND))
        const reader = new ByteReader(writer.finish())
        let previous = START_BOUND
        for (const each of list) {
          const found = readBound(reader, previous)
          expect(found).toEqual(each)
          previous = found
        }
        reader.end()
        for (const each of list) {
          expect(() => writeBound(new ByteWriter(), each, list.at(-1) as Bound)).toThrow(RangeError)
        }
      }),
      runs(10_000)
    )
  })

  test('any bytes are a bound above the one before, written back as they came, or a DecodeError', () => {
    const head = fc.tuple(fc.nat(15), fc.nat(15)).map(([shared, more]) => (shared << 4) | more)
    const bytes = fc.tuple(head, fc.uint8Array({ maxLength: 44 })).map(([first, rest]) => [first, ...rest])
    const cut = fc.tuple(bytes, fc.boolean()).map(([list, exact]) => {
      // Mostly as long as the first byte says, so that what lies behind the length check is reached.
      const length = exact && list.length > 0 ? 1 + ((list[0] as number) & 15) : list.length
      return Uint8Array.from(list.slice(0, length))
    })
    fc.assert(
      fc.property(cut, bound, (bytes, previous) => {
        try {
          const found = read(bytes, previous)
          expect(compareBounds(previous, found)).toBeLessThan(0)
          expect(found.length <= 40 || found === INFINITY_BOUND).toBe(true)
          const writer = new ByteWriter()
          writeBound(writer, found, previous)
          expect(writer.finish()).toEqual(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      runs(20_000)
    )
  })

  test('by example', () => {
    const previous = Uint8Array.of(1, 2, 3)
    expect(read(Uint8Array.of(0), START_BOUND)).toBe(INFINITY_BOUND)
    expect(read(Uint8Array.of(0x21, 4), previous)).toEqual(Uint8Array.of(1, 2, 4))
    expect(read(Uint8Array.of(0x31, 1), previous)).toEqual(Uint8Array.of(1, 2, 3, 1))
    const reason = (bytes: number[], before: Bound = previous) => {
      try {
        read(Uint8Array.from(bytes), before)
        return 'none'
      } catch (error) {
        return (error as DecodeError).reason
      }
    }
    expect(reason([0x21, 3])).toBe('notShortest')
    expect(reason([0x22, 4, 0])).toBe('notShortest')
    expect(reason([0x21, 2])).toBe('notSorted')
    expect(reason([0x20])).toBe('notSorted')
    expect(reason([0x41, 9])).toBe('outOfRange')
    expect(reason([0x31])).toBe('truncated')
    expect(reason([])).toBe('truncated')
    expect(reason([0x21, 4, 4])).toBe('trailing')
    expect(reason([0x0f, 26, ...new Uint8Array(41).fill(9)], START_BOUND)).toBe('tooLong')
    expect(reason([0], INFINITY_BOUND)).toBe('notSorted')
  })
})
