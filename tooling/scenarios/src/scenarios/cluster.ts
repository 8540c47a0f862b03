import { finish, mixText } from '@starling/sim'
import {
  CLUSTER_FAULTS,
  drawClusterPlan,
  drawKinds,
  MISCHIEF,
  type ClusterFault,
  type ClusterPlan
} from '../cluster/cluster-plan.ts'
import { playCluster } from '../cluster/play-cluster.ts'
import { oneOf, wholeNumber, type PlannedScenario, type ScenarioResult } from '../scenario.ts'

const KINDS = ['random', 'environment', 'none', 'all', ...CLUSTER_FAULTS, ...MISCHIEF]

/** Full replicas with faults: the real store, peers, gossip, sync, replica and map, on a simulated network, disks and clocks. */
export const clusterScenario: PlannedScenario<ClusterPlan> = {
  name: 'cluster',
  summary:
    'full replicas on simulated disks, network and clocks: writes and faults, then every promise is due',
  nodesDefault: 4,
  nodesMin: 2,
  options: {
    seeds: { meaning: 'how many seeds, from --seed on', default: '1', complaint: wholeNumber(1, 10_000_000) },
    operations: { meaning: 'writes and removals', default: '100', complaint: wholeNumber(0, 100_000) },
    keys: { meaning: 'keys they are for', default: '6', complaint: wholeNumber(1, 10_000) },
    'sim-seconds': { meaning: 'how long faults go on', default: '60', complaint: wholeNumber(1, 86_400) },
    faults: {
      meaning: `random (other kinds for each seed), environment (of those nobody's mischief), none, all, or one of ${[...CLUSTER_FAULTS, ...MISCHIEF].join(', ')}`,
      default: 'random',
      complaint: oneOf(...KINDS)
    },
    forgetting: {
      meaning: 'byAge, byKnown, or both: one for each other seed',
      default: 'both',
      complaint: oneOf('both', 'byAge', 'byKnown')
    }
  },
  plan: ({ nodes, seed, options }) => planOf(nodes, seed, options),
  run: async ({ nodes, seed, options, progress }) => {
    const total = new Total()
    const seeds = Number(options['seeds'])
    for (let i = 0; i < seeds; i++) {
      total.add(seed + i, await playCluster(planOf(nodes, seed + i, options)))
      if ((i + 1) % 100 === 0) progress(`${i + 1} seeds, ${total.failed} of them failed`)
    }
    return total.result()
  }
}

function planOf(nodes: number, seed: number, options: Readonly<Record<string, string>>): ClusterPlan {
  const { forgetting } = options
  return drawClusterPlan({
    scenario: 'cluster',
    nodes,
    seed,
    operations: Number(options['operations']),
    keys: Number(options['keys']),
    faults: kindsOf(options['faults'] ?? 'random', seed),
    faultsMs: Number(options['sim-seconds']) * 1000,
    forgetting:
      forgetting === 'byAge' || forgetting === 'byKnown' ? forgetting : seed % 2 === 0 ? 'byKnown' : 'byAge'
  })
}

function kindsOf(faults: string, seed: number): readonly ClusterFault[] {
  if (faults === 'none') return []
  if (faults === 'all') return [...CLUSTER_FAULTS, ...MISCHIEF]
  if (faults === 'random' || faults === 'environment') return drawKinds(seed, faults === 'random')
  return [faults as ClusterFault]
}

/** What all seeds of a run come to. */
class Total {
  readonly #violations: string[] = []
  readonly #sums: Record<string, number> = {}
  #failed = 0
  #seeds = 0
  #hash = 0
  #simulatedMs = 0
  #convergedMsMax = 0

  get failed(): number {
    return this.#failed
  }

  add(seed: number, { violations, metrics, traceHash, simulatedMs }: ScenarioResult): void {
    this.#seeds++
    if (violations.length > 0) this.#failed++
    for (const violation of violations.slice(0, 2)) this.#violations.push(`${violation} (seed ${seed})`)
    this.#hash = mixText(this.#hash, traceHash)
    this.#simulatedMs += simulatedMs
    const { convergedMs, ...counts } = metrics
    this.#convergedMsMax = Math.max(this.#convergedMsMax, convergedMs ?? Infinity)
    for (const [name, value] of Object.entries(counts))
      this.#sums[name] = (this.#sums[name] ?? 0) + (value ?? 0)
  }

  result(): ScenarioResult {
    return {
      violations: this.#violations,
      metrics: {
        seeds: this.#seeds,
        seedsFailed: this.#failed,
        convergedMsMax: this.#convergedMsMax === Infinity ? null : this.#convergedMsMax,
        ...this.#sums
      },
      traceHash: finish(this.#hash).toString(16).padStart(8, '0'),
      simulatedMs: this.#simulatedMs
    }
  }
}
