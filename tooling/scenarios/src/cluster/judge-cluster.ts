import {
  checkAnswered,
  checkConvergence,
  checkErrors,
  checkInvented,
  checkLost,
  checkResurrection,
  checkStamps,
  checkTold,
  type Shown
} from '../checkers/replicas.ts'
import type { ClusterPlan } from './cluster-plan.ts'
import type { ClusterProcess } from './cluster-process.ts'
import type { History } from './history.ts'
import { HOSTILE_PREFIX } from './hostile-peer.ts'

/** What a caller of a map may be told, by name: what its README lists. */
const DOCUMENTED: ReadonlySet<string> = new Set([
  'VersionMismatchError',
  'ReplicaPoisonedError',
  'ReplicaClosedError',
  'MapClosedError',
  'WriteQueueFullError',
  'ClockAheadError',
  'QuotaExceededError'
])

/** Whether there is no room for something that others have, and the map says that it has not converged: it need not agree. */
export function lacksRoom(map: Pick<ClusterProcess['map'], 'health'>): boolean {
  const { refused, states } = map.health()
  return (refused['quota'] ?? 0) > 0 && states.includes('unconverged')
}

/** What of the promises does not hold in the end, in words. */
export function judgeCluster(
  processes: readonly (ClusterProcess | undefined)[],
  history: History,
  plan: ClusterPlan
): string[] {
  const whole: Shown[] = []
  const short: Shown[] = []
  const wrong: string[] = []
  for (const [node, process] of processes.entries()) {
    if (process === undefined) continue
    ;(lacksRoom(process.map) ? short : whole).push(shown(node, process.map))
    wrong.push(...checkBounds(node, process, plan), ...checkTold(node, process.told, new Map(process.map)))
  }
  const all = [...whole, ...short]
  // What there is no room for in one place has to be in another; and what is over may be known elsewhere only.
  const complete = short.length === 0 ? whole : [together(all)]
  wrong.push(
    ...checkConvergence(whole),
    ...all.flatMap(one => checkInvented(one, history)),
    ...complete.flatMap(one => checkLost(one, history)),
    ...(short.length === 0 ? whole : []).flatMap(one => checkResurrection(one, history)),
    ...checkStamps(history),
    ...checkAnswered(history),
    ...checkErrors(history, DOCUMENTED)
  )
  return wrong
}

/** I17 and I19: what is kept stays within its limits, and whoever listens is served. */
function checkBounds(node: number, { map, replica }: ClusterProcess, { entriesMax }: ClusterPlan): string[] {
  const wrong: string[] = []
  const { liveKeys, entries } = replica.stats()
  const { watchers, listenersFailed } = map.stats()
  if (entriesMax !== undefined && (liveKeys > entriesMax || entries > 2 * entriesMax)) {
    wrong.push(`I17: node ${node} holds ${liveKeys} keys and ${entries} entries, beyond ${entriesMax}`)
  }
  if (watchers !== 1 || listenersFailed > 0) {
    wrong.push(`I19: node ${node} has ${watchers} watchers, ${listenersFailed} listeners failed`)
  }
  return wrong
}

function shown(
  node: number,
  map: { keys(): Iterable<string>; conflicts(key: string): readonly { value: string }[] }
): Shown {
  return {
    node,
    values: new Map(
      [...map.keys()]
        .filter(key => !key.startsWith(HOSTILE_PREFIX))
        .map(key => [key, map.conflicts(key).map(({ value }) => value)])
    )
  }
}

/** What several nodes show between them. */
function together(all: readonly Shown[]): Shown {
  const values = new Map<string, string[]>()
  for (const one of all) {
    for (const [key, ofKey] of one.values)
      values.set(key, [...new Set([...(values.get(key) ?? []), ...ofKey])])
  }
  return { node: -1, values }
}
