import { pick, seededRandom, type SeededRandom } from '@starling/ports'
import { finish, mixText } from '@starling/sim'
import { CUT_KINDS, drawCut, type CutKind } from '../cut.ts'
import { exponential, PlanBuilder } from '../plan-builder.ts'
import { FAULT_TYPES, type FaultType, type Plan } from '../plan.ts'
import { play } from '../play.ts'
import { RARE_STATES } from '../checkers/rare-states.ts'
import { numberIn, oneOf, type PlannedScenario, wholeNumber, type ScenarioResult } from '../scenario.ts'

const NODES_MIN = 4
const WARM_UP_MS = 60_000
/** How long faults go on: drawn within these bounds, ms. */
const FAULTS_MS = { min: 60_000, max: 480_000 }
const FLAP_MS = 2_000

/** Random worlds, one for each seed: some kinds of faults, not all, at random strength; then none, and every promise due. */
export const swarmScenario: PlannedScenario<Plan> = {
  name: 'swarm',
  summary:
    'random faults, another subset of their kinds for each seed from --seed on; --nodes is the most there are',
  nodesDefault: 40,
  nodesMin: NODES_MIN,
  options: {
    seeds: { meaning: 'how many seeds', default: '20', complaint: wholeNumber(1, 10_000_000) },
    minutes: {
      meaning: 'stop after so many minutes of wall time, 0 for never',
      default: '0',
      complaint: numberIn(0, 100_000)
    },
    states: {
      meaning:
        'whether rare states that no world came to are only listed, or a violation: a run of hundreds comes to all',
      default: 'listed',
      complaint: oneOf('listed', 'required')
    }
  },
  plan: ({ nodes, seed }) => swarmPlan(nodes, seed),
  run: ({ nodes, seed, options, progress, nowMs }) => {
    const seeds = Number(options['seeds'])
    const minutes = Number(options['minutes'])
    const endMs = minutes === 0 ? Infinity : nowMs() + minutes * 60_000
    const total = new Total()
    for (let i = 0; i < seeds && nowMs() < endMs; i++) {
      total.add(seed + i, play(swarmPlan(nodes, seed + i)))
      if ((i + 1) % 100 === 0) progress(`${i + 1} seeds, ${total.failed} of them failed`)
    }
    for (const state of total.unreached) progress(`no world came to the state in which ${state}`)
    return total.result(options['states'] === 'required')
  }
}

/** What all seeds of a run come to. */
class Total {
  readonly #violations: string[] = []
  readonly #sums: Record<string, number> = {}
  #seeds = 0
  #failed = 0
  #hash = 0
  #simulatedMs = 0
  #connectedMsMax = 0
  readonly #reached = new Set<string>()

  get failed(): number {
    return this.#failed
  }

  /** Rare states that no world came to. */
  get unreached(): readonly string[] {
    return RARE_STATES.filter(state => !this.#reached.has(state))
  }

  add(seed: number, { violations, metrics, traceHash, simulatedMs, reached = [] }: ScenarioResult): void {
    this.#seeds++
    for (const state of reached) this.#reached.add(state)
    if (violations.length > 0) this.#failed++
    const [first] = violations
    if (first !== undefined) this.#violations.push(`${first} (seed ${seed})`)
    this.#hash = mixText(this.#hash, traceHash)
    this.#simulatedMs += simulatedMs
    this.#connectedMsMax = Math.max(this.#connectedMsMax, metrics['connectedMs'] ?? Infinity)
    for (const [name, value] of Object.entries(metrics)) {
      if (name.endsWith('Faults') || name === 'broadcasts') {
        this.#sums[name] = (this.#sums[name] ?? 0) + (value ?? 0)
      }
    }
  }

  result(statesRequired: boolean): ScenarioResult {
    const never = this.#connectedMsMax === Infinity
    const missing = statesRequired ? this.unreached : []
    return {
      violations: [
        ...this.#violations,
        ...missing.map(state => `no world came to the state in which ${state}`)
      ],
      metrics: {
        seeds: this.#seeds,
        seedsFailed: this.#failed,
        rareStates: RARE_STATES.length,
        rareStatesReached: this.#reached.size,
        connectedMsMax: never ? null : this.#connectedMsMax,
        ...this.#sums
      },
      traceHash: finish(this.#hash).toString(16).padStart(8, '0'),
      simulatedMs: this.#simulatedMs
    }
  }
}

/** The world of one seed. */
export function swarmPlan(nodesMax: number, seed: number): Plan {
  const random = seededRandom(seed).fork('plan')
  const nodes = NODES_MIN + random.below(nodesMax - NODES_MIN + 1)
  const builder = new PlanBuilder('swarm', seed, nodes, random)
  const healMs = WARM_UP_MS + Math.round(between(random, FAULTS_MS.min, FAULTS_MS.max))
  builder.startAll(between(random, 100, 20_000))
  builder.broadcasts(WARM_UP_MS / 2, healMs, between(random, 500, 10_000))
  for (const type of FAULT_TYPES) {
    if (random.float() < 0.5) drawFaults(builder, type, random.fork(type), healMs)
  }
  return builder.build(healMs)
}

/** Faults of one kind from the end of the warm-up to the healing, at a strength of their own. */
function drawFaults(builder: PlanBuilder, type: FaultType, random: SeededRandom, healMs: number): void {
  const meanMs = between(random, 5_000, 120_000)
  for (let atMs = WARM_UP_MS; ;) {
    atMs += exponential(random, meanMs)
    if (atMs >= healMs) return
    drawFault(builder, type, random, atMs)
  }
}

function drawFault(builder: PlanBuilder, type: FaultType, random: SeededRandom, atMs: number): void {
  const node = random.below(builder.nodes)
  const lastsMs = Math.round(exponential(random, 20_000))
  switch (type) {
    case 'crash':
    case 'leave':
      builder.at(atMs, { type, node })
      // One in four stays away until the end of all faults.
      if (random.below(4) > 0) {
        const start = {
          type: 'start',
          node,
          contacts: builder.contacts,
          saved: random.below(2) === 0
        } as const
        builder.at(atMs + 500 + lastsMs, start)
      }
      return
    case 'pause':
      return builder.at(atMs, { type, node, lastsMs })
    case 'slow':
      return builder.at(atMs, { type, node, extraMs: Math.round(between(random, 50, 2_000)), lastsMs })
    case 'loss':
      return builder.at(atMs, { type, share: hundredths(random, 0.3), lastsMs })
    case 'duplicates':
      return builder.at(atMs, { type, share: hundredths(random, 0.5), lastsMs })
    case 'reorder':
      return builder.at(atMs, { type, jitterMsMax: Math.round(between(random, 10, 500)), lastsMs })
    case 'spike':
      return builder.at(atMs, {
        type,
        extraMs: Math.round(between(random, 100, 3_000)),
        lastsMs: lastsMs / 4
      })
    case 'partition': {
      const kind = pick(random, CUT_KINDS) as CutKind
      const cut = drawCut(kind, builder.nodes, random)
      if (kind !== 'flapping') return builder.at(atMs, { type, cut, lastsMs: 3 * lastsMs })
      for (let beat = 0; beat * 2 * FLAP_MS < lastsMs; beat++) {
        builder.at(atMs + beat * 2 * FLAP_MS, { type, cut, lastsMs: FLAP_MS })
      }
      return
    }
  }
}

function between(random: SeededRandom, min: number, max: number): number {
  return min + random.float() * (max - min)
}

function hundredths(random: SeededRandom, max: number): number {
  return Math.ceil(random.float() * max * 100) / 100
}
