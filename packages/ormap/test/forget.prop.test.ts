import { describe, expect, test } from 'vitest'
import { World, type Finding, type WorldOptions } from './forget-world.ts'
import { runs } from './runs.ts'

// Goal: forgetting by knowledge never loses a write, and brings nothing back while stores are kept. Method: random schedules of
// replicas built from the real parts, with evidence dropped as soon as it may be, and a causal oracle after every step.
// FC_RUNS makes it longer; a failing case prints its seed and what happened, and FC_SEED runs the same cases again.

const FIRST = Number(process.env['FC_SEED'] ?? 1)

function explore(count: number, options: WorldOptions, bad: readonly Finding['type'][]): void {
  for (let seed = FIRST; seed < FIRST + runs(count).numRuns; seed++) {
    const world = new World(seed, options)
    const finding = world.run()
    if (finding === undefined || !bad.includes(finding.type)) continue
    expect.fail(
      `${finding.type} with FC_SEED=${seed} ${JSON.stringify(options)}: ${finding.detail}\n  ${world.trace.join('\n  ')}`
    )
  }
}

const ALL = ['loss', 'resurrection', 'uncollectable'] as const

describe('forgetting by knowledge', () => {
  test('with cuts, partitions, joins, reopenings and late broadcasts nothing is lost, comes back or stays for ever', () => {
    explore(4000, {}, ALL)
  })

  test('four replicas for twice as long', () => {
    explore(1000, { replicas: 4, steps: 120 }, ALL)
  })

  test('with lost disks, restored copies and clones no write is lost', () => {
    explore(3000, { losses: true }, ['loss'])
  })

  test('with damaged rows no write is lost', () => {
    explore(1500, { rowLoss: true, losses: true }, ['loss'])
  })

  test('with a replica that refuses some entries for ever no write is lost, and the others converge', () => {
    explore(1500, { refuse: 'quota' }, ALL)
  })

  test('with a replica that refuses entries for a while nothing is lost', () => {
    explore(1500, { refuse: 'drift' }, ALL)
  })

  test('with evidence that is kept for a while nothing is lost, comes back or stays for ever', () => {
    explore(500, { evidenceMs: 40 }, ALL)
  })
})
