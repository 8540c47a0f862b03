import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  createSimulation,
  RealWorkError,
  StalledError,
  StepLimitError,
  type AsyncHost
} from '../src/index.ts'
import { play } from './async-world.ts'

const host: AsyncHost = {
  hop: () => new Promise(resolve => void setImmediate(resolve)),
  pending: () => process.getActiveResourcesInfo()
}

test('promises run under virtual time, and settle before the next event', async () => {
  const simulation = createSimulation({ seed: 1 })
  const { timers, clock } = simulation.ports('a')
  const wait = (ms: number): Promise<void> => new Promise(resolve => void timers.schedule(ms, resolve))
  const seen: string[] = []
  const result = await simulation.runAsync(async () => {
    timers.schedule(10, () => seen.push('second event of the same time'))
    await Promise.all([
      (async () => {
        await wait(5)
        for (let i = 0; i < 50; i++) await Promise.resolve()
        seen.push(`settled at ${clock.monotonicMs()}`)
      })(),
      (async () => {
        timers.schedule(5, () => seen.push('next event'))
        await wait(3_600_000)
      })()
    ])
    return simulation.nowMs
  }, host)
  expect(result).toBe(3_600_000)
  expect(seen).toEqual(['settled at 5', 'next event', 'second event of the same time'])
})

test('same seed, same trace, in this process and in another', async () => {
  const first = await play(7)
  expect(await play(7)).toBe(first)
  expect(await play(8)).not.toBe(first)
  const script = join(import.meta.dirname, 'async-world.ts')
  const output = execFileSync(
    process.execPath,
    ['--experimental-strip-types', '--no-warnings', script, '7'],
    {
      encoding: 'utf8'
    }
  )
  expect(output.trim()).toBe(first)
})

test('a program that nothing can wake, one without an end, and one that does something real fail', async () => {
  const simulation = createSimulation({ seed: 1 })
  const { timers } = simulation.ports('a')
  await expect(simulation.runAsync(() => new Promise(() => {}), host)).rejects.toThrow(StalledError)
  const forever = (): Promise<never> => {
    const again = (): void => void timers.schedule(1, again)
    again()
    return new Promise(() => {})
  }
  await expect(simulation.runAsync(forever, host, 100)).rejects.toThrow(StepLimitError)
  let stop: (() => void) | undefined
  const real = (): Promise<void> =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, 60_000)
      stop = () => clearTimeout(timer)
    })
  await expect(createSimulation({ seed: 1 }).runAsync(real, host)).rejects.toThrow(RealWorkError)
  stop?.()
  await expect(simulation.runAsync(() => Promise.reject(new Error('its own')), host)).rejects.toThrow(
    'its own'
  )
})
