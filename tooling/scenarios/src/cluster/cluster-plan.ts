import { pick, seededRandom, type SeededRandom } from '@starling/ports'
import { HOSTILE_ACTS, type HostileAct } from './hostile-peer.ts'

/** Something done to a cluster at a moment. Nothing is drawn while a plan is played, so one can be left out without changing others. */
export type ClusterAction =
  | { readonly type: 'set'; readonly node: number; readonly key: string }
  | { readonly type: 'remove'; readonly node: number; readonly key: string }
  /** Writes the key if it is as this node sees it. */
  | { readonly type: 'setIf' | 'removeIf'; readonly node: number; readonly key: string }
  /** Writes the one and removes the other. */
  | { readonly type: 'batch'; readonly node: number; readonly key: string; readonly other: string }
  /** The process dies and starts again; what it wrote stays readable. */
  | { readonly type: 'kill'; readonly node: number; readonly downMs: number }
  /** The machine dies: what was not synced is kept in part. */
  | { readonly type: 'powerCut'; readonly node: number; readonly downMs: number }
  /** The process ends politely, and starts again. */
  | { readonly type: 'restart'; readonly node: number; readonly downMs: number }
  /** The disk is lost with the process. */
  | { readonly type: 'wipe'; readonly node: number; readonly downMs: number }
  /** The process dies, a bit of its disk flips, and it starts again: so far into the bytes of all files. */
  | { readonly type: 'flip'; readonly node: number; readonly place: number; readonly downMs: number }
  /** A copy of the disk is put away, for a later restore. */
  | { readonly type: 'backup'; readonly node: number }
  /** The process dies and starts again on the newest copy, if there is one. */
  | { readonly type: 'restore'; readonly node: number; readonly downMs: number }
  /** The process dies and starts again on a copy of another node's disk. */
  | { readonly type: 'copy'; readonly node: number; readonly from: number; readonly downMs: number }
  /** A node that was not there before joins. */
  | { readonly type: 'join'; readonly node: number }
  | { readonly type: 'pause'; readonly node: number; readonly lastsMs: number }
  /** The nodes of one side and those of the other do not hear each other. */
  | { readonly type: 'partition'; readonly side: readonly number[]; readonly lastsMs: number }
  | { readonly type: 'slow'; readonly node: number; readonly extraMs: number; readonly lastsMs: number }
  /** Each operation of the disk takes up to so much. */
  | { readonly type: 'slowDisk'; readonly node: number; readonly msMax: number }
  | { readonly type: 'full'; readonly node: number; readonly lastsMs: number }
  | { readonly type: 'writeError' | 'syncError'; readonly node: number }
  /** Within the drift bound. */
  | { readonly type: 'wallJump'; readonly node: number; readonly byMs: number }
  /** Beyond it, for a while; then somebody sets the clock, and has it repaired. */
  | { readonly type: 'wrongClock'; readonly node: number; readonly byMs: number; readonly lastsMs: number }
  /** From now on the admitted peer that is no honest node does this, until it does something else. */
  | { readonly type: 'hostile'; readonly act: HostileAct }
  /** Writes so many keys of its own, and removes them after a while: more than there is room for when others do so too. */
  | { readonly type: 'flood'; readonly node: number; readonly keys: number; readonly lastsMs: number }

/** A whole run: until `healMs` anything may happen, then every fault ends and every promise falls due. */
export interface ClusterPlan {
  readonly format: 1
  /** What tells it from a plan of an overlay. */
  readonly world: 'replicas'
  readonly scenario: string
  readonly seed: number
  readonly nodes: number
  /** How removals are forgotten: `byKnown` here drops evidence as soon as it is covered. */
  readonly forgetting: 'byAge' | 'byKnown'
  /** Keys that a map may hold; without it there is room for all. */
  readonly entriesMax?: number | undefined
  readonly healMs: number
  readonly endMs: number
  readonly actions: readonly (ClusterAction & { readonly atMs: number })[]
}

export type ClusterFault = Exclude<
  ClusterAction['type'],
  'set' | 'remove' | 'setIf' | 'removeIf' | 'batch' | 'backup' | 'slowDisk'
>

/** Kinds of faults: what a swarm draws from. */
export const CLUSTER_FAULTS: readonly ClusterFault[] = [
  'kill',
  'powerCut',
  'restart',
  'wipe',
  'flip',
  'restore',
  'copy',
  'join',
  'pause',
  'partition',
  'slow',
  'full',
  'writeError',
  'syncError',
  'wallJump',
  'wrongClock'
]

/** Kinds of faults that are somebody's doing: an admitted peer that breaks every rule, and more keys than there is room for. */
export const MISCHIEF: readonly ClusterFault[] = ['hostile', 'flood']

/** What is drawn for a run. */
export interface ClusterPlanInit {
  readonly scenario: string
  readonly nodes: number
  readonly seed: number
  readonly operations: number
  readonly keys: number
  readonly faults: readonly ClusterFault[]
  readonly faultsMs: number
  readonly forgetting: ClusterPlan['forgetting']
}

/** Room for the keys of the workload and one flood. */
const ENTRIES_MAX = 24
const FLOOD_KEYS = 14

