import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { openStore, registerStore } from '../src/index.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'starling-log-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

test('the figures of a store are what it counts', async () => {
  const metrics = new RecordedMetrics()
  const store = await openStore({ directory })
  registerStore(metrics, store)
  const log = await store.openLog('m')
  const hash = new Uint8Array(32).fill(1)
  const row = {
    kind: 'live',
    key: Uint8Array.of(1),
    value: Uint8Array.of(2),
    hash,
    replaces: undefined
  } as const
  await log.append({ rows: [row], clockMark: 1n })
  const { bytesLive, bytesOnDisk, writes } = store.stats()
  expect(bytesLive).toBeGreaterThan(0)
  expect(metrics.collect()).toEqual({
    starling_log_logs: 1,
    starling_log_live_bytes: bytesLive,
    starling_log_disk_bytes: bytesOnDisk,
    starling_log_queued_appends: 0,
    starling_log_queued_bytes: 0,
    starling_log_poisoned: 0,
    starling_log_appends_total: 1,
    starling_log_writes_total: writes,
    starling_log_rows_total: 1,
    starling_log_written_bytes_total: store.stats().bytesWritten,
    starling_log_compactions_total: 0,
    starling_log_recoveries_total: 0
  })
  await log.close()
  expect(metrics.collect()).toMatchObject({ starling_log_logs: 0, starling_log_appends_total: 1 })
  await store.close()
})
