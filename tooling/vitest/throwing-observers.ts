function fail(): never {
  throw new Error('the observer')
}

/** An application's logger and metrics of which everything throws once it has been registered; `calls` are those that threw. */
export function throwingObservers(): {
  readonly logger: { forComponent(name: string): typeof fail & { error(): void; trace(): void } }
  readonly metrics: {
    registerMetric(): void
    registerMetricGroup(): void
    registerCounter(): { increment(): void }
    registerCounterGroup(): { increment(): void }
    registerHistogram(): { observe(): void }
  }
  readonly calls: string[]
} {
  const calls: string[] = []
  const at = (what: string): typeof fail => {
    return () => {
      calls.push(what)
      return fail()
    }
  }
  return {
    calls,
    logger: {
      forComponent: () => Object.assign(at('log'), { error: at('log.error'), trace: at('log.trace') })
    },
    metrics: {
      registerMetric: () => undefined,
      registerMetricGroup: () => undefined,
      registerCounter: () => ({ increment: at('increment') }),
      registerCounterGroup: () => ({ increment: at('increment') }),
      registerHistogram: () => ({ observe: at('observe') })
    }
  }
}
