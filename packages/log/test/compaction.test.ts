import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore, type Store } from '../src/index.ts'
import { Compactor } from '../src/compactor.ts'
import { DELETED_ROWS_MAX } from '../src/config.ts'
import { openStoreOn } from '../src/open-store.ts'
import { SizeTable } from '../src/size-table.ts'
import { FakeDisk } from './fake-level.ts'
import { RowModel, batch, contents, hashOf, withFolder } from './row-fixtures.ts'

const OVERWRITES = Number(process.env['STARLING_OVERWRITES'] ?? 60_000)
const KEYS = 1_000

async function bytesOf(folder: string): Promise<number> {
  const names = await readdir(folder)
  const sizes = await Promise.all(names.map(name => stat(join(folder, name)).then(one => one.size)))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function overwrite(store: Store, model: RowModel): Promise<void> {
  const log = await store.openLog('hot')
  let next = 0
  const writer = async (): Promise<void> => {
    while (next < OVERWRITES) {
      const i = next++
      await log.append(batch([model.put(`key ${(i * 7919) % KEYS}`, `value ${i} ${'x'.repeat(30)}`)]))
    }
  }
  await Promise.all(Array.from({ length: 500 }, writer))
}

test(
  `${OVERWRITES} overwrites over ${KEYS} keys leave files of at most 4 times the live bytes, without anyone asking`,
  () =>
    withFolder(async directory => {
      const store = await openStore({ directory, durability: 'async' })
      const model = new RowModel()
      await overwrite(store, model)
      await expect
        .poll(() => store.stats().bytesOnDisk / store.stats().bytesLive, { timeout: 20_000 })
        .toBeLessThan(4)
      const { bytesLive, compactions } = store.stats()
      expect(await bytesOf(join(directory, 'store'))).toBeLessThan(Math.max(4 * bytesLive, 1024 * 1024))
      expect(compactions).toBeGreaterThan(1)
      const rows = [...model.rows].map(([id, value]) => id.slice(5).length + value.length)
      const content = rows.reduce((sum, bytes) => sum + bytes, 0)
      expect(bytesLive).toBeGreaterThan(content)
      expect(bytesLive).toBeLessThan(content + 60 * KEYS)
      await store.close()
      const again = await openStore({ directory })
      expect(again.stats().bytesLive).toBe(bytesLive)
      expect(contents((await again.openLog('hot')).recovered)).toEqual(model.contents())
      await again.close()
    }),
  60_000 + OVERWRITES / 10
)

test('one compaction at a time, none once the store closes, and closing waits for the one that runs', async () => {
  const disk = new FakeDisk()
  const level = disk.level()
  let running = 0
  let most = 0
  let finish = (): void => {}
  const slow = {
    ...level,
    bytesOnDisk: async () => 10_000_000,
    compact: async () => {
      most = Math.max(most, ++running)
      await new Promise<void>(resolve => (finish = resolve))
      running--
    }
  }
  const counters = { compactions: 0 }
  const compactor = new Compactor(slow, { bytesLive: 1_000, rowsLive: 10 }, counters)
  await expect.poll(() => running).toBe(1)
  for (let i = 0; i < 10; i++) compactor.wrote(10_000_000, 10_000_000)
  compactor.rest()
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  expect(most).toBe(1)
  let closed = false
  const closing = compactor.close().then(() => (closed = true))
  await Promise.resolve()
  expect(closed).toBe(false)
  finish()
  await closing
  compactor.wrote(10_000_000, 10_000_000)
  compactor.rest()
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  expect([most, running, counters.compactions]).toEqual([1, 0, 1])
})

test('deleting many rows calls for a compaction, also when the files are small', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    disk.bytes = 1
    const store = await openStoreOn({ directory }, () => disk.level())
    const log = await store.openLog('a')
    const model = new RowModel()
    const keys = Array.from({ length: DELETED_ROWS_MAX + 1 }, (_, i) => `k${i}`)
    await log.append(batch(keys.map(key => model.put(key, 'v'))))
    await expect.poll(() => disk.compactions).toBe(0)
    await log.append(batch(keys.map(key => model.delete(key))))
    await expect.poll(() => disk.compactions).toBe(1)
    expect(store.stats()).toMatchObject({ bytesLive: 0, compactions: 1 })
    await store.close()
  }))

test('the table of sizes gives back what was put in, whatever else it holds', () => {
  const table = new SizeTable()
  const hashes = Array.from({ length: 5_000 }, (_, i) => hashOf('live', String(i), ''))
  // Equal beginnings are taken for one, and 0 marks a free place.
  const equal = [new Uint8Array(32), new Uint8Array(32)]
  for (const [i, hash] of [...hashes, ...equal].entries()) table.add(hash, i + 1)
  for (let i = 0; i < hashes.length; i += 2) expect(table.take(hashes[i] as Uint8Array)).toBe(i + 1)
  for (let i = 0; i < hashes.length; i++) {
    expect(table.take(hashes[i] as Uint8Array)).toBe(i % 2 === 0 ? 0 : i + 1)
  }
  expect(table.take(new Uint8Array(32))).toBe(10_003)
  expect(table.take(new Uint8Array(32))).toBe(0)
})
