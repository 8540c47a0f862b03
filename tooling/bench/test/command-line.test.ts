import { describe, expect, test } from 'vitest'
import { runCommandLine } from '../src/command-line.ts'
import { SUITES } from '../src/registry.ts'
import { measurement, type Metric, type Suite, type SuiteContext } from '../src/suite.ts'

const metric: Metric = { case: 'spin', metric: 'ns', unit: 'ns', better: 'lower', about: 'turning once' }

function suite(run: Suite['run'], name = 'spinning'): Suite {
  return { name, about: 'things that spin', references: ['floor', 'top', 'wheel'], metrics: [metric], run }
}

const spinning = suite(async function* (context: SuiteContext) {
  context.progress('spin')
  const figures = new Map([['starling', 2]])
  for (const [name, figure] of [
    ['floor', 1],
    ['top', 4]
  ] as const) {
    if (context.wants(name)) figures.set(name, figure)
  }
  if (context.wants('wheel')) context.missing('wheel', 'it is not round')
  yield measurement(metric, figures)
})

async function run(args: string[], suites: readonly Suite[] = [spinning]) {
  const out: string[] = []
  const err: string[] = []
  const code = await runCommandLine(args, suites, {
    out: line => out.push(line),
    err: line => err.push(line)
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

describe('the command line', () => {
  test('prints lines of JSON and nothing else on standard output', async () => {
    const { code, out, err } = await run(['spinning', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({
      suite: 'spinning',
      case: 'spin',
      metric: 'ns',
      unit: 'ns',
      value: 2,
      better: 'lower',
      reference: { floor: 1, top: 4 },
      versus: { floor: 0.5, top: 2 },
      missing: { wheel: 'it is not round' }
    })
    expect(err).toBe('spinning: spin\nspinning: wheel cannot be measured: it is not round')
  })

  test('prints a table for people', async () => {
    const { out } = await run([])
    expect(out).toContain('spin')
    expect(out).toContain('4 ns (2x)')
    expect(out).toContain('wheel is missing: it is not round')
  })

  test('compares with the peers that were asked for, and always with the floor', async () => {
    const { out } = await run(['--json', '--against', 'top'])
    expect(JSON.parse(out)).toMatchObject({ reference: { floor: 1, top: 4 } })
    expect(JSON.parse(out)).not.toHaveProperty('missing')
    expect(JSON.parse((await run(['--json', '--against', 'floor'])).out).reference).toEqual({ floor: 1 })
  })

  test('runs the suites that were named, each once', async () => {
    const other = suite(spinning.run, 'turning')
    const { out } = await run(['turning', 'turning', '--json'], [spinning, other])
    expect(out.split('\n').map(line => JSON.parse(line).suite)).toEqual(['turning'])
    expect((await run(['--json'], [spinning, other])).out.split('\n')).toHaveLength(2)
  })

  test.each([
    [['speed'], 'There is no suite speed; there are spinning; usage:'],
    [['--against', 'nobody'], 'There is no peer nobody in these suites; there are floor, top, wheel; usage:'],
    [['--fast'], "Unknown option '--fast'"]
  ])('refuses %o with one sentence and exit code 2', async (args, sentence) => {
    const { code, out, err } = await run(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(sentence)
    expect(err.split('\n')).toHaveLength(1)
  })

  test('ends with exit code 1 when ours cannot be measured, and says why', async () => {
    const broken = suite(async function* () {
      yield await Promise.reject(new Error('ours is broken'))
    })
    const { code, err } = await run([], [broken])
    expect(code).toBe(1)
    expect(err).toContain('ours is broken')
  })

  test('lists every suite with its cases', async () => {
    const { code, out } = await run(['--list'], SUITES)
    expect(code).toBe(0)
    for (const { name, metrics } of SUITES) {
      expect(out).toContain(`${name}: `)
      for (const each of metrics) expect(out).toContain(`${each.case} [${each.metric}]`)
    }
  })
})

test('every suite compares with the floor first, and names each figure once', () => {
  for (const { name, references, metrics } of SUITES) {
    // What reconciliation is compared with is recorded figures: its floor is not to do it.
    expect(references[0]).toBe(name === 'reconcile' ? 'negentropy' : 'floor')
    const names = metrics.map(each => `${each.case} ${each.metric}`)
    expect(names).toEqual([...new Set(names)])
  }
})
