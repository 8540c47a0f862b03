import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ddmin } from '../src/ddmin.ts'
import { PlanBuilder } from '../src/plan-builder.ts'
import { formatPlan, parsePlan, type Plan } from '../src/plan.ts'
import { swarmPlan } from '../src/scenarios/swarm.ts'
import { shrink } from '../src/shrink.ts'
import { seededRandom } from '@starling/ports'
import { run } from './platform.ts'

describe('ddmin', () => {
  test('finds exactly the parts that matter, whichever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(39), { maxLength: 6 }), async needed => {
        const all = Array.from({ length: 40 }, (_, i) => i)
        const found = await ddmin(all, some => needed.every(part => some.includes(part)))
        expect([...found]).toEqual(needed.toSorted((a, b) => a - b))
      })
    )
  })

  test('leaves nothing that could be left out alone, also when parts stand in for each other', async () => {
    const all = Array.from({ length: 30 }, (_, i) => i)
    const fails = (some: readonly number[]): boolean => some.reduce((sum, part) => sum + part, 0) >= 50
    const found = await ddmin(all, fails)
    expect(fails(found)).toBe(true)
    for (const part of found) expect(fails(found.filter(other => other !== part))).toBe(false)
  })
})

/** A world with one node that knows nobody: it can only stay alone, which no checker lets pass. */
function withHermit(): Plan {
  const plan = swarmPlan(12, 3)
  const hermit = { atMs: 100, type: 'start', node: plan.nodes, contacts: [] } as const
  return { ...plan, nodes: plan.nodes + 1, actions: [hermit, ...plan.actions] }
}

describe('npm run sim -- shrink', () => {
  test('leaves of a failing run two nodes and nothing done to them, and a test that fails as it did', async () => {
    const plan = withHermit()
    expect(plan.actions.length).toBeGreaterThan(40)
    const files = new Map([['plan.json', formatPlan(plan)]])
    const { code, out, err } = await run(['shrink', 'plan.json', '--test', 'found.test.ts'], { files })
    expect(code).toBe(1)
    const small = parsePlan(out.join('\n'))
    expect(small.actions.filter(({ type }) => type === 'start')).toHaveLength(2)
    expect(small.actions).toHaveLength(2)
    expect(small.healMs).toBeLessThan(2_000)
    expect(err.map(line => line.split(' ')[1])).toEqual([
      'faults:',
      'nodes:',
      'operations:',
      'time:',
      'values:',
      'faults:'
    ])
    expect(files.get('found.test.ts')).toContain('I13 holds where swarm, seed 3, once broke it')
    files.set('small.json', formatPlan(small))
    const { report } = await run(['replay', 'small.json', '--json'], { files })
    expect(report.violations.join()).toContain('I13')
  })

  test('keeps only what breaks the same promise', async () => {
    const plan = withHermit()
    const brokenBy = (some: Plan): string | undefined => {
      const types = some.actions.map(({ type }) => type)
      if (types.includes('crash')) return 'I14'
      return types.includes('partition') ? 'I13' : undefined
    }
    const builder = new PlanBuilder('made', 1, 3, seededRandom(1))
    builder.startAll(100)
    for (let i = 0; i < 8; i++) builder.at(1_000 * i, { type: 'crash', node: i % 3 })
    builder.at(500, { type: 'partition', cut: { type: 'groups', group: [0, 1, 1] }, lastsMs: 4_000 })
    const result = await shrink(builder.build(20_000), {
      broken: brokenBy,
      goOn: () => true,
      progress: () => {}
    })
    expect(result).toMatchObject({ invariant: 'I14', stopped: false })
    expect(result?.plan.actions.map(({ type }) => type)).toEqual(['crash'])
    expect(
      await shrink({ ...plan, actions: [] }, { broken: brokenBy, goOn: () => true, progress: () => {} })
    ).toBe(undefined)
  })

  test('makes faults that are needed shorter', async () => {
    const builder = new PlanBuilder('made', 1, 3, seededRandom(1))
    builder.at(500, { type: 'loss', share: 0.2, lastsMs: 4_000 })
    const lasts = (plan: Plan): number =>
      plan.actions.reduce((sum, action) => sum + (action.type === 'loss' ? action.lastsMs : 0), 0)
    const result = await shrink(builder.build(20_000), {
      broken: plan => (lasts(plan) >= 300 ? 'I13' : undefined),
      goOn: () => true,
      progress: () => {}
    })
    expect(lasts(result?.plan as Plan)).toBe(500)
  })

  test('ends when its time is over, with what it has', async () => {
    let nowMs = 0
    const files = new Map([['plan.json', formatPlan(withHermit())]])
    const { code, out } = await run(['shrink', 'plan.json', '--minutes', '1'], {
      files,
      nowMs: () => (nowMs += 20_000)
    })
    expect(code).toBe(4)
    expect(parsePlan(out.join('\n')).nodes).toBeGreaterThan(2)
  })

  test('says so when there is nothing to shrink', async () => {
    const files = new Map([['plan.json', formatPlan(swarmPlan(6, 1))]])
    const { code, err } = await run(['shrink', 'plan.json'], { files })
    expect(code).toBe(2)
    expect(err.join()).toContain('breaks nothing')
  })
})
