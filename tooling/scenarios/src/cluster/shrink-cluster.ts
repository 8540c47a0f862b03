import { ddmin } from '../ddmin.ts'
import { CLUSTER_FAULTS, MISCHIEF, type ClusterPlan } from './cluster-plan.ts'

/** What a shrink came to. */
export interface ShrunkCluster {
  readonly plan: ClusterPlan
  readonly invariant: string
  readonly stopped: boolean
}

/** How a shrink is done; see `shrink` for overlays. */
export interface ShrinkClusterOptions {
  readonly broken: (plan: ClusterPlan) => Promise<string | undefined>
  readonly goOn: () => boolean
  readonly progress: (text: string) => void
}

/**
 * Makes a failing plan smaller: leaves out faults, then operations, as long as the same promise is broken. Resolves with
 * `undefined` for a plan that breaks none.
 */
export async function shrinkCluster(
  plan: ClusterPlan,
  { broken, goOn, progress }: ShrinkClusterOptions
): Promise<ShrunkCluster | undefined> {
  const invariant = await broken(plan)
  if (invariant === undefined) return undefined
  let smallest = plan
  let stopped = false
  const fails = async (candidate: ClusterPlan): Promise<boolean> => {
    if (stopped || !goOn()) {
      stopped = true
      return false
    }
    if ((await broken(candidate)) !== invariant) return false
    smallest = candidate
    return true
  }
  for (const faults of [true, false, true]) {
    const whole = smallest
    const which = (type: string): boolean =>
      ([...CLUSTER_FAULTS, ...MISCHIEF] as readonly string[]).includes(type) === faults
    const rest = whole.actions.filter(({ type }) => !which(type))
    await ddmin(
      whole.actions.filter(({ type }) => which(type)),
      some => fails({ ...whole, actions: [...rest, ...some].toSorted((a, b) => a.atMs - b.atMs) })
    )
    progress(`${faults ? 'faults' : 'operations'}: ${smallest.actions.length} actions`)
  }
  return { plan: smallest, invariant, stopped }
}
