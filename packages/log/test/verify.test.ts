import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Store } from '../src/index.ts'
import { STORE_KEY, metaKey } from '../src/keys.ts'
import { openStoreOn } from '../src/open-store.ts'
import { FakeDisk } from './fake-level.ts'
import { RowModel, batch, rejection, rowKey, utf8, withFolder } from './row-fixtures.ts'

// Goal: verifying an open store finds, by key, whatever is wrong on disk, and nothing where nothing is.

const at = (key: Uint8Array): string => Buffer.from(key).toString('latin1')

function withOpenStore(
  run: (disk: FakeDisk, store: Store, directory: string) => Promise<void>
): Promise<void> {
  return withFolder(async directory => {
    const disk = new FakeDisk()
    const store = await openStoreOn({ directory }, () => disk.level())
    const [model, other] = [new RowModel(), new RowModel()]
    const flags = await store.openLog('flags')
    await flags.append(batch([model.put('a', '1'), model.put('b', '1')], 5n))
    await (await store.openLog('other')).append(batch([other.put('o', '1')], 6n))
    expect((await store.verify()).ok).toBe(true)
    await run(disk, store, directory)
    await store.close()
    expect(disk.openScans).toBe(0)
  })
}

test.each([
  {
    what: 'a row',
    key: rowKey(utf8('flags'), 'live', utf8('a')),
    at: 33,
    damage: ['rowsQuarantined'],
    named: ['a']
  },
  { what: 'a meta row', key: metaKey(utf8('flags')), at: 7, damage: ['metaDamaged'], named: [] }
])('a flipped bit in $what is found while the store is open', ({ key, at: position, damage, named }) =>
  withOpenStore(async (disk, store) => {
    disk.edit(content => {
      const value = Buffer.from(content.get(at(key)) ?? [])
      value.writeUInt8(value.readUInt8(position) ^ 4, position)
      content.set(at(key), value)
    })
    const found = await store.verify()
    expect(found.ok).toBe(false)
    const [flags, other] = found.logs
    expect(flags?.damage.map(one => one.type)).toEqual(damage)
    expect(flags?.quarantined.map(row => Buffer.from(row.key).toString())).toEqual(named)
    expect([flags?.expected, other?.damage]).toEqual([2, []])
  })
)

test('a row that is gone, and one too many, are found', () =>
  withOpenStore(async (disk, store) => {
    const key = at(rowKey(utf8('flags'), 'live', utf8('a')))
    const row = disk.volatile.get(key) as Uint8Array
    disk.edit(content => content.delete(key))
    const [flags] = (await store.verify()).logs
    expect(flags).toMatchObject({ rows: 1, expected: 2, damage: [{ type: 'sumMismatch', missing: 1 }] })
    disk.edit(content => content.set(key, row).set(at(rowKey(utf8('nobody'), 'live', utf8('a'))), row))
    const found = await store.verify()
    expect(found.logs.find(log => log.name === 'nobody')?.damage.map(one => one.type)).toEqual([
      'metaDamaged',
      'rowsQuarantined',
      'sumMismatch'
    ])
  }))

test('the store’s own row and its mark are looked at; a missing mark is named and is no damage', () =>
  withOpenStore(async (disk, store, directory) => {
    expect(await store.verify()).toMatchObject({ batch: 2n, mark: 2n, damagedKept: 0 })
    await rm(join(directory, 'mark'))
    const row = disk.volatile.get(at(STORE_KEY)) as Uint8Array
    disk.edit(content =>
      content.set(
        at(STORE_KEY),
        row.map(byte => byte ^ 1)
      )
    )
    expect((await store.verify()).damage).toEqual([{ type: 'storeRowDamaged' }])
  }))

test('reading and verifying report progress, and a listener that throws ends them', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    const store = await openStoreOn({ directory }, () => disk.level())
    const log = await store.openLog('a')
    const model = new RowModel()
    await log.append(batch(Array.from({ length: 25_000 }, (_, i) => model.put(`k${i}`, 'v'))))
    await log.close()
    const seen: object[] = []
    const again = await store.openLog('a', { onProgress: progress => void seen.push(progress) })
    expect(seen).toEqual([
      { rows: 10_000, expected: 25_000 },
      { rows: 20_000, expected: 25_000 }
    ])
    disk.fault = () => ({ error: new Error('full'), applied: false })
    expect((await rejection(again.append(batch([model.put('k0', 'w')]))))?.name).toBe(
      'StoreIndeterminateError'
    )
    disk.fault = undefined
    await again.recover(() => [])
    expect(seen.splice(2)).toEqual(seen)
    await again.close()
    await store.verify({ onProgress: progress => void seen.push(progress) })
    expect(seen.length).toBe(4)
    const enough = new Error('enough')
    const stop = (): void => {
      throw enough
    }
    expect(await rejection(store.openLog('a', { onProgress: stop }))).toBe(enough)
    expect(await rejection(store.verify({ onProgress: stop }))).toBe(enough)
    await (await store.openLog('a')).close()
    await store.close()
    expect(disk.openScans).toBe(0)
  }))
