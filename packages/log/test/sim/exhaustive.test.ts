import { expect, test, vi } from 'vitest'
import { CRASH_IMAGES_MAX } from '@starling/sim'
import type { Level } from '../../src/level.ts'
import { exhaust, type ExhaustiveReport, type Workload } from './crash-points.ts'
import type { Change } from './history.ts'

vi.mock('node:fs/promises', () => import('./sim-files.ts'))

/** Images of one crash point in the larger workloads; `STARLING_CRASH_IMAGES=5000` tries all up to the bound. */
const SAMPLE = Number(process.env['STARLING_CRASH_IMAGES'] ?? 12)

const live = (key: string, value: string | undefined): Change => ({ kind: 'live', key, value })

/** Two appends to a new store. */
const tiny: Workload = {
  logs: ['a'],
  durability: () => 'sync',
  async run(machine, history) {
    const open = await machine.open(['a'], () => 'sync')
    await open.append(history, 'a', [live('k', '1'), live('n', '1')], 10n)
    await open.append(history, 'a', [live('k', undefined), live('n', '2')], 12n)
  }
}

/** Three appends and a clean restart. */
const small: Workload = {
  logs: ['a'],
  durability: () => 'sync',
  async run(machine, history) {
    let open = await machine.open(['a'], () => 'sync')
    await open.append(history, 'a', [live('k', '1'), live('n', '1')], 10n)
    await open.append(history, 'a', [live('k', undefined), live('n', '2')], 12n)
    await open.store.close()
    open = await machine.open(['a'], () => 'sync')
    await open.append(history, 'a', [live('n', '3')], 13n)
  }
}

/** Twelve appends to two logs: alone, at once, large, small, deleting, empty, over a restart and several tables. */
function mixed(durability: (log: string) => 'sync' | 'async'): Workload {
  return {
    logs: ['a', 'b'],
    durability,
    async run(machine, history) {
      let open = await machine.open(['a', 'b'], durability)
      await open.append(history, 'a', [live('k', '1'), live('n', '1')], 10n)
      await Promise.all([
        open.append(history, 'a', [live('k', '2')], 11n),
        open.append(history, 'b', [live('k', '3'), { kind: 'evidence', key: 'k', value: '3' }], 9n),
        open.append(history, 'a', [live('k', undefined), live('n', '4')], 12n)
      ])
      await open.append(history, 'b', [live('large', '5'.repeat(5_000))], 13n)
      await open.store.close()
      open = await machine.open(['a', 'b'], durability)
      for (let i = 6; i < 10; i++) {
        await open.append(history, 'a', [live('n', `${i}`.repeat(300))], BigInt(i + 10))
      }
      await Promise.all([
        open.append(history, 'b', [live('large', undefined), live('end', '11')], 20n),
        open.append(history, 'a', [], 30n)
      ])
      await open.append(history, 'a', [live('end', '12')], 31n)
    }
  }
}

test('every image that a power cut before any operation can leave holds a prefix with all that was synced', async ({
  annotate
}) => {
  const report = await exhaust(tiny, { seed: 1, imagesPerPoint: CRASH_IMAGES_MAX, nestedEvery: 50 })
  await annotate(JSON.stringify(report))
  expect(report).toMatchObject({ sampled: false, damaged: 0 })
  expect(report.crashPoints).toBeGreaterThan(30)
  expect(report.images).toBeGreaterThan(500)
  expect(report.nested).toBeGreaterThan(50)
})

test(`so does a sample of those of larger workloads (${SAMPLE} at each operation)`, async ({ annotate }) => {
  const reports: ExhaustiveReport[] = []
  for (const workload of [small, mixed(() => 'sync')]) {
    const report = await exhaust(workload, { seed: 2, imagesPerPoint: SAMPLE, nestedEvery: 50 })
    reports.push(report)
    expect(report.damaged).toBe(0)
    expect(report.images).toBeGreaterThan(report.crashPoints * 2)
  }
  await annotate(JSON.stringify(reports))
})

test('a log that is not synced may lose its tail, and a synced one beside it loses nothing', async ({
  annotate
}) => {
  const workload = mixed(log => (log === 'b' ? 'async' : 'sync'))
  const report = await exhaust(workload, { seed: 3, imagesPerPoint: SAMPLE, nestedEvery: 100 })
  await annotate(JSON.stringify(report))
  expect(report.images).toBeGreaterThan(report.crashPoints * 2)
})

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
