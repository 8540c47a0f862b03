import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Cluster, type Step } from './support/cluster.ts'
import { runs } from './support/runs.ts'

const step: fc.Arbitrary<Step> = fc.record({
  type: fc.oneof(
    { weight: 6, arbitrary: fc.constant('set' as const) },
    { weight: 3, arbitrary: fc.constant('remove' as const) },
    { weight: 6, arbitrary: fc.constant('deliver' as const) },
    { weight: 1, arbitrary: fc.constant('drop' as const) },
    { weight: 6, arbitrary: fc.constant('append' as const) },
    { weight: 1, arbitrary: fc.constant('sync' as const) },
    { weight: 1, arbitrary: fc.constant('crash' as const) },
    { weight: 1, arbitrary: fc.constant('tick' as const) }
  ),
  who: fc.nat(2),
  pick: fc.nat(97)
})

/** Clocks that differ by less than the drift bound. */
const skews = fc.tuple(
  fc.integer({ min: -20_000, max: 20_000 }),
  fc.integer({ min: -20_000, max: 20_000 }),
  fc.constant(0)
)

describe('replicas over a bus that loses, repeats and reorders', () => {
  test.each([
    [2, ['k']],
    [3, ['k', 'l']]
  ] as const)('%i of them converge to what the oracle says, crashes included', async (size, keys) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), skews, async (steps, skewsMs) => {
        const cluster = await Cluster.open(size, keys, skewsMs)
        for (const one of steps) await cluster.step(one)
        expect(await cluster.finish()).toEqual([])
      }),
      runs(300)
    )
  })
})
