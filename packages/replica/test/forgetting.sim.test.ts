import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForgetWorld, type ForgetOptions } from './support/forget-world.ts'
import { runs } from './support/runs.ts'

/** Runs worlds, and says what they reached. */
async function explore(options: ForgetOptions, count: number): Promise<ReadonlySet<string>> {
  const reached = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.noShrink(fc.nat()), async seed => {
      const world = new ForgetWorld(seed, options)
      const findings = await world.run()
      for (const what of world.reached) reached.add(what)
      expect(findings, world.trace.join('\n')).toEqual([])
    }),
    runs(count)
  )
  return reached
}

/** A world takes some 50 ms, on a busy machine several times that. */
const TIMEOUT_MS = runs(150).numRuns * 800

describe('replicas that forget by what is known', { timeout: TIMEOUT_MS }, () => {
  test('with cuts, crashes, late broadcasts and writes in flight nothing is lost, comes back or stays for ever', async () => {
    const reached = await explore({}, 150)
    for (const what of ['complete', 'cut', 'reopens']) expect(reached).toContain(what)
  })

  test('with logs that fail and recover nothing is lost, comes back or stays for ever', async () => {
    expect(await explore({ failures: true }, 150)).toContain('reopened')
  })

  test('with lost disks, restored copies and stores that run twice nothing is lost', async () => {
    const reached = await explore({ losses: true, failures: true }, 150)
    for (const what of ['loses its disk', 'is restored']) expect(reached).toContain(what)
  })

  test('with damaged rows nothing is lost', async () => {
    expect(await explore({ rowLoss: true }, 150)).toContain('loses a row')
  })

  test('with a replica that has no room nothing is lost, and the others converge', async () => {
    expect(await explore({ refuses: true }, 150)).toContain('incomplete')
  })
})
