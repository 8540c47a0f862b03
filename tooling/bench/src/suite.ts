/** Which way is good. */
export type Better = 'lower' | 'higher'

/** What a case says: one figure of one kind. The names are stable, so that figures stay comparable over time. */
export interface Metric {
  readonly case: string
  readonly metric: string
  readonly unit: string
  readonly better: Better
  /** Figures below it count as this much when they are compared: they are nothing, or noise. Default: every figure counts. */
  readonly resolution?: number
  /** One line for `--list`. */
  readonly about: string
}

/** How long and how often to measure. */
export interface Effort {
  /** Rounds that count; one more goes before them to warm up. */
  readonly rounds: number
  /** How long one contender may work in one round, in ms. What it has done by then is what counts. */
  readonly budgetMs: number
  /** How long one contender may take over all rounds of a case, what is not timed included, in ms. */
  readonly patienceMs: number
  /** Whether the workload itself may be smaller where the case's name does not fix its size. */
  readonly quick: boolean
}

/** What a suite is given to run with. */
export interface SuiteContext {
  readonly effort: Effort
  /** Whether a reference was asked for. The floor always is. */
  readonly wants: (reference: string) => boolean
  /** Says what is going on, for whoever waits. */
  readonly progress: (text: string) => void
  /** Notes that a reference cannot be measured, and why. It is said in the report. */
  readonly missing: (reference: string, reason: string) => void
}

/** One figure: ours, and that of each reference that could be measured. */
export interface Measurement {
  readonly metric: Metric
  readonly value: number
  readonly reference: Readonly<Record<string, number>>
}

/** A family of cases that share their contenders. One file each, listed in the registry. */
export interface Suite {
  readonly name: string
  readonly about: string
  /** What ours is compared with; the floor first. */
  readonly references: readonly string[]
  readonly metrics: readonly Metric[]
  /** Measures everything and yields each figure as soon as it is there. */
  run(context: SuiteContext): AsyncIterable<Measurement>
}

/** The name of our own contender. */
export const OURS = 'starling'

/** The name of the least code that does the work. */
export const FLOOR = 'floor'

/** Splits what was measured by contender into ours and the references. */
export function measurement(metric: Metric, figures: ReadonlyMap<string, number>): Measurement {
  const value = figures.get(OURS)
  if (value === undefined) throw new Error(`${metric.case} ${metric.metric}: ours was not measured`)
  const reference = Object.fromEntries([...figures].filter(([name]) => name !== OURS))
  return { metric, value, reference }
}
