import { describe, expect, test } from 'vitest'
import { formatPlan, type Plan } from '../src/plan.ts'
import { swarmPlan } from '../src/scenarios/swarm.ts'
import { run } from './platform.ts'

/** Two nodes that can never meet: each stays alone after everything has healed. */
const apart: Plan = {
  format: 1,
  scenario: 'swarm',
  seed: 1,
  nodes: 3,
  healMs: 60_000,
  endMs: 120_000,
  contacts: [0],
  actions: [
    { atMs: 0, type: 'start', node: 0, contacts: [] },
    { atMs: 10, type: 'start', node: 1, contacts: [0] },
    { atMs: 20, type: 'start', node: 2, contacts: [] }
  ]
}

const files = (plan: Plan): { files: Map<string, string> } => ({
  files: new Map([['p.plan', formatPlan(plan)]])
})

describe('explain', () => {
  test('tells what happened last to the node that a violation names', async () => {
    const { code, out } = await run(['explain', 'p.plan'], files(apart))
    expect(code).toBe(0)
    expect(out[0]).toMatch(/^I13 connectivity: node 2 has been alone/)
    expect(out).toContain('node 2:')
    expect(out).not.toContain('node 1:')
    expect(out.join('\n')).toMatch(/20 ms: join → nothing \[\]/)
  })

  test('tells of another node when asked to, and of no more events than asked for', async () => {
    const { out } = await run(['explain', 'p.plan', '--node', '1', '--last', '2'], files(apart))
    expect(out.slice(1, 3)).toEqual(['', 'node 1:'])
    expect(out.slice(3).length).toBeLessThanOrEqual(2)
    expect(out.join('\n')).toContain('[n0]')
  })

  test('has nothing to tell of a run that keeps every promise', async () => {
    const { out } = await run(['explain', 'p.plan'], files(swarmPlan(6, 3)))
    expect(out).toEqual(['every promise holds: there is nothing to explain'])
  })

  test.each([
    [['explain', 'p.plan', '--node', '3'], /--node must be a whole number from 0 to 2, got 3/],
    [['explain', 'p.plan', '--last', 'x'], /--last must be a whole number/],
    [['explain'], /explain needs the file of a plan/]
  ])('wrong use ends with one sentence: %j', async (args, sentence) => {
    const { code, err } = await run(args, files(apart))
    expect(code).toBe(2)
    expect(err.join()).toMatch(sentence)
  })
})

describe('the corpus', () => {
  test('takes a plan in under its scenario and seed, and plays all it has', async () => {
    const machine = files(swarmPlan(6, 3))
    expect((await run(['corpus', 'add', 'p.plan'], machine)).code).toBe(0)
    expect([...machine.files.keys()]).toContain('corpus/swarm-3.plan')
    expect(await run(['corpus', 'run'], machine)).toMatchObject({ code: 0, out: ['swarm-3.plan: ok'] })
    machine.files.set('corpus/apart.plan', formatPlan(apart))
    const { code, out } = await run(['corpus', 'run'], machine)
    expect(code).toBe(1)
    expect(out[0]).toMatch(/^apart.plan: I13/)
  })

  test.each([[['corpus']], [['corpus', 'drop']], [['corpus', 'run', 'x']]])(
    'knows two verbs: %j',
    async args => {
      const { code, err } = await run(args)
      expect(code).toBe(2)
      expect(err.join()).toContain('say corpus add FILE, or corpus run')
    }
  )
})

describe('rare states', () => {
  test('that no world came to are listed, and a violation where they are required', async () => {
    const args = ['swarm', '--seeds', '1', '--nodes', '4', '--json']
    const listed = await run(args)
    expect(listed.code).toBe(0)
    expect(listed.err.join('\n')).toContain('no world came to the state in which')
    expect(listed.report.metrics['rareStatesReached']).toBeLessThan(listed.report.metrics['rareStates'] ?? 0)
    const required = await run([...args, '--states', 'required'])
    expect(required.code).toBe(1)
    expect(required.report.violations[0]).toContain('no world came to the state in which')
  })
})