const WARM_UP_MS = 5_000
/** After the faults: enough for redials with backoff, recovery of stores and a few rounds. */
const SETTLE_MS = 180_000

/** Draws a run. */
export function drawClusterPlan(init: ClusterPlanInit): ClusterPlan {
  const random = seededRandom(init.seed).fork('cluster plan')
  const healMs = WARM_UP_MS + init.faultsMs
  const actions: (ClusterAction & { atMs: number })[] = []
  const writes = random.fork('writes')
  // In bursts: writes that overlap, here and on other nodes, are where the rules of the merge are needed.
  for (let left = init.operations; left > 0;) {
    let atMs = WARM_UP_MS / 2 + writes.float() * (healMs - WARM_UP_MS / 2)
    for (let burst = Math.min(left, 1 + writes.below(8)); burst > 0; burst--, left--) {
      actions.push({ ...drawWrite(writes, init), atMs: Math.round(atMs) })
      atMs += writes.float() ** 2 * 100
    }
  }
  for (let node = 0; node < init.nodes; node++) {
    actions.push({ type: 'slowDisk', node, msMax: Math.round(writes.float() ** 2 * 100), atMs: 0 })
  }
  for (const type of init.faults) drawFaults(actions, type, random.fork(type), init, healMs)
  actions.sort((a, b) => a.atMs - b.atMs)
  const { scenario, seed, nodes, forgetting } = init
  return {
    format: 1,
    world: 'replicas',
    scenario,
    seed,
    nodes,
    forgetting,
    ...(init.faults.includes('flood') ? { entriesMax: Math.max(ENTRIES_MAX, init.keys + FLOOD_KEYS) } : {}),
    healMs,
    endMs: healMs + SETTLE_MS,
    actions
  }
}

function drawWrite(random: SeededRandom, { nodes, keys }: ClusterPlanInit): ClusterAction {
  const node = random.below(nodes)
  const [key, other] = [random.below(keys), random.below(keys)].map(number => `k${number}`) as [
    string,
    string
  ]
  const kind = random.float()
  if (kind < 0.6) return { type: 'set', node, key }
  if (kind < 0.75) return { type: 'remove', node, key }
  if (kind < 0.8) return { type: 'removeIf', node, key }
  if (kind < 0.9 || key === other) return { type: 'setIf', node, key }
  return { type: 'batch', node, key, other }
}

function drawFaults(
  actions: (ClusterAction & { atMs: number })[],
  type: ClusterFault,
  random: SeededRandom,
  init: ClusterPlanInit,
  healMs: number
): void {
  const count = 1 + random.below(Math.max(1, Math.round(init.faultsMs / 20_000)))
  for (let i = 0; i < count; i++) {
    const atMs = Math.round(WARM_UP_MS + random.float() * (healMs - WARM_UP_MS))
    const action = drawFault(type, random, init)
    if (type === 'restore' && 'node' in action) {
      actions.push({ type: 'backup', node: action.node, atMs: Math.round(atMs * random.float()) })
    }
    actions.push({ ...action, atMs })
  }
}

function drawFault(type: ClusterFault, random: SeededRandom, { nodes }: ClusterPlanInit): ClusterAction {
  const node = random.below(nodes)
  const lastsMs = Math.round(200 + random.float() ** 2 * 30_000)
  switch (type) {
    case 'kill':
    case 'powerCut':
    case 'restart':
    case 'wipe':
    case 'restore':
      return { type, node, downMs: lastsMs }
    case 'flip':
      return { type, node, downMs: lastsMs, place: random.float() }
    case 'copy':
      return { type, node, downMs: lastsMs, from: (node + 1 + random.below(nodes - 1)) % nodes }
    case 'join':
      return { type, node: 1 + random.below(nodes - 1) }
    case 'pause':
    case 'full':
      return { type, node, lastsMs }
    case 'slow':
      return { type, node, lastsMs, extraMs: Math.round(random.float() * 1_000) }
    case 'partition': {
      const side = Array.from({ length: nodes }, (_, i) => i).filter(() => random.below(2) === 0)
      return { type, side, lastsMs }
    }
    case 'writeError':
    case 'syncError':
      return { type, node }
    case 'wallJump':
      return { type, node, byMs: Math.round((random.float() - 0.5) * 40_000) }
    case 'wrongClock':
      return { type, node, lastsMs, byMs: Math.round((random.float() - 0.5) * 7_200_000) }
    case 'hostile':
      return { type, act: pick(random, HOSTILE_ACTS) as HostileAct }
    case 'flood':
      return { type, node, lastsMs, keys: FLOOD_KEYS }
  }
}

/** A random subset of the kinds of faults, one for each seed: all at once would hide what each does. */
export function drawKinds(seed: number, mischief: boolean): readonly ClusterFault[] {
  const random = seededRandom(seed).fork('kinds')
  const kinds = CLUSTER_FAULTS.filter(() => random.below(3) === 0)
  const honest = kinds.length > 0 ? kinds : [pick(random, CLUSTER_FAULTS) as ClusterFault]
  const added = seededRandom(seed).fork('mischief')
  return mischief ? [...honest, ...MISCHIEF.filter(() => added.below(3) === 0)] : honest
}
