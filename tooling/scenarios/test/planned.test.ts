import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CUT_KINDS } from '../src/cut.ts'
import { FAULT_TYPES, isFault } from '../src/plan.ts'
import { play } from '../src/play.ts'
import { swarmPlan } from '../src/scenarios/swarm.ts'
import { run } from './platform.ts'

const SEEDS = Number(process.env['STARLING_SIM_SEEDS'] ?? 30)

/** For machines that have more to do than this. */
const SLOW_MS = Math.max(120_000, SEEDS * 5_000)

describe('the churn scenario', () => {
  test(
    'whoever stays connected hears every broadcast, while half of the nodes goes each minute and after',
    async () => {
      const { report } = await run(['churn', '--nodes', '40', '--minutes', '3', '--rate', '0.5', '--json'])
      expect(report.violations).toEqual([])
      expect(report.metrics['reachWhileConnected']).toBe(1)
      expect(report.metrics['crashFaults']).toBeGreaterThan(20)
      expect(report.metrics['leaveFaults']).toBeGreaterThan(5)
      expect(report.metrics['missedAfterHeal']).toBe(0)
    },
    SLOW_MS
  )
})

describe('the partition scenario', () => {
  test.each(CUT_KINDS)(
    '%s: nobody gets a broadcast twice, and whoever is connected afterwards hears it',
    async kind => {
      const { report } = await run(['partition', '--nodes', '40', '--kind', kind, '--lasts', '60', '--json'])
      expect(report.violations).toEqual([])
      expect(report.metrics['missedAfterHeal']).toBe(0)
      expect(report.metrics['partitionFaults']).toBeGreaterThan(0)
    },
    SLOW_MS
  )
})

describe('the swarm', () => {
  test(
    `keeps every promise whatever it draws (${SEEDS} seeds)`,
    async () => {
      const { report } = await run(['swarm', '--seeds', String(SEEDS), '--nodes', '30', '--json'])
      expect(report.violations).toEqual([])
      for (const type of FAULT_TYPES) expect(report.metrics[`${type}Faults`], type).toBeGreaterThan(0)
    },
    SLOW_MS
  )

  test('draws some kinds of faults for a seed and leaves others out', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const kinds = new Set(swarmPlan(30, seed).actions.map(({ type }) => type))
      const faults = FAULT_TYPES.filter(type => kinds.has(type))
      expect(faults.length, `seed ${seed}`).toBeLessThan(FAULT_TYPES.length)
    }
  })

  test('begins no fault after the moment from which there are none', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { actions, healMs } = swarmPlan(30, seed)
      const late = actions.filter(action => isFault(action) && action.atMs >= healMs)
      expect(late, `seed ${seed}`).toEqual([])
    }
  })

  test('stops when its minutes are over', async () => {
    let nowMs = 0
    const { report } = await run(['swarm', '--seeds', '50', '--minutes', '1', '--nodes', '4', '--json'], {
      nowMs: () => (nowMs += 20_000)
    })
    expect(report.metrics['seeds']).toBe(2)
  })
})

describe('a planned run', () => {
  const args = ['swarm', '--seed', '7', '--seeds', '1', '--nodes', '12']

  test('can be saved and replayed: the same trace', async () => {
    const files = new Map<string, string>()
    await run([...args, '--save', 'plan.json', '--json'], { files })
    const replayed = (await run(['replay', 'plan.json', '--json'], { files })).report
    expect(replayed.traceHash).toBe(play(swarmPlan(12, 7)).traceHash)
    expect(replayed).toMatchObject({ scenario: 'swarm', seed: 7 })
    expect((await run(['replay', 'plan.json'], { files })).out[0]).toContain('swarm, ')
  })

  test.each([
    ['{}', /"format" is not 1/],
    ['nonsense', /cannot be read/],
    ['{"format":1}', /"seed" is not a number/],
    ['{"format":1,"seed":1,"nodes":2,"healMs":1,"endMs":2}', /"contacts" is not a list/],
    ['{"format":1,"seed":1,"nodes":2,"healMs":1,"endMs":2,"contacts":[]}', /"actions" is not a list/]
  ])('what is no plan is refused in one sentence: %s', async (text, sentence) => {
    const { code, err } = await run(['replay', 'plan.json'], { files: new Map([['plan.json', text]]) })
    expect(code).toBe(2)
    expect(err.join()).toMatch(sentence)
  })

  test('I22: gives the same trace again, here and in another process', async () => {
    const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
    const asked: (readonly string[])[] = []
    const { code, report } = await run([...args, '--twice', '--json'], {
      elsewhere: again => {
        asked.push(again)
        return execFileSync(process.execPath, [main, ...again], { encoding: 'utf8' }).trim()
      }
    })
    expect(code).toBe(0)
    expect(asked).toEqual([[...args, '--json']])
    expect(report.traceHash).toMatch(/^[0-9a-f]{8}$/)
  })

  test('ends with 3 when another process gives another trace, and with 4 beyond its time', async () => {
    const other = await run([...args, '--twice'], { elsewhere: () => '{"traceHash":"0"}' })
    expect(other.code).toBe(3)
    expect(other.err.join()).toContain('and then 0 in another process')
    let nowMs = 0
    const slow = await run([...args, '--wall-seconds-max', '5'], { nowMs: () => (nowMs += 10_000) })
    expect(slow.code).toBe(4)
    expect(slow.err.join()).toContain('more than the 5 s allowed')
  })
})
