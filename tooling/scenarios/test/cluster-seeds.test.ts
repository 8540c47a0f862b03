import { expect, test } from 'vitest'
import { run } from './platform.ts'

/** Seeds that are tried until one breaks a promise: a few as a rule, 200 when the code is broken on purpose. */
const SEEDS = Number(
  process.env['STARLING_CLUSTER_SEEDS'] ?? (process.env['STARLING_MUTANT'] === undefined ? 6 : 200)
)

test(
  `full replicas keep every promise under ${SEEDS} seeds that forget at once what everybody knows`,
  async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { report } = await run(['cluster', '--seed', String(seed), '--forgetting', 'byKnown', '--json'])
      expect(report.violations).toEqual([])
    }
  },
  60_000 + SEEDS * 20_000
)
