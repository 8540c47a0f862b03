/**
 * What an application is watched with, so that whatever it throws stays with it: a line or a measure that is lost ends no round, no
 * session and no call. Every part takes its log and its histograms here, once; its figures are guarded where they are registered.
 *
 * @packageDocumentation
 */
import type { ComponentLogger, Log, MetricHistogram, Metrics } from './observing.ts'

/**
 * The log of a part, of which nothing throws.
 *
 * @throws what `forComponent` throws, which is part of starting.
 */
export function guardedLog(logger: ComponentLogger, name: string): Log {
  const log = logger.forComponent(name)
  return Object.assign((...line: Parameters<Log>) => unheard(() => log(...line)), {
    error: (...line: Parameters<Log>) => unheard(() => log.error(...line)),
    trace: (...line: Parameters<Log>) => unheard(() => log.trace(...line))
  })
}

/**
 * Registers a histogram whose `observe` does not throw.
 *
 * @throws what registering throws, such as for a name that is taken: that is part of starting.
 */
export function guardedHistogram(
  metrics: Metrics,
  name: string,
  options: Parameters<Metrics['registerHistogram']>[1]
): MetricHistogram {
  const histogram = metrics.registerHistogram(name, options)
  return { observe: value => unheard(() => histogram.observe(value)) }
}

/** Calls an observer. There is nobody to tell that it threw: it is what would be told. */
export function unheard(call: () => void): void {
  try {
    call()
  } catch {
    // It stays with the observer.
  }
}
