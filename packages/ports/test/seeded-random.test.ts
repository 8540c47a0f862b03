import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pick, sample, seededRandom } from '../src/index.ts'

describe('seededRandom', () => {
  test('repeats for equal seeds and parts for different ones', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 8 },
        (
          r => () =>
            r.uint32()
        )(seededRandom(seed))
      )
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
  })

  test('a fork depends on seed and label, never on the draws made before', () => {
    const fresh = seededRandom(7)
    const used = seededRandom(7)
    used.bytes(100)
    expect(used.fork('net').uint32()).toBe(fresh.fork('net').uint32())
    expect(fresh.fork('net').uint32()).not.toBe(fresh.fork('disk').uint32())
  })

  test('below stays in range and reaches every value of a small range', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
        const value = seededRandom(seed).below(bound)
        return Number.isInteger(value) && value >= 0 && value < bound
      })
    )
    const random = seededRandom(3)
    expect(new Set(Array.from({ length: 200 }, () => random.below(5)))).toEqual(new Set([0, 1, 2, 3, 4]))
  })

  test.each([0, -1, 1.5, Number.NaN, 2 ** 32 + 1])('below refuses the bound %s', bound => {
    expect(() => seededRandom(1).below(bound)).toThrow(RangeError)
  })

  test('float is in [0, 1) with a mean near one half', () => {
    const random = seededRandom(9)
    const values = Array.from({ length: 10_000 }, () => random.float())
    expect(values.every(v => v >= 0 && v < 1)).toBe(true)
    expect(values.reduce((a, b) => a + b) / values.length).toBeCloseTo(0.5, 1)
  })
})

describe('sample and pick', () => {
  test('a sample holds distinct members, at most as many as there are, and leaves the list alone', () => {
    fc.assert(
      fc.property(fc.integer(), fc.uniqueArray(fc.nat()), fc.nat({ max: 20 }), (seed, list, count) => {
        const before = list.slice()
        const chosen = sample(seededRandom(seed), list, count)
        expect(chosen).toHaveLength(Math.min(count, list.length))
        expect(new Set(chosen).size).toBe(chosen.length)
        expect(chosen.every(item => list.includes(item))).toBe(true)
        expect(list).toEqual(before)
      })
    )
  })

  test('pick of nothing is undefined', () => {
    expect(pick(seededRandom(1), [])).toBeUndefined()
  })
})
