import { expect, test, vi } from 'vitest'
import type { Level } from '../../src/level.ts'
import { swarm, type SwarmReport } from './swarm.ts'

vi.mock('node:fs/promises', () => import('./sim-files.ts'))

const ONLY = process.env['STARLING_SWARM_SEED']
const SEEDS = Number(process.env['STARLING_SWARM_SEEDS'] ?? 200)

/** Runs seeds until one fails; the totals of all. */
async function swarms(
  seeds: readonly (number | string)[],
  wrap?: (level: Level) => Level
): Promise<Record<string, number>> {
  const totals: Record<string, number> = {}
  for (const seed of seeds) {
    const { hash: _, counters, ...report }: SwarmReport = await swarm(seed, wrap)
    for (const [name, value] of Object.entries({ ...report, ...counters })) {
      totals[name] = (totals[name] ?? 0) + value
    }
  }
  return totals
}

test(
  `whatever a swarm of faults does, each opening finds what was promised, or says that it is damaged (${SEEDS} seeds)`,
  async ({ annotate }) => {
    const totals = await swarms(ONLY === undefined ? Array.from({ length: SEEDS }, (_, i) => i) : [ONLY])
    await annotate(JSON.stringify(totals))
    if (ONLY !== undefined) return
    // A fault that never hits tests nothing.
    const { syncLies: _, ...faults } = totals
    for (const [name, count] of Object.entries(faults)) expect(count, name).toBeGreaterThan(0)
    expect(totals['openings']).toBeGreaterThan(SEEDS * 3)
  },
  60_000 + SEEDS * 200
)

test('the same seed gives the same run', async () => {
  const hashes: string[] = []
  for (const seed of [1, 2, 3, 1, 2, 3]) hashes.push((await swarm(seed)).hash)
  expect(hashes.slice(3)).toEqual(hashes.slice(0, 3))
  expect(new Set(hashes).size).toBe(3)
})

/** The first seed that notices, of the 200 that a suite may need at most. */
async function killedBy(wrap: (level: Level) => Level): Promise<string> {
  const seeds = Array.from({ length: 200 }, (_, i) => i)
  return swarms(seeds, wrap).then(
    () => 'nobody noticed',
    (error: Error) => `${error.message.split('\n')[0]} ${/STARLING_SWARM_SEED=\d+/.exec(error.message)?.[0]}`
  )
}

test.each<[string, (level: Level) => Level]>([
  [
    'syncs nothing',
    level => ({ ...bound(level), batch: operations => level.batch(operations, { sync: false }) })
  ],
  [
    'acknowledges before it writes',
    level => ({
      ...bound(level),
      batch: async (operations, options) => void level.batch(operations, options).catch(() => {})
    })
  ],
  [
    'hides failed writes',
    level => ({
      ...bound(level),
      batch: (operations, options) => level.batch(operations, options).catch(() => {})
    })
  ],
  [
    'tries a failed write again',
    level => ({
      ...bound(level),
      batch: (operations, options) =>
        level.batch(operations, options).catch(() => level.batch(operations, { sync: false }))
    })
  ],
  [
    'reorders what it writes',
    level => ({
      ...bound(level),
      batch: (operations, options) => level.batch(operations.toReversed().slice(1), options)
    })
  ]
])('a database that %s is found out', async (_, wrap) => {
  expect(await killedBy(wrap)).toMatch(/^Violation.*STARLING_SWARM_SEED=\d+$/)
})

function bound(level: Level): Level {
  return {
    open: () => level.open(),
    get: key => level.get(key),
    batch: (operations, options) => level.batch(operations, options),
    scan: range => level.scan(range),
    compact: () => level.compact(),
    bytesOnDisk: () => level.bytesOnDisk(),
    close: () => level.close()
  }
}
