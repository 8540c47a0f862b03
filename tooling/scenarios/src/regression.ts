import { formatPlan, type Plan } from './plan.ts'

/** A test that plays a plan and expects it to break nothing: self-contained, for the folder `test/regressions`. */
export function regressionTest(plan: Plan, invariant: string): string {
  const title = `${invariant} holds where ${plan.scenario}, seed ${plan.seed}, once broke it`
  return `import { expect, test } from 'vitest'
import type { Plan } from '../../src/plan.ts'
import { play } from '../../src/play.ts'

const plan: Plan = ${formatPlan(plan).trim()}

test(${JSON.stringify(title)}, () => {
  expect(play(plan).violations).toEqual([])
})
`
}
