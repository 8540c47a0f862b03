import { isClusterPlan, type AnyPlan } from './any-plan.ts'
import { formatPlan } from './plan.ts'

/** A test that plays a plan and expects it to break nothing: self-contained, for the folder `test/regressions`. */
export function regressionTest(plan: AnyPlan, invariant: string): string {
  const type = isClusterPlan(plan)
    ? "{ ClusterPlan } from '../../src/cluster/cluster-plan.ts'"
    : "{ Plan } from '../../src/plan.ts'"
  const title = `${invariant} holds where ${plan.scenario}, seed ${plan.seed}, once broke it`
  return `import { expect, test } from 'vitest'
import { playAny } from '../../src/any-plan.ts'
import type ${type}

const plan: ${isClusterPlan(plan) ? 'ClusterPlan' : 'Plan'} = ${formatPlan(plan).trim()}

test(${JSON.stringify(title)}, async () => {
  expect((await playAny(plan)).violations).toEqual([])
})
`
}
