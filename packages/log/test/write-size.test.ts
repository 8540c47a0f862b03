import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { openStore } from '../src/index.ts'
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

const PUTS = Number(process.env['STARLING_PUTS'] ?? 20_000)
const VALUE_BYTES = 64

/** Bytes this process has given to the system's write calls; `undefined` where nobody counts them. */
async function bytesWritten(): Promise<number | undefined> {
  try {
    const counters = await readFile('/proc/self/io', 'utf8')
    return Number(/^wchar: (\d+)$/m.exec(counters)?.[1])
  } catch {
    return undefined
  }
}

test(`${PUTS} puts on one key, each a write of its own, give the disk less than 50 times their values`, () =>
  withFolder(async directory => {
    const before = await bytesWritten()
    const store = await openStore({ directory, durability: 'async' })
    const log = await store.openLog('a')
    const model = new RowModel()
    for (let i = 0; i < PUTS; i++) {
      await log.append(batch([model.put('hot', String(i).padStart(VALUE_BYTES))], BigInt(i)))
    }
    expect(store.stats().writes).toBe(PUTS)
    await store.close()
    const after = await bytesWritten()
    if (before === undefined || after === undefined) {
      process.stdout.write('BYTES WRITTEN: this platform does not count them; not measured\n')
      return
    }
    const ratio = (after - before) / (PUTS * VALUE_BYTES)
    process.stdout.write(`bytes written: ${ratio.toFixed(1)} times the values of ${VALUE_BYTES} bytes\n`)
    expect(ratio).toBeGreaterThan(1)
    expect(ratio).toBeLessThan(50)
  }))
