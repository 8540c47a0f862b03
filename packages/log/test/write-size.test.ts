import { expect, test } from 'vitest'
import { openStoreOn } from '../src/open-store.ts'
import { FakeDisk } from './fake-level.ts'
import { RowModel, batch, withFolder } from './row-fixtures.ts'

test('what one write gives to the database depends on that write, not on the rows there are or the writes before', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    const store = await openStoreOn({ directory }, () => disk.level())
    const log = await store.openLog('a')
    const model = new RowModel()
    const value = (i: number): string => String(i).padStart(100, '.')
    const written = (): number =>
      (disk.batches.at(-1)?.operations ?? []).reduce(
        (sum, one) => sum + one.key.length + (one.type === 'put' ? one.value.length : 0),
        0
      )
    await log.append(batch([model.put('hot', value(0))], 1n))
    const first = written()
    expect(first).toBeGreaterThan(100)
    for (let i = 0; i < 20; i++) {
      await log.append(batch(Array.from({ length: 100 }, (_, j) => model.put(`k${i * 100 + j}`, value(j)))))
    }
    for (let i = 1; i <= 1_000; i++) await log.append(batch([model.put('hot', value(i))], BigInt(i)))
    expect(written()).toBe(first)
    await store.close()
  }))
