/** A number that only rises. */
export interface MetricCounter {
  increment(by?: number): void
}

/** Numbers that only rise, by label. */
export interface MetricCounterGroup {
  increment(by: Record<string, number>): void
}

/** How often a measure was how great. */
export interface MetricHistogram {
  observe(value: number): void
}

/** Where a part registers its figures. The `Metrics` of a libp2p node fits; a figure that is calculated is read when it is asked for. */
export interface Metrics {
  registerMetric(name: string, options: { readonly help: string; readonly calculate: () => number }): void
  registerMetricGroup(
    name: string,
    options: {
      readonly help: string
      readonly label: string
      readonly calculate: () => Record<string, number>
    }
  ): void
  registerCounter(name: string, options: { readonly help: string }): MetricCounter
  registerCounterGroup(
    name: string,
    options: { readonly help: string; readonly label: string }
  ): MetricCounterGroup
  registerHistogram(
    name: string,
    options: { readonly help: string; readonly buckets: number[] }
  ): MetricHistogram
}

/** Writes lines for people; `%s`, `%d` and `%e` (an error) take the arguments. Costs next to nothing while nobody reads. */
export interface Log {
  (format: string, ...values: unknown[]): void
  error(format: string, ...values: unknown[]): void
  trace(format: string, ...values: unknown[]): void
}

/** Gives each part a log of its own name. The `ComponentLogger` of a libp2p node fits. */
export interface ComponentLogger {
  forComponent(name: string): Log
}

/** What a part may be watched by. */
export interface Observers {
  readonly metrics?: Metrics
  readonly logger?: ComponentLogger
}
