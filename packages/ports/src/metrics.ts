/**
 * Registers what a part counts with libp2p's metrics.
 *
 * @packageDocumentation
 */
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
 * up to date when the first gauge is asked for: libp2p's Prometheus and OpenTelemetry metrics take the result of a calculated counter for
 * different things (what was added since the last time, and the sum), and this is right for both.
 *
 * @param from called for each gauge that is asked for.
 * @returns brings the counters up to date, for before something they are read from goes away.
 * @throws TypeError without a gauge, which nothing would ever be counted by.
 */
export function registerFigures<From>(
  metrics: Metrics,
  from: () => From,
  figures: readonly Figure<From>[]
): () => void {
  const counted: ((now: From) => void)[] = []
  const refreshed = (): From => {
    const now = from()
    for (const count of counted) count(now)
    return now
  }
  const gauges = figures.filter(({ type }) => type === 'gauge' || type === 'gauges')
  if (gauges.length === 0) throw new TypeError('figures need a gauge among them')
  // Metrics are read in the order of their registration: the first gauge counts, so that the counters after it are up to date.
  gauges.forEach((figure, index) => registerGauge(metrics, figure, index === 0 ? refreshed : from))
  for (const figure of figures) if (!gauges.includes(figure)) counted.push(registerCounter(metrics, figure))
  return () => void refreshed()
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
export class NamedParts<Part> {
  readonly #parts = new Map<Part, string>()
  readonly #labels = new Set<string>()
  #refresh: () => void = () => {}

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

  /** Sums by label. A label whose parts are gone is at zero. */
  byName(read: (part: Part) => number): Record<string, number> {
    const sums: Record<string, number> = Object.fromEntries([...this.#labels].map(label => [label, 0]))
    for (const [part, label] of this.#parts) sums[label] = (sums[label] ?? 0) + read(part)
    return sums
  }

  /** The sum over all. */
  sum(read: (part: Part) => number): number {
    let sum = 0
    for (const part of this.#parts.keys()) sum += read(part)
    return sum
  }

  /** Sums of records over all. */
  sums(read: (part: Part) => Readonly<Record<string, number>>): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const part of this.#parts.keys()) {
      for (const [key, value] of Object.entries(read(part))) sums[key] = (sums[key] ?? 0) + value
    }
    return sums
  }
}
