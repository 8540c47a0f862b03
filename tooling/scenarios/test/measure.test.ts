import { describe, expect, test } from 'vitest'
import { drawChart } from '../src/measure/chart.ts'
import { matrix } from '../src/measure/matrix.ts'
import { page } from '../src/measure/page.ts'
import { plots } from '../src/measure/plots.ts'
import type { Result } from '../src/measure/results.ts'
import { tables } from '../src/measure/tables.ts'
import { SCENARIOS } from '../src/registry.ts'
import { run } from './platform.ts'

function result(name: string, seed: number, metrics: Record<string, number | null>): Result {
  const report = {
    scenario: 'made',
    nodes: 1,
    seed,
    ok: true,
    violations: [],
    metrics,
    traceHash: '0',
    simulatedMs: 0,
    wallMs: 0
  }
  return { name, args: [], report }
}

describe('what is measured', () => {
  test('is asked of scenarios as they are, each run once, the first seed of everything before the second of any', async () => {
    const all = matrix()
    const commands = all.map(({ args }) => args.join(' '))
    expect(new Set(commands).size).toBe(commands.length)
    const seeds = all.map(({ args }) => Number(args[4]))
    expect(seeds).toEqual(seeds.toSorted((a, b) => a - b))
    for (const { args } of all) {
      const scenario = SCENARIOS.find(({ name }) => name === args[0])
      expect(Object.keys(scenario?.options ?? {})).toEqual(
        expect.arrayContaining(args.filter(arg => /^--(?!nodes|seed)/.test(arg)).map(arg => arg.slice(2)))
      )
    }
    expect((await run(['overlay', '--nodes', '10', '--cycles', '1', '--curve', 'yes', '--json'])).code).toBe(
      0
    )
  })

  test('is what the page shows: every row of its tables has runs', () => {
    const names = new Set(matrix().map(({ name }) => name))
    const missing = tables()
      .flatMap(({ rows }) => rows.map(({ name }) => name))
      .filter(name => !names.has(name))
    // Fewer failures are tried at 10,000 nodes.
    expect(missing).toEqual(['failures 0.1 n=10000', 'failures 0.3 n=10000'])
  })
})

describe('the page', () => {
  const results = [
    result('overlay n=10000 50 cycles', 1, {
      clusteringCoefficient: 0.0002,
      minDegree: 5,
      averagePathLength: 6.5
    }),
    result('overlay n=10000 50 cycles', 2, {
      clusteringCoefficient: 0.0004,
      minDegree: 5,
      averagePathLength: 6.5
    }),
    result('failures 0.8 n=1000', 1, { fullDeliveryIndex: null, firstMessageReach: 1 }),
    { ...result('swarm', 1, { seeds: 7, seedsFailed: 1, crashFaults: 3 }) }
  ]

  test('shows means and extremes, marks what misses its goal, and keeps what is written by hand', () => {
    const text = page(results, 'old tables\n\n## What the figures say\n\nMuch.\n')
    expect(text).toContain('| 10000 nodes, 50 cycles (2) | 0.00030 (0.00020 to 0.00040) | **6.500** |')
    expect(text).toContain('| goal | ≤ 0.0005 | ≤ 6.4 | ≥ 0.995 | ≥ 4 |')
    expect(text).toContain('| iroh-gossip | 0.0650 | 12.9 |')
    expect(text).toMatch(/80 % of 1000 \(1\) \| 1\.0000 \| never/)
    expect(text).toContain('7 random worlds')
    expect(text).not.toContain('old tables')
    expect(text.trimEnd().endsWith('## What the figures say\n\nMuch.')).toBe(true)
    expect(page(results, '').trimEnd().endsWith('## What the figures say')).toBe(true)
  })

  test('has a figure for each curve, well-formed and with a legend', () => {
    const drawn = plots([
      result('broadcast one n=100', 1, { deliveryMsP50: 60, deliveryMsP100: 120 }),
      result('eclipse 0.1 n=200', 1, { activeShareAt1: 0.1, activeShareAt2: 0.2 })
    ])
    expect(drawn.map(([name]) => name)).toEqual([
      'overlay/degree.svg',
      'overlay/delivery.svg',
      'overlay/recovery.svg',
      'overlay/eclipse.svg'
    ])
    for (const [, svg] of drawn) {
      expect(svg).toMatch(/^<svg [^>]*>\n[\s\S]*<\/svg>\n$/)
      expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    }
    expect(drawn[1]?.[1]).toContain('n = 100')
  })

  test('escapes what a legend says, and draws bars beside each other', () => {
    const svg = drawChart({
      title: 'a < b & c',
      x: 'x',
      y: 'y',
      bars: true,
      series: [
        { name: 'one', points: [[0, 1]] },
        { name: 'two', points: [[0, 0.5]] }
      ]
    })
    expect(svg).toContain('a &lt; b &amp; c')
    expect(svg.match(/<rect /g)).toHaveLength(1 + 2 + 2)
  })
})
