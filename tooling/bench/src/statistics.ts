import type { Better } from './suite.ts'

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no values have no median')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/**
 * How many times better ours is: 1 is equal, above 1 ours is better.
 *
 * @param resolution figures below it count as this much, so that nothing is infinitely better than almost nothing.
 */
export function versus(
  ours: number,
  theirs: number,
  better: Better,
  resolution: number = Number.MIN_VALUE
): number {
  const a = Math.max(ours, resolution)
  const b = Math.max(theirs, resolution)
  return better === 'lower' ? b / a : a / b
}

/** Four significant digits: more would only be noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
