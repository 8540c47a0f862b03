import { describe, expect, test } from 'vitest'
import { World, type WorldOptions } from './forget-world.ts'
import { runs } from './runs.ts'

// Goal: forgetting by knowledge never loses a write, and brings nothing back while stores are kept. Method: random schedules of
// replicas built from the real parts, with evidence dropped as soon as it may be, and a causal oracle after every step.
// FC_RUNS makes it longer; a failing case prints its seed and what happened, and FC_SEED runs on from that case.

const FIRST = Number(process.env['FC_SEED'] ?? 1)

/** @param reaches what the schedules must get to, or they show nothing. */
function explore(
  count: number,
  options: WorldOptions,
  { only, reaches }: { readonly only?: 'loss'; readonly reaches: readonly string[] }
): void {
  const reached = new Set<string>()
  for (let seed = FIRST; seed < FIRST + runs(count).numRuns; seed++) {
    const world = new World(seed, options)
    const finding = world.run()
    for (const what of world.reached) reached.add(what)
    if (finding === undefined || (only !== undefined && finding.type !== only)) continue
    expect.fail(
      `${finding.type} with FC_SEED=${seed} ${JSON.stringify(options)}: ${finding.detail}\n  ${world.trace.join('\n  ')}`
    )
  }
  for (const what of [
    'raised',
    'answer',
    'set aside',
    'compared again',
    'incomplete',
    'notDurable',
    ...reaches
  ]) {
    if (what === 'set aside' && options.onStale === 'keep') continue
    expect(reached).toContain(what)
  }
}

describe('forgetting by knowledge', () => {
  test('with cuts, partitions, joins, reopenings and late broadcasts nothing is lost, comes back or stays for ever', () => {
    explore(3000, {}, { reaches: ['uncompared'] })
  })

  test('four replicas for twice as long', () => {
    explore(800, { replicas: 4, steps: 120 }, { reaches: [] })
  })

  test('with lost disks, restored copies and clones no write is lost', () => {
    explore(2500, { losses: true }, { only: 'loss', reaches: [] })
  })

  test('with damaged rows no write is lost', () => {
    explore(1200, { rowLoss: true, losses: true }, { only: 'loss', reaches: [] })
  })

  test('with a replica that refuses some entries for ever no write is lost, and the others converge', () => {
    explore(1200, { refuse: 'quota' }, { reaches: ['refused', 'refused: quota', 'not fetched'] })
  })

  test('with a replica that refuses entries for a while nothing is lost', () => {
    explore(1000, { refuse: 'drift' }, { reaches: ['refused', 'refused: future', 'not fetched'] })
  })

  test('with owners that keep what is only known to be dead nothing is lost, comes back by itself or stays for ever', () => {
    explore(500, { onStale: 'keep' }, { reaches: ['kept'] })
  })

  test('with evidence that is kept for a while nothing is lost, comes back or stays for ever', () => {
    explore(300, { evidenceMs: 40 }, { reaches: [] })
  })
})
