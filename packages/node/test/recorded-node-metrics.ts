import type { Metrics } from '@libp2p/interface'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'

const KINDS = [
  'registerMetric',
  'registerMetricGroup',
  'registerCounter',
  'registerCounterGroup',
  'registerHistogram'
] as const

/** Takes whatever libp2p does with a metric of its own. */
const IDLE = {
  update() {},
  increment() {},
  decrement() {},
  reset() {},
  observe() {},
  timer: () => () => {}
}

/** Metrics of a whole node: what is Starling's is recorded, what is libp2p's own is taken and forgotten. */
export function recordNodeMetrics(): { readonly recorded: RecordedMetrics; readonly metrics: () => Metrics } {
  const recorded = new RecordedMetrics()
  const metrics: Record<string, unknown> = {
    trackMultiaddrConnection() {},
    trackProtocolStream() {},
    registerHistogramGroup: () => IDLE,
    registerSummary: () => IDLE,
    registerSummaryGroup: () => IDLE,
    traceFunction: (_: string, traced: unknown) => traced,
    createTrace() {}
  }
  for (const kind of KINDS) {
    const register = recorded[kind].bind(recorded) as (name: string, options: unknown) => unknown
    metrics[kind] = (name: string, options: unknown) =>
      name.startsWith('starling_') ? register(name, options) : IDLE
  }
  return { recorded, metrics: () => metrics as unknown as Metrics }
}
