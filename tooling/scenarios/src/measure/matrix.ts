/** One run to be measured: a scenario and its arguments. Runs of one case differ in their seed only. */
export interface Measured {
  /** The case: what a row of the page is about. */
  readonly name: string
  readonly args: readonly string[]
}

/** Seeds of a case, by the number of nodes: large worlds take minutes each. */
const SEEDS = new Map([
  [20, 4],
  [100, 4],
  [1_000, 4],
  [10_000, 2]
])

/** Seeds of the overlays whose clustering is compared with a limit: it differs much from one to the next. */
const SHAPE_SEEDS = 5

/** Shuffle cycles before anything else is measured. The overlay is as good as it gets from the fifth on. */
const WARM_CYCLES = '10'

const SIZES = [100, 1_000, 10_000]

/** Kinds of partitions. A large world shows nothing of the others that a small one does not. */
export const KINDS: readonly string[] = ['halves', 'bridge', 'oneWay', 'flapping']
export const ALL_KINDS: readonly string[] = [...KINDS, 'threeWays', 'uniformSize', 'isolateOne', 'ring']

/** Everything the page shows, what matters most first: a run that is cut short has the best of it. */
export function matrix(): Measured[] {
  const runs: Measured[] = []
  const add = (name: string, nodes: number, args: readonly string[], seeds = SEEDS.get(nodes) ?? 1): void => {
    for (let seed = 1; seed <= seeds; seed++) {
      const [scenario = '', ...rest] = args
      runs.push({ name, args: [scenario, '--nodes', String(nodes), '--seed', String(seed), ...rest] })
    }
  }
  for (const nodes of SIZES) {
    const size = `n=${nodes}`
    for (const senders of ['one', 'random']) {
      const curve = senders === 'one' ? 'yes' : 'no'
      const args = ['broadcast', '--senders', senders, '--cycles', WARM_CYCLES, '--curve', curve]
      add(`broadcast ${senders} ${size}`, nodes, args)
    }
    for (const cycles of ['5', '10', '50']) {
      const args = ['overlay', '--cycles', cycles, '--curve', 'yes']
      const seeds = nodes === 10_000 && cycles !== '50' ? SHAPE_SEEDS : undefined
      add(`overlay ${size} ${cycles} cycles`, nodes, args, seeds)
    }
    if (nodes === 100) continue
    for (const fail of nodes === 1_000
      ? ['0.1', '0.3', '0.5', '0.8', '0.9', '0.95']
      : ['0.5', '0.8', '0.9', '0.95']) {
      const args = ['failures', '--fail', fail, '--cycles', WARM_CYCLES, '--curve', 'yes']
      add(`failures ${fail} ${size}`, nodes, args)
    }
  }
  const cycles = ['--cycles', WARM_CYCLES]
  add('broadcast all n=20', 20, ['broadcast', '--senders', 'all', '--rounds', '30', ...cycles])
  add('broadcast all n=100', 100, ['broadcast', '--senders', 'all', '--rounds', '5', ...cycles])
  for (const nodes of [100, 1_000]) {
    const args = ['broadcast', '--senders', 'random', '--loss', '0.05', '--rounds', '60', ...cycles]
    add(`broadcast 5 % loss n=${nodes}`, nodes, args, 2)
    for (const rate of ['0.1', '0.5']) {
      add(`churn ${rate} n=${nodes}`, nodes, ['churn', '--rate', rate], 2)
    }
    for (const kind of nodes === 100 ? ALL_KINDS : KINDS) {
      add(`partition ${kind} n=${nodes}`, nodes, ['partition', '--kind', kind], 2)
    }
  }
  for (const hostile of ['0.05', '0.1', '0.2']) {
    const args = ['eclipse', '--hostile', hostile, '--minutes', '10']
    add(`poison ${hostile} n=200`, 200, [...args, '--requests', '1', '--joins', '0', '--links', '5'], 3)
    add(`eclipse ${hostile} n=200`, 200, args, 3)
  }
  for (const seed of [1, 26, 51, 76]) {
    runs.push({ name: 'swarm', args: ['swarm', '--nodes', '60', '--seed', String(seed), '--seeds', '25'] })
  }
  return runs.toSorted((a, b) => rank(a) - rank(b))
}

/** Scenarios that check every step, or flood. */
const LONG = ['churn', 'partition', 'eclipse']

/** The first seed of every case before the second of any, and of each seed the cheap ones first. */
function rank({ args }: Measured): number {
  const nodes = Number(args[2])
  const long = LONG.includes(args[0] ?? '') && nodes >= 1_000 ? 20 : args.includes('50') ? 4 : 1
  return Number(args[4]) * 1_000_000 + nodes * long
}
