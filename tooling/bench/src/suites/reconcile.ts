import { systemHash, systemRandom } from '@starling/ports/system'
import { Reconciler } from '@starling/reconcile'
import { interleave } from '../rounds.ts'
import { CommonItems, type Place, type TwoSets } from '../sets/two-sets.ts'
import { measurement, OURS, type Measurement, type Metric, type Suite, type SuiteContext } from '../suite.ts'

/** What one session costs; times are those of both ends together, with their trees standing. */
interface Cost {
  readonly bytes: number
  readonly roundTrips: number
  readonly ms?: number
}

interface Case {
  readonly name: string
  readonly count: number
  readonly different: number
  readonly place: Place
  /**
   * negentropy's JavaScript reference in the same setting: 32-byte ids, vector storage, no frame limit. Recorded, not measured in
   * this run; what was not recorded is left out.
   */
  readonly negentropy: Cost
}

const NEGENTROPY = 'negentropy'

const cases: readonly Case[] = [
  {
    name: 'n1m-d0',
    count: 1_000_000,
    different: 0,
    place: 'spread',
    negentropy: { bytes: 676, roundTrips: 1 }
  },
  {
    name: 'n1m-d1',
    count: 1_000_000,
    different: 1,
    place: 'spread',
    negentropy: { bytes: 4514, roundTrips: 3, ms: 1103 }
  },
  {
    name: 'n100k-d100',
    count: 100_000,
    different: 100,
    place: 'spread',
    negentropy: { bytes: 215_036, roundTrips: 2, ms: 279 }
  },
  {
    name: 'n1m-d1000',
    count: 1_000_000,
    different: 1000,
    place: 'spread',
    negentropy: { bytes: 2_681_918, roundTrips: 3, ms: 2664 }
  },
  {
    name: 'n100k-d1000-recent',
    count: 100_000,
    different: 1000,
    place: 'recent',
    negentropy: { bytes: 38_576, roundTrips: 3, ms: 162 }
  }
]

/** Most sessions take a few milliseconds. */
const ROUNDS_PER_EFFORT = 3

/** What is measured of each case. */
const measures = [
  { metric: 'bytes', unit: 'bytes', what: 'bytes both ways, without the items' },
  { metric: 'roundTrips', unit: 'roundTrips', what: 'questions until everything is found at both ends' },
  { metric: 'ms', unit: 'ms', what: 'computing at both ends together, the trees standing' }
] as const

function metricsOf({ name, count, different, place }: Case): readonly Metric[] {
  const about = `${count.toLocaleString('en')} items, ${different.toLocaleString('en')} different, ${place}`
  return measures.map(({ metric, unit, what }) => ({
    case: name,
    metric,
    unit,
    better: 'lower',
    about: `${about}: ${what}`
  }))
}

export const reconcileSuite: Suite = {
  name: 'reconcile',
  about: 'finding what differs between two sets',
  references: [NEGENTROPY],
  metrics: cases.flatMap(metricsOf),
  run
}

async function* run(context: SuiteContext): AsyncIterable<Measurement> {
  const common = new Map<number, CommonItems>()
  for (const one of cases) {
    context.progress(one.name)
    let items = common.get(one.count)
    if (items === undefined) {
      items = new CommonItems(one.count)
      common.set(one.count, items)
    }
    const sets = items.sets(one.different, one.place)
    let last: Cost | undefined
    const ms = await interleave(
      [{ name: OURS, run: () => ({ elapsedMs: (last = session(sets)).ms, operations: 1 }) }],
      { ...context.effort, rounds: context.effort.rounds * ROUNDS_PER_EFFORT, onFailure: fail }
    )
    if (last === undefined) throw new Error(`${one.name} was not measured`)
    const cost: Cost = { ...last, ms: ms.get(OURS) ?? last.ms ?? 0 }
    for (const metric of metricsOf(one)) {
      const name = metric.metric as keyof Cost
      const figures = new Map([[OURS, cost[name] ?? 0]])
      const recorded = one.negentropy[name]
      if (recorded !== undefined && context.wants(NEGENTROPY)) figures.set(NEGENTROPY, recorded)
      yield measurement(metric, figures)
    }
  }
}

/** One whole session of two ends, and the listing of what they found. */
function session({ left, right, different }: TwoSets): Required<Cost> {
  const startMs = performance.now()
  const now = (): number => performance.now()
  const init = { hash: systemHash, random: systemRandom, now }
  const ends = [
    new Reconciler(left, { ...init, role: 'initiator' }),
    new Reconciler(right, { ...init, role: 'responder' })
  ] as const
  let bytes = 0
  let roundTrips = 0
  let found = 0
  let frame: Uint8Array | undefined = ends[0].start()
  for (let to: 0 | 1 = 1; frame !== undefined; to = to === 0 ? 1 : 0) {
    bytes += frame.length
    if (to === 0) roundTrips++
    const step = ends[to].receive(frame)
    for (const _item of step.have) found++
    if (step.end !== undefined && step.end.type !== 'complete')
      throw new Error(`the session ended: ${step.end.type}`)
    frame = step.reply
  }
  const ms = performance.now() - startMs
  if (found !== different) throw new Error(`${found} of ${different} differences were found`)
  return { bytes, roundTrips, ms }
}

function fail(name: string, reason: string): never {
  throw new Error(`${name} failed: ${reason}`)
}
