/**
 * Registers what a part counts with libp2p's metrics.
 *
 * @packageDocumentation
 */
import { unheard } from './guarded.ts'
import type { Metrics } from './observing.ts'

/** How many names have a label of their own; what comes later shares `other`. Guess: more would flood a store of time series. */
export const LABELS_MAX = 64

/** What those share. */
export const OTHER_LABEL = 'other'

/** One figure: what it is called, and how it is read. `gauges` and `counters` are by label. */
export type Figure<From> =
  | {
      readonly type: 'gauge' | 'counter'
      readonly name: string
      readonly help: string
      readonly read: (from: From) => number
    }
  | {
      readonly type: 'gauges' | 'counters'
      readonly name: string
      readonly help: string
      readonly label: string
      readonly read: (from: From) => Readonly<Record<string, number>>
    }

/** A number as of now. */
export function gauge<From>(name: string, help: string, read: (from: From) => number): Figure<From> {
  return { type: 'gauge', name, help, read }
}

/** A number that only rises. */
export function counter<From>(name: string, help: string, read: (from: From) => number): Figure<From> {
  return { type: 'counter', name, help, read }
}

/** Numbers as of now, by label. */
export function gauges<From>(
  name: string,
  label: string,
  help: string,
  read: (from: From) => Readonly<Record<string, number>>
): Figure<From> {
  return { type: 'gauges', name, label, help, read }
}

/** Numbers that only rise, by label. */
export function counters<From>(
  name: string,
  label: string,
  help: string,
  read: (from: From) => Readonly<Record<string, number>>
): Figure<From> {
  return { type: 'counters', name, label, help, read }
}

/**
 * Registers figures that are read from what a part counts anyway, so that they cost nothing until somebody asks. Counters are brought
 * up to date when a gauge is asked for: libp2p's Prometheus and OpenTelemetry metrics take the result of a calculated counter for
 * different things (what was added since the last time, and the sum), and this is right for both. A counter that throws loses what was
 * to be added, and stops nobody.
 *
 * @param from called once for all gauges that are asked for in one turn, as a scrape does.
 * @returns brings the counters up to date, for before and after something they are read from goes away.
 * @throws TypeError without a gauge, which nothing would ever be counted by.
 */
export function registerFigures<From>(
  metrics: Metrics,
  from: () => From,
  figures: readonly Figure<From>[]
): () => void {
  const gauges = figures.filter(({ type }) => type === 'gauge' || type === 'gauges')
  if (gauges.length === 0) throw new TypeError('figures need a gauge among them')
  const counted: ((now: From) => void)[] = []
  const refresh = (): From => {
    const now = from()
    for (const count of counted) unheard(() => count(now))
    return now
  }
  let turn: { readonly now: From } | undefined
  const current = (): From => {
    if (turn === undefined) {
      turn = { now: refresh() }
      queueMicrotask(() => (turn = undefined))
    }
    return turn.now
  }
  // Gauges first: metrics are read in the order of their registration, so that the counters after them are up to date.
  for (const figure of gauges) registerGauge(metrics, figure, current)
  for (const figure of figures) if (!gauges.includes(figure)) counted.push(registerCounter(metrics, figure))
  return () => void refresh()
}

function registerGauge<From>(metrics: Metrics, figure: Figure<From>, from: () => From): void {
  const { help } = figure
  if (figure.type === 'gauge') {
    metrics.registerMetric(figure.name, { help, calculate: () => figure.read(from()) })
  } else if (figure.type === 'gauges') {
    const { label } = figure
    metrics.registerMetricGroup(figure.name, { help, label, calculate: () => ({ ...figure.read(from()) }) })
  }
}

function registerCounter<From>(metrics: Metrics, figure: Figure<From>): (now: From) => void {
  const { help } = figure
  if (figure.type === 'counter') {
    const counter = metrics.registerCounter(figure.name, { help })
    const rise = new Rise()
    return now => counter.increment(rise.to(figure.read(now)))
  }
  if (figure.type !== 'counters') return () => {}
  const group = metrics.registerCounterGroup(figure.name, { help, label: figure.label })
  const rises = new Map<string, Rise>()
  return now => {
    const by: Record<string, number> = {}
    for (const [label, value] of Object.entries(figure.read(now))) {
      let rise = rises.get(label)
      if (rise === undefined) rises.set(label, (rise = new Rise()))
      by[label] = rise.to(value)
    }
    group.increment(by)
  }
}

/** By how much a sum has risen since it was last looked at. One that has fallen began anew. */
class Rise {
  #last = 0

  to(value: number): number {
    const by = value - this.#last
    this.#last = value
    return Math.max(0, by)
  }
}

/** Parts of one kind that come and go, each under a name, with a bounded number of labels for them. */
export class NamedParts<Part, Reading> {
  readonly #parts = new Map<Part, string>()
  readonly #labels = new Set<string>()
  readonly #read: (part: Part) => Reading
  #refresh: () => void = () => {}

  /** @param read what a part tells of itself; called once a part and scrape. */
  constructor(read: (part: Part) => Reading) {
    this.#read = read
  }

  /** Called before a part goes, and after: what {@link registerFigures} returns. */
  set refresh(refresh: () => void) {
    this.#refresh = refresh
  }

  /** Returns how to take it away. */
  add(name: string, part: Part): () => void {
    const label = this.#labels.has(name) || this.#labels.size < LABELS_MAX ? name : OTHER_LABEL
    this.#labels.add(label)
    this.#parts.set(part, label)
    return () => {
      if (!this.#parts.has(part)) return
      this.#refresh()
      this.#parts.delete(part)
      this.#refresh()
    }
  }

  /** What all parts tell of themselves now. */
  read(): NamedReadings<Reading> {
    const list = [...this.#parts].map(([part, label]) => ({ label, reading: this.#read(part) }))
    return new NamedReadings([...this.#labels], list)
  }
}

/** What the parts of one kind told of themselves at one moment. */
export class NamedReadings<Reading> {
  readonly #labels: readonly string[]
  readonly #list: readonly { readonly label: string; readonly reading: Reading }[]

  constructor(
    labels: readonly string[],
    list: readonly { readonly label: string; readonly reading: Reading }[]
  ) {
    this.#labels = labels
    this.#list = list
  }

  /** Sums by label. A label whose parts are gone is at zero. */
  byName(value: (reading: Reading) => number): Record<string, number> {
    const sums: Record<string, number> = Object.fromEntries(this.#labels.map(label => [label, 0]))
    for (const { label, reading } of this.#list) sums[label] = (sums[label] ?? 0) + value(reading)
    return sums
  }

  /** The sum over all. */
  sum(value: (reading: Reading) => number): number {
    return this.#list.reduce((sum, { reading }) => sum + value(reading), 0)
  }

  /** Sums of records over all. */
  sums(values: (reading: Reading) => Readonly<Record<string, number>>): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const { reading } of this.#list) {
      for (const [key, value] of Object.entries(values(reading))) sums[key] = (sums[key] ?? 0) + value
    }
    return sums
  }
}
