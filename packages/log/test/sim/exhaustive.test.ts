import { expect, test, vi } from 'vitest'
import { CRASH_IMAGES_MAX } from '@starling/sim'
import type { Level } from '../../src/level.ts'
import { exhaust, type ExhaustiveReport } from './crash-points.ts'
import { mixed, small, tiny } from './workloads.ts'

vi.mock('node:fs/promises', () => import('./sim-files.ts'))

/** Images of one crash point in the larger workloads; `STARLING_CRASH_IMAGES=5000` tries all up to the bound. */
const SAMPLE = Number(process.env['STARLING_CRASH_IMAGES'] ?? 6)
const TIMEOUT_MS = 120_000 + SAMPLE * 4_000

test(
  'every image that a power cut before any operation can leave holds a prefix with all that was synced',
  async ({ annotate }) => {
    const report = await exhaust(tiny, { seed: 1, imagesPerPoint: CRASH_IMAGES_MAX, nestedEvery: 100 })
    await annotate(JSON.stringify(report))
    expect(report).toMatchObject({ sampled: false, damaged: 0 })
    expect(report.crashPoints).toBeGreaterThan(30)
    expect(report.images).toBeGreaterThan(500)
    expect(report.nested).toBeGreaterThan(50)
  },
  TIMEOUT_MS
)

test(
  `so does a sample of those of larger workloads (${SAMPLE} at each operation)`,
  async ({ annotate }) => {
    const reports: ExhaustiveReport[] = []
    for (const workload of [small, mixed(() => 'sync')]) {
      const report = await exhaust(workload, { seed: 2, imagesPerPoint: SAMPLE, nestedEvery: 100 })
      reports.push(report)
      expect(report.damaged).toBe(0)
      expect(report.images).toBeGreaterThan(report.crashPoints * 2)
    }
    await annotate(JSON.stringify(reports))
  },
  TIMEOUT_MS
)

test(
  'a log that is not synced may lose its tail, and a synced one beside it loses nothing',
  async ({ annotate }) => {
    const workload = mixed(log => (log === 'b' ? 'async' : 'sync'))
    const report = await exhaust(workload, { seed: 3, imagesPerPoint: SAMPLE, nestedEvery: 100 })
    await annotate(JSON.stringify(report))
    expect(report.images).toBeGreaterThan(report.crashPoints * 2)
  },
  TIMEOUT_MS
)

test('a database that does not sync is found out, and the power cut is named', async () => {
  const unsynced = (level: Level): Level => ({
    open: () => level.open(),
    get: key => level.get(key),
    batch: operations => level.batch(operations, { sync: false }),
    scan: range => level.scan(range),
    compact: () => level.compact(),
    bytesOnDisk: () => level.bytesOnDisk(),
    close: () => level.close()
  })
  await expect(
    exhaust(small, { seed: 1, imagesPerPoint: SAMPLE, nestedEvery: 1_000, wrap: unsynced })
  ).rejects.toThrow(
    /seed 1, power cut before operation \d+, .*: Violation: \d appends found, at least \d expected/
  )
})
