import { describe, expect, test } from 'vitest'
import {
  checkAnswered,
  checkConvergence,
  checkErrors,
  checkInvented,
  checkLost,
  checkResurrection,
  checkStamps,
  checkTold
} from '../src/checkers/replicas.ts'
import { drawClusterPlan, drawKinds } from '../src/cluster/cluster-plan.ts'
import { History } from '../src/cluster/history.ts'
import { playCluster } from '../src/cluster/play-cluster.ts'
import { run } from './platform.ts'

/** Seeds that once broke a promise, and what they broke: 12 rows of stale values, 45 and 60 rows of `known` and a clock's repair. */
const CORPUS = [1, 2, 3, 4, 5, 6, 7, 8, 12, 45, 60]
describe('full replicas', () => {
  test(`keep every promise under the faults of ${CORPUS.length} seeds`, async () => {
    const violations: string[] = []
    for (const seed of CORPUS) {
      const { report } = await run(['cluster', '--seed', String(seed), '--faults', 'environment', '--json'])
      violations.push(...report.violations)
    }
    expect(violations).toEqual([])
  }, 300_000)

  test.each(['hostile', 'flood'])(
    'keep every promise to each other under mischief: %s',
    async faults => {
      const { report } = await run(['cluster', '--seeds', '6', '--seed', '31', '--faults', faults, '--json'])
      expect(report.violations).toEqual([])
      expect(report.metrics[`${faults}Faults`]).toBeGreaterThan(5)
      // It is no use unless it gets through to where it is refused.
      expect(report.metrics['rejectedSeen']).toBeGreaterThan(0)
    },
    120_000
  )

  test('I22: one seed gives one trace', async () => {
    const plan = drawClusterPlan({
      scenario: 'cluster',
      nodes: 3,
      seed: 9,
      operations: 30,
      keys: 3,
      faults: drawKinds(9, true),
      faultsMs: 20_000,
      forgetting: 'byKnown'
    })
    const [a, b, other] = [
      await playCluster(plan),
      await playCluster(plan),
      await playCluster({ ...plan, seed: 10 })
    ]
    expect(a).toEqual(b)
    expect(other.traceHash).not.toBe(a.traceHash)
  })
})

describe('the checkers', () => {
  const write = (history: History, value: string | undefined, seen: readonly string[] = [], node = 0) => {
    const operation = history.add({
      node,
      key: 'k',
      value,
      seen: new Set(seen),
      atMs: history.operations.length
    })
    operation.outcome = 'acknowledged'
    operation.answeredMs = operation.atMs
    operation.stamp = BigInt(operation.number + 1)
    return operation
  }
  const shows = (...values: readonly string[]) => ({ node: 0, values: new Map([['k', values]]) })

  test('see nodes that differ', () => {
    expect(checkConvergence([shows('a'), { ...shows('a'), node: 1 }])).toEqual([])
    expect(checkConvergence([shows('a'), { ...shows('a', 'b'), node: 1 }])).toHaveLength(1)
    expect(checkConvergence([shows('a'), { node: 1, values: new Map() }])).toHaveLength(1)
  })

  test('see a write that is lost, and let pass one that was replaced, refused, or on a disk that is gone', () => {
    const history = new History()
    const first = write(history, 'a')
    expect(checkLost(shows('a'), history)).toEqual([])
    expect(checkLost(shows(), history)).toHaveLength(1)
    const second = write(history, 'b', ['a'])
    expect(checkLost(shows('b'), history)).toEqual([])
    second.outcome = 'refused'
    expect(checkLost(shows('b'), history)).toHaveLength(1)
    first.diskLost = true
    expect(checkLost(shows('b'), history)).toEqual([])
  })

  test('see what comes back, and what nobody wrote', () => {
    const history = new History()
    write(history, 'a')
    const removal = write(history, undefined, ['a'])
    expect(checkResurrection(shows(), history)).toEqual([])
    expect(checkResurrection(shows('a'), history)).toHaveLength(1)
    removal.outcome = 'indeterminate'
    expect(checkResurrection(shows('a'), history)).toEqual([])
    expect(checkInvented(shows('a'), history)).toEqual([])
    expect(checkInvented(shows('z'), history)).toHaveLength(1)
  })

  test('see stamps out of order, watchers that were not told, calls without an answer, and errors that no page names', () => {
    const history = new History()
    const first = write(history, 'a')
    write(history, 'b', ['a'])
    expect(checkStamps(history)).toEqual([])
    first.stamp = 9n
    expect(checkStamps(history)).toHaveLength(1)
    expect(checkTold(0, new Map([['k', 'a']]), new Map([['k', 'a']]))).toEqual([])
    expect(checkTold(0, new Map([['k', 'a']]), new Map())).toHaveLength(1)
    expect(checkAnswered(history)).toEqual([])
    first.outcome = 'pending'
    expect(checkAnswered(history)).toHaveLength(1)
    first.outcome = 'refused'
    first.error = 'SomeError'
    expect(checkErrors(history, new Set(['SomeError']))).toEqual([])
    expect(checkErrors(history, new Set())).toHaveLength(1)
  })
})
