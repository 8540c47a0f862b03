import type { ClusterPlan } from './cluster/cluster-plan.ts'
import { playCluster } from './cluster/play-cluster.ts'
import { shrinkCluster } from './cluster/shrink-cluster.ts'
import type { Plan } from './plan.ts'
import { play } from './play.ts'
import type { ScenarioResult } from './scenario.ts'
import { shrink } from './shrink.ts'
import { invariantOf } from './violations.ts'

/** A run that can be saved, replayed and shrunk: of an overlay, or of full replicas. */
export type AnyPlan = Plan | ClusterPlan

export function isClusterPlan(plan: AnyPlan): plan is ClusterPlan {
  return 'world' in plan
}

export async function playAny(plan: AnyPlan): Promise<ScenarioResult> {
  return isClusterPlan(plan) ? await playCluster(plan) : play(plan)
}

/** Makes a failing plan smaller; `undefined` when it breaks nothing. */
export async function shrinkAny(
  plan: AnyPlan,
  options: { readonly goOn: () => boolean; readonly progress: (text: string) => void }
): Promise<{ readonly plan: AnyPlan; readonly invariant: string; readonly stopped: boolean } | undefined> {
  if (!isClusterPlan(plan)) {
    return await shrink(plan, { ...options, broken: some => play(some).violations.map(invariantOf)[0] })
  }
  const broken = async (some: ClusterPlan): Promise<string | undefined> =>
    (await playCluster(some)).violations.map(invariantOf)[0]
  return await shrinkCluster(plan, { ...options, broken })
}
