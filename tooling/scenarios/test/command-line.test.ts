import { describe, expect, test } from 'vitest'
import { SCENARIOS } from '../src/registry.ts'
import { run as runWith, type Ran } from './platform.ts'

async function run(...args: string[]): Promise<Ran> {
  return await runWith(args)
}

describe('npm run sim', () => {
  test('list names every scenario and its options', async () => {
    const { code, out } = await run('list')
    expect(code).toBe(0)
    for (const { name, options } of SCENARIOS) {
      expect(out.join('\n')).toContain(name)
      for (const option of Object.keys(options)) expect(out.join('\n')).toContain(`--${option}`)
    }
  })

  test('overlay --json ends with one line of the promised shape', async () => {
    const { code, out } = await run('overlay', '--nodes', '50', '--seed', '3', '--cycles', '3', '--json')
    expect(code).toBe(0)
    const report = JSON.parse(out.at(-1) ?? '') as Record<string, unknown>
    expect(Object.keys(report)).toEqual([
      'scenario',
      'nodes',
      'seed',
      'ok',
      'violations',
      'metrics',
      'traceHash',
      'simulatedMs',
      'wallMs'
    ])
    expect(report).toMatchObject({ scenario: 'overlay', nodes: 50, seed: 3, ok: true, violations: [] })
    expect(Object.keys(report['metrics'] as object)).toEqual(
      expect.arrayContaining([
        'components',
        'clusteringCoefficient',
        'averagePathLength',
        'fullDegreeShare',
        'minDegree',
        'asymmetricLinks',
        'joinMessagesPerNode',
        'shuffleMessagesPerNodePerCycle'
      ])
    )
    expect(report['metrics']).toMatchObject({ components: 1, asymmetricLinks: 0 })
  })

  test('the same seed gives the same report, another seed another trace', async () => {
    const report = async (seed: string): Promise<string> =>
      (await run('overlay', '--nodes', '30', '--cycles', '2', '--seed', seed, '--json')).out.at(-1) ?? ''
    expect(await report('1')).toBe(await report('1'))
    expect(JSON.parse(await report('1'))).not.toMatchObject({
      traceHash: (JSON.parse(await report('2')) as { traceHash: string }).traceHash
    })
  })

  test('without --json it prints a table with the verdict', async () => {
    const { out } = await run('overlay', '--nodes', '20', '--cycles', '1')
    expect(out[0]).toMatch(/^overlay, 20 nodes, seed 1: ok/)
    expect(out[0]).toContain('averagePathLength')
  })

  test.each([
    [[], /name a scenario/],
    [['--nodes', '5'], /name the scenario before its options/],
    [['nonsense'], /there is no scenario nonsense; there are overlay/],
    [['overlay', '--nonsense'], /--nonsense/],
    [['overlay', 'extra'], /extra/],
    [['overlay', '--nodes'], /--nodes/],
    [['overlay', '--nodes', '1'], /--nodes must be a whole number from 2 to 1000000, got 1/],
    [['overlay', '--nodes', '1e3'], /--nodes must be a whole number/],
    [['overlay', '--nodes', ''], /--nodes must be a whole number/],
    [['overlay', '--seed', '-1'], /--seed/],
    [['overlay', '--seed', 'x'], /--seed must be a whole number/],
    [['overlay', '--cycles', '0'], /--cycles must be a whole number from 1/],
    [['overlay', '--json=1'], /--json/],
    [['list', 'more'], /list takes no further arguments, got more/],
    [['overlay', '--save', 'plan.json'], /overlay has no plan to save/],
    [['overlay', '--wall-seconds-max', 'x'], /--wall-seconds-max must be a number/],
    [['partition', '--kind', 'nonsense'], /--kind must be one of halves/],
    [['replay'], /replay needs the file of a plan/],
    [['replay', 'a', 'b'], /one argument too many, b/],
    [['replay', 'nowhere.json'], /nowhere.json cannot be read: no such file/],
    [['shrink', 'nowhere.json', '--minutes', 'x'], /(nowhere.json cannot be read|--minutes must be)/]
  ])('%j is refused in one sentence with exit code 2', async (args, sentence) => {
    const { code, out, err } = await run(...args)
    expect(code).toBe(2)
    expect(out).toEqual([])
    expect(err).toHaveLength(1)
    expect(err[0]).toMatch(sentence)
    expect(err[0]).not.toContain('\n')
  })
})
