import { describe, expect, test } from 'vitest'
import { median, rounded, versus } from '../src/statistics.ts'

describe('the median', () => {
  test('is the middle value, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([7])).toBe(7)
  })

  test('is not moved by one wild value', () => {
    expect(median([1, 1, 1, 1, 1e9])).toBe(1)
  })

  test('does not sort what it is given', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })

  test('of nothing is a RangeError', () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

describe('versus', () => {
  test('says how many times better ours is, whichever way is good', () => {
    expect(versus(2, 6, 'lower')).toBe(3)
    expect(versus(6, 2, 'lower')).toBeCloseTo(1 / 3)
    expect(versus(6, 2, 'higher')).toBe(3)
    expect(versus(5, 5, 'higher')).toBe(1)
  })

  test('stays a number beside nothing at all', () => {
    expect(versus(0, 0, 'lower', 1)).toBe(1)
    expect(versus(0, 5000, 'lower', 1)).toBe(5000)
    expect(versus(-20, 5000, 'lower', 1)).toBe(5000)
    expect(versus(300, 20, 'lower', 1000)).toBe(1)
  })
})

test('figures are rounded to four digits', () => {
  expect([1234567, 0.00123456, 99.999, 0].map(rounded)).toEqual([1235000, 0.001235, 100, 0])
})
