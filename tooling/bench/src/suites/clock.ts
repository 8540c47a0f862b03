import type { ClockContender } from '../clocks/clock-contender.ts'
import { FloorClock } from '../clocks/floor-clock.ts'
import { createConsentoClock, createTinybaseClock } from '../clocks/peer-clocks.ts'
import { createStarlingClock } from '../clocks/starling-clock.ts'
import { loadContenders, type Factory } from '../contenders.ts'
import { interleave } from '../rounds.ts'
import {
  FLOOR,
  measurement,
  OURS,
  type Measurement,
  type Metric,
  type Suite,
  type SuiteContext
} from '../suite.ts'

const factories: Readonly<Record<string, Factory<ClockContender>>> = {
  [OURS]: createStarlingClock,
  [FLOOR]: () => new FloorClock(),
  '@consento/hlc': createConsentoClock,
  tinybase: createTinybaseClock
}

const now: Metric = {
  case: 'now',
  metric: 'ns',
  unit: 'ns',
  better: 'lower',
  about: 'issuing a stamp, the reading of the wall clock included'
}
const receive: Metric = {
  case: 'receive',
  metric: 'ns',
  unit: 'ns',
  better: 'lower',
  about: 'taking in a stamp from the past, the reading of the wall clock included'
}

/** Operations in one round: some tens of milliseconds. */
const OPERATIONS = 500_000
const ROUNDS_PER_EFFORT = 2

export const clockSuite: Suite = {
  name: 'clock',
  about: 'a hybrid logical clock',
  references: Object.keys(factories).filter(name => name !== OURS),
  metrics: [now, receive],
  run
}

async function* run(context: SuiteContext): AsyncIterable<Measurement> {
  const clocks = await loadContenders(factories, context)
  yield await time(context, clocks, now, (clock, count) => clock.now(count))
  yield await time(context, clocks, receive, (clock, count) => clock.receive(count))
}

async function time(
  context: SuiteContext,
  clocks: ReadonlyMap<string, ClockContender>,
  metric: Metric,
  work: (clock: ClockContender, count: number) => void
): Promise<Measurement> {
  context.progress(metric.case)
  const perOperationMs = await interleave(
    [...clocks].map(([name, clock]) => ({
      name,
      run: () => {
        const startMs = performance.now()
        work(clock, OPERATIONS)
        return { elapsedMs: performance.now() - startMs, operations: OPERATIONS }
      }
    })),
    // They are short, and small differences matter here.
    {
      ...context.effort,
      rounds: context.effort.rounds * ROUNDS_PER_EFFORT,
      onFailure: context.missing
    }
  )
  return measurement(metric, new Map([...perOperationMs].map(([name, ms]) => [name, ms * 1e6])))
}
