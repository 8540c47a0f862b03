import fc from 'fast-check'

// A failing property prints its seed; FC_SEED runs it again, FC_RUNS runs every property longer.
const { FC_SEED: seed, FC_RUNS: runs } = process.env
fc.configureGlobal({
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  ...(runs === undefined ? {} : { numRuns: Number(runs) })
})
