import type { Report } from '../report.ts'

/** One run that was measured. */
export interface Result {
  /** The case it belongs to. */
  readonly name: string
  readonly args: readonly string[]
  readonly report: Report
}

/** The values of a metric over all seeds of a case; those that never happened are left out. */
export function values(results: readonly Result[], name: string, metric: string): number[] {
  return results.flatMap(result => {
    const value = result.name === name ? result.report.metrics[metric] : undefined
    return typeof value === 'number' ? [value] : []
  })
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}

/** How many runs of a case there are. */
export function runs(results: readonly Result[], name: string): number {
  return results.filter(result => result.name === name).length
}
