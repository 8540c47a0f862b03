import { expect, test } from 'vitest'
import { RecordedLogger } from '../../../tooling/vitest/recorded-logger.ts'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { throwingObservers } from '../../../tooling/vitest/throwing-observers.ts'
import { guardedHistogram, guardedLog } from '../src/guarded.ts'

test('a log takes every line, with its component, and nobody hears of what it throws', () => {
  const logger = new RecordedLogger()
  const log = guardedLog(logger, 'part')
  log('%s is up', 'a')
  log.error('%s is down', 'b')
  log.trace('%d', 3)
  expect(logger.lines).toEqual(['part: a is up', 'part error: b is down', 'part trace: 3'])

  const throwing = throwingObservers()
  const unheard = guardedLog(throwing.logger, 'part')
  unheard('%s', 'a')
  unheard.error('%s', 'a')
  unheard.trace('%s', 'a')
  expect(throwing.calls).toEqual(['log', 'log.error', 'log.trace'])
})

test('a log of a class keeps its own this', () => {
  class Lines {
    readonly lines: string[] = []
    forComponent(name: string): ((text: string) => void) & { error(text: string): void; trace(): void } {
      const log = {
        lines: this.lines,
        error(text: string) {
          this.lines.push(`${name} error: ${text}`)
        },
        trace() {}
      }
      return Object.assign((text: string) => void this.lines.push(`${name}: ${text}`), log)
    }
  }
  const logger = new Lines()
  const log = guardedLog(logger, 'part')
  log('up')
  log.error('down')
  expect(logger.lines).toEqual(['part: up', 'part error: down'])
})

test('a histogram takes every value, and nobody hears of what it throws', () => {
  const metrics = new RecordedMetrics()
  const options = { help: 'How long', buckets: [1] }
  guardedHistogram(metrics, 'seconds', options).observe(2)
  expect(metrics.collect()).toEqual({ seconds: [2] })
  // What is registered twice is a mistake of the program.
  expect(() => guardedHistogram(metrics, 'seconds', options)).toThrow(/twice/)

  const throwing = throwingObservers()
  guardedHistogram(throwing.metrics, 'seconds', options).observe(2)
  expect(throwing.calls).toEqual(['observe'])
})
