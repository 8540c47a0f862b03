import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from '../src/index.ts'

test('leaves in the order of (time, insertion), as a sorted list does', () => {
  const operation = fc.oneof(
    { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 20 }) }) },
    { weight: 2, arbitrary: fc.constant('pop' as const) }
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), operations => {
      const queue = new EventQueue<number>()
      const naive: { time: number; id: number }[] = []
      let id = 0
      for (const next of operations) {
        if (next === 'pop') {
          const least = naive.toSorted((a, b) => a.time - b.time || a.id - b.id)[0]
          expect(queue.nextTime).toBe(least?.time ?? Infinity)
          expect(queue.pop()).toBe(least?.id)
          if (least !== undefined) naive.splice(naive.indexOf(least), 1)
        } else {
          naive.push({ time: next.push, id })
          queue.push(next.push, id++)
        }
        expect(queue.size).toBe(naive.length)
      }
    }),
    { numRuns: 200 }
  )
})

test('grows past its first capacity and stays in order', () => {
  const queue = new EventQueue<number>()
  for (let i = 0; i < 10_000; i++) queue.push((i * 7919) % 1000, i)
  let last = -1
  for (let i = 0; i < 10_000; i++) {
    const time = queue.nextTime
    expect(time).toBeGreaterThanOrEqual(last)
    last = time
    queue.pop()
  }
  expect(queue.size).toBe(0)
})
