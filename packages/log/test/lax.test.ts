import { expect, test } from 'vitest'
import { metaKey } from '../src/keys.ts'
import { openStoreOn } from '../src/open-store.ts'
import { FakeDisk } from './fake-level.ts'
import { RowModel, batch, contents, rowKey, utf8, withFolder } from './row-fixtures.ts'

// Goal: what a power cut may take from an asynchronous log is no damage of the synced logs beside it.

const at = (key: Uint8Array): string => Buffer.from(key).toString('latin1')
const LAX = [at(metaKey(utf8('lax'))), at(rowKey(utf8('lax'), 'live', utf8('k')))]

test('asynchronous writes that a power cut takes, with later synced ones left, damage nobody', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    const store = await openStoreOn({ directory }, () => disk.level())
    const lax = await store.openLog('lax', { durability: 'async' })
    const strict = await store.openLog('strict')
    const [model, other] = [new RowModel(), new RowModel()]
    await lax.append(batch([model.put('k', '1')], 1n))
    await strict.append(batch([other.put('k', '1')], 2n))
    const before = new Map(disk.volatile)
    await lax.append(batch([model.put('k', '2')], 3n))
    await strict.append(batch([other.put('k', '2')], 4n))
    await store.close()
    // LevelDB began a new log file in between, and the older one had not been synced.
    disk.edit(content => {
      for (const key of LAX) content.set(key, before.get(key) as Uint8Array)
    })
    const reopened = await openStoreOn({ directory }, () => disk.level())
    const found = (await reopened.openLog('lax', { durability: 'async' })).recovered
    expect(contents(found)).toEqual({ 'live k': '1' })
    expect(found.damaged).toBeUndefined()
    const { recovered } = await reopened.openLog('strict')
    expect(contents(recovered)).toEqual(other.contents())
    expect(recovered.damaged).toBeUndefined()
    expect((await reopened.verify()).ok).toBe(true)
    await reopened.close()
  }))

test('a log whose rows leave the store’s sum is synced once, and comes back to it with its next synced write', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    const model = new RowModel()
    for (const durability of ['sync', 'async', 'async', 'sync'] as const) {
      const store = await openStoreOn({ directory, durability }, () => disk.level())
      const log = await store.openLog('a')
      expect(log.recovered.damaged).toBeUndefined()
      for (let i = 0; i < 2; i++) await log.append(batch([model.put('k', `${durability} ${i}`)]))
      expect((await store.verify()).ok).toBe(true)
      await store.close()
    }
    expect(disk.batches.map(one => one.sync)).toEqual([true, true, true, false, false, false, true, true])
  }))
