import fc from 'fast-check'

/** At least `count` cases of a property, more when FC_RUNS asks for it. */
export const runs = (count: number): { numRuns: number } => ({
  numRuns: Math.max(count, fc.readConfigureGlobal().numRuns ?? 0)
})
