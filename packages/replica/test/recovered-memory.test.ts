import { expect, test } from 'vitest'
import { BY_AGE, encodeWithRows, replicaIdOf, SetAside, type ObservedRemoveMap } from '@starling/ormap'
import { seededRandom } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { loadLog } from '../src/load-log.ts'
import type { FoundLog } from '../src/ports.ts'
import { ReplicaState } from '../src/replica-state.ts'
import { SideRows } from '../src/side-rows.ts'
import { openNode, put, TestClock } from './support/world.ts'

function load(found: Partial<FoundLog>): ObservedRemoveMap {
  const state = new ReplicaState({
    hash: systemHash,
    clock: new TestClock(),
    forgetting: BY_AGE,
    quota: { entriesMax: Infinity, bytesMax: Infinity },
    driftMsMax: 60_000,
    evidenceMs: 1000
  })
  const rows = loadLog(
    { rows: [], clockMark: 0n, quarantined: [], ...found },
    { side: new SideRows(systemHash), aside: new SetAside(), random: seededRandom(1) }
  )
  rows.into(state, () => undefined)
  return state.map
}

test('what is kept of a recovered row is a copy: nothing keeps the row as it was read alive', async () => {
  const node = await openNode()
  await node.replica.commit([put('k', 'x'.repeat(10_000))])
  const log = node.log.reopen()
  const rows = log.recovered.rows
  // As the database hands them out: views on one buffer per row.
  const views = [...rows].map(row => {
    const bytes = Buffer.concat([row.hash, row.value])
    return { ...row, hash: bytes.subarray(0, 32), value: bytes.subarray(32) }
  })
  const applied = load({ rows: views })
  expect(applied.itemHash('k')?.buffer.byteLength).toBe(32)
  const [item] = applied.get('k')?.items ?? []
  expect(item?.value?.length).toBeGreaterThan(10_000)
  expect(views.map(({ value }) => value.buffer)).not.toContain(item?.value?.buffer)
})

test('a live row older than the evidence beside it gives the hash of neither: it is computed', () => {
  const [a, b] = [1, 2].map(n => replicaIdOf(new Uint8Array(8).fill(n))) as [string, string]
  const value = Uint8Array.of(0xf5)
  const dot = { replica: b, stamp: 6n, value }
  const older = encodeWithRows('k', { items: [{ replica: a, stamp: 5n, value }, dot] }, systemHash)
  const newer = encodeWithRows('k', { items: [{ replica: a, stamp: 7n, value: undefined }, dot] }, systemHash)
  const rows = (['live', 'evidence'] as const).map(kind => {
    const row = kind === 'live' ? older.live : newer.evidence
    return { kind, key: older.key, value: row?.bytes ?? value, hash: row?.hash ?? value }
  })
  const applied = load({ rows })
  expect(applied.itemHash('k')).toEqual(newer.live?.hash)
})
