import { expect, test } from 'vitest'
import type { StoreIndeterminateError } from '../src/index.ts'
import { restoreApplied } from '../src/index.ts'
import { openStoreOn } from '../src/open-store.ts'
import { FakeDisk } from './fake-level.ts'
import { noSpace } from './fault-switch.ts'
import { RowModel, batch, contents, hashOf, rejection, utf8, withFolder } from './row-fixtures.ts'

// Goal: after a failed write a log goes on without a restart, with everything that was acknowledged, and says so when it cannot.

const FAILING_MAX = 60

test.each([false, true])(
  `whichever of ${FAILING_MAX} writes or syncs fails, recovering in place keeps every acknowledged row and tells what became of the failed one (reached the disk: %s)`,
  applied =>
    withFolder(async directory => {
      let told = 0
      for (let failing = 1; failing <= FAILING_MAX; failing++) {
        const disk = new FakeDisk()
        const store = await openStoreOn({ directory }, () => disk.level())
        const log = await store.openLog('a')
        disk.fault = write => (write === failing ? { error: noSpace(), applied } : undefined)
        const model = new RowModel()
        for (let i = 0; i < FAILING_MAX; i++) {
          const before = new Map(model.rows)
          const row = i % 4 === 3 ? model.delete(`k${(i - 1) % 5}`) : model.put(`k${i % 5}`, String(i))
          const error = await rejection(log.append(batch([row], BigInt(i))))
          if (error === undefined) continue
          expect(error.name).toBe('StoreIndeterminateError')
          // What the owner holds is what was acknowledged, until it is told otherwise.
          if (!applied) {
            model.rows.clear()
            for (const [id, value] of before) model.rows.set(id, value)
          }
          const recovery = await log.recover(found => restoreApplied(found, model.applied(), BigInt(i)))
          expect(recovery).toMatchObject({ proven: true, rowsRestored: 0 })
          expect(await (error as StoreIndeterminateError).tookEffect).toBe(applied)
          told++
        }
        expect(store.stats()).toMatchObject({ recoveries: 1, poisoned: false })
        await store.close()
        disk.powerCut()
        const reopened = await openStoreOn({ directory }, () => disk.level())
        const { recovered } = await reopened.openLog('a')
        expect(contents(recovered)).toEqual(model.contents())
        expect(recovered.damaged).toBeUndefined()
        await reopened.close()
      }
      expect(told).toBe(FAILING_MAX)
    })
)

test('a disk that lost what it had acknowledged is found out, and the owner is told before anything goes on', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    const store = await openStoreOn({ directory }, () => disk.level())
    const log = await store.openLog('a')
    const model = new RowModel()
    await log.append(batch([model.put('kept', '1')], 1n))
    const earlier = new Map(disk.volatile)
    // Acknowledged, and gone once the database is opened again: what LevelDB does after a full disk (measured).
    await log.append(batch([model.put('acknowledged', '1')], 2n))
    disk.fault = write => (write === 3 ? { error: noSpace(), applied: false } : undefined)
    const failed = await rejection(log.append(batch([new RowModel().put('x', '1')], 3n)))
    disk.edit(content => {
      content.clear()
      for (const [key, value] of earlier) content.set(key, value)
    })
    const recovery = await log.recover(found => {
      expect(found.damaged?.damage).toContainEqual({
        type: 'behindAcknowledged',
        batch: 1n,
        acknowledged: 2n
      })
      return restoreApplied(found, model.applied(), 3n)
    })
    expect(recovery).toMatchObject({ proven: false, rowsRestored: 1 })
    expect(await (failed as StoreIndeterminateError).tookEffect).toBe(false)
    await store.close()
    const reopened = await openStoreOn({ directory }, () => disk.level())
    expect(contents((await reopened.openLog('a')).recovered)).toEqual(model.contents())
    await reopened.close()
  }))

test('what is restored is synced, also in an asynchronous log', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    const store = await openStoreOn({ directory, durability: 'async' }, () => disk.level())
    const log = await store.openLog('a')
    const model = new RowModel()
    await log.append(batch([model.put('a', '1')]))
    disk.fault = write => (write === 2 ? { error: noSpace(), applied: false } : undefined)
    await rejection(log.append(batch([model.put('b', '1')])))
    await log.recover(found => restoreApplied(found, model.applied(), 1n))
    expect(disk.batches.map(one => one.sync)).toEqual([false, false, true])
    await store.close()
  }))

test('restoring writes what differs, deletes what only the disk has, and cuts long lists into batches', () => {
  const onDisk = new RowModel()
  for (const [key, value] of [
    ['same', '1'],
    ['older', '1'],
    ['extra', '1']
  ] as const) {
    onDisk.put(key, value)
  }
  const rows = onDisk.applied().map(row => ({ ...row, value: row.value() }))
  const found = { rows, clockMark: 0n, quarantined: [], damaged: undefined }
  const owner = new RowModel()
  owner.put('same', '1')
  owner.put('older', '2')
  owner.put('missing', '1')
  const encoded: string[] = []
  const applied = owner.applied().map(row => ({
    ...row,
    value: () => {
      encoded.push(Buffer.from(row.key).toString())
      return row.value()
    }
  }))
  const batches = [...restoreApplied(found, applied, 7n)]
  expect(batches.flatMap(one => one.rows)).toEqual([
    {
      kind: 'live',
      key: utf8('older'),
      value: utf8('2'),
      hash: hashOf('live', 'older', '2'),
      replaces: hashOf('live', 'older', '1')
    },
    {
      kind: 'live',
      key: utf8('missing'),
      value: utf8('1'),
      hash: hashOf('live', 'missing', '1'),
      replaces: undefined
    },
    {
      kind: 'live',
      key: utf8('extra'),
      value: undefined,
      hash: undefined,
      replaces: hashOf('live', 'extra', '1')
    }
  ])
  expect(encoded).toEqual(['older', 'missing'])
  expect(batches.map(one => one.clockMark)).toEqual([7n])
  const many = Array.from({ length: 40_000 }, (_, i) => ({
    kind: 'live' as const,
    key: utf8(String(i)),
    hash: hashOf('live', String(i % 10), ''),
    value: () => utf8('v')
  }))
  const lengths = [...restoreApplied({ ...found, rows: [] }, many, 0n)].map(one => one.rows.length)
  expect(lengths).toEqual([16_384, 16_384, 7_232])
})
