/** What was registered under a name. */
export interface Recorded {
  readonly type: 'gauge' | 'counter' | 'histogram'
  readonly label: string | undefined
  readonly help: string
}

/** Metrics that tests read: like Prometheus's, gauges are calculated when they are collected, in the order of registration. */
export class RecordedMetrics {
  readonly registered = new Map<string, Recorded>()
  readonly #reads = new Map<string, () => unknown>()

  registerMetric(name: string, { help, calculate }: { help: string; calculate: () => number }): void {
    this.#register(name, { type: 'gauge', label: undefined, help }, calculate)
  }

  registerMetricGroup(
    name: string,
    { help, label, calculate }: { help: string; label: string; calculate: () => Record<string, number> }
  ): void {
    this.#register(name, { type: 'gauge', label, help }, calculate)
  }

  registerCounter(name: string, { help }: { help: string }): { increment(by?: number): void } {
    let sum = 0
    this.#register(name, { type: 'counter', label: undefined, help }, () => sum)
    return { increment: by => void (sum += rising(by ?? 1)) }
  }

  registerCounterGroup(
    name: string,
    { help, label }: { help: string; label: string }
  ): { increment(by: Record<string, number>): void } {
    const sums: Record<string, number> = {}
    this.#register(name, { type: 'counter', label, help }, () => ({ ...sums }))
    return {
      increment: by => {
        for (const [key, value] of Object.entries(by)) sums[key] = (sums[key] ?? 0) + rising(value)
      }
    }
  }

  registerHistogram(name: string, { help }: { help: string }): { observe(value: number): void } {
    const values: number[] = []
    this.#register(name, { type: 'histogram', label: undefined, help }, () => [...values])
    return { observe: value => void values.push(value) }
  }

  /** Every figure as it is now. */
  collect(): Record<string, unknown> {
    return Object.fromEntries([...this.#reads].map(([name, read]) => [name, read()]))
  }

  #register(name: string, recorded: Recorded, read: () => unknown): void {
    if (this.registered.has(name)) throw new Error(`${name} is registered twice`)
    this.registered.set(name, recorded)
    this.#reads.set(name, read)
  }
}

function rising(by: number): number {
  if (!(by >= 0)) throw new Error(`a counter cannot rise by ${by}`)
  return by
}
