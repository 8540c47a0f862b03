import fc from 'fast-check'

/** At least `count` runs of a property, more when the whole suite is asked for more. */
export const runs = (count: number): { numRuns: number } => ({
  numRuns: Math.max(count, fc.readConfigureGlobal().numRuns ?? 0)
})
