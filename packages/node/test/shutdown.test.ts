import { expect, test } from 'vitest'
import { Shutdown } from '../src/shutdown.ts'

// Goal: whatever time it is given, a step gets at most that, and never less because a timer cannot count so far.

test.each([
  [Infinity, 2 ** 31 - 1],
  [2 ** 40, 2 ** 31 - 1],
  [1000, 1000],
  [0, 0],
  [-5, 0],
  [Number.NaN, 0]
])('of %d ms for a step the timer gets %d', async (stepTimeoutMs, expected) => {
  const delays: number[] = []
  const shutdown = new Shutdown({
    schedule(delayMs) {
      delays.push(delayMs)
      return { cancel() {} }
    }
  })
  shutdown.defer('part', async () => {
    await Promise.resolve()
  })
  expect(await shutdown.run(stepTimeoutMs)).toEqual([])
  expect(delays).toEqual([expected])
})
