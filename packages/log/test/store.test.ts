import { randomBytes } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore, StoreOpenError } from '../src/index.ts'
import { openStoreOn } from '../src/open-store.ts'
import { toOpenError } from '../src/open-error.ts'
import { FakeDisk } from './fake-level.ts'
import { RowModel, batch, contents, hashOf, rejection, withFolder } from './row-fixtures.ts'

const noSpace = (): Error =>
  Object.assign(new Error('IO error: No space left on device'), { code: 'LEVEL_IO_ERROR' })

describe('group commit', () => {
  test('appends of all logs that wait share one synced write', () =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      const store = await openStoreOn({ directory }, () => disk.level())
      const logs = await Promise.all(['a', 'b', 'c'].map(name => store.openLog(name)))
      const appends = Array.from({ length: 300 }, (_, i) =>
        logs[i % 3]?.append(batch([new RowModel().put(`k${i}`, 'v')]))
      )
      await Promise.all(appends)
      expect(disk.batches.length).toBe(1)
      expect(disk.batches[0]?.sync).toBe(true)
      // 300 rows, a meta row per log and the store's row.
      expect(disk.batches[0]?.operations.length).toBe(304)
      expect(store.stats()).toMatchObject({ appends: 300, writes: 1, rowsWritten: 300, queuedAppends: 0 })
      await store.close()
      expect(disk.openScans).toBe(0)
    }))

  test('callers woken by one write join the next together', () =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      const store = await openStoreOn({ directory }, () => disk.level())
      const log = await store.openLog('a')
      const writer = async (id: number): Promise<void> => {
        const model = new RowModel()
        for (let i = 0; i < 10; i++) await log.append(batch([model.put(`k${id}`, String(i))]))
      }
      await Promise.all(Array.from({ length: 64 }, (_, id) => writer(id)))
      expect(disk.batches.length).toBe(10)
      await store.close()
    }))

  test('a write is cut at the limits of rows and bytes, and a larger append goes alone', () =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      const limits = { batchRowsMax: 3, batchBytesMax: 1_000 }
      const store = await openStoreOn({ directory, limits }, () => disk.level())
      const log = await store.openLog('a')
      const model = new RowModel()
      const rows = (n: number): ReturnType<typeof batch> =>
        batch(Array.from({ length: n }, (_, i) => model.put(`k${i}`, 'v')))
      await Promise.all([
        ...[1, 1, 1, 1].map(n => log.append(rows(n))),
        log.append(rows(5)),
        log.append(batch([model.put('big', 'x'.repeat(980))])),
        log.append(rows(1))
      ])
      expect(disk.batches.map(one => one.operations.length - 2)).toEqual([3, 1, 5, 1, 1])
      await store.close()
    }))

  test('only asynchronous appends are written without a sync', () =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      const store = await openStoreOn({ directory, durability: 'async' }, () => disk.level())
      const lax = await store.openLog('lax')
      const strict = await store.openLog('strict', { durability: 'sync' })
      await lax.append(batch([new RowModel().put('a', '1')]))
      await Promise.all([
        lax.append(batch([new RowModel().put('b', '1')])),
        strict.append(batch([new RowModel().put('a', '1')]))
      ])
      expect(disk.batches.map(one => one.sync)).toEqual([false, true])
      await store.close()
    }))

  test('memory logs in a store on disk write nothing and survive only inside it', () =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      const store = await openStoreOn({ directory }, () => disk.level())
      const log = await store.openLog('presence', { durability: 'memory' })
      const model = new RowModel()
      await log.append(batch([model.put('a', '1')], 3n))
      await log.close()
      const again = await store.openLog('presence', { durability: 'memory' })
      expect(contents(again.recovered)).toEqual(model.contents())
      expect(again.recovered.clockMark).toBe(3n)
      expect(disk.batches).toEqual([])
      await store.close()
    }))

  test('a disk that takes its time shows in the gauges, holds nobody else up, and keeps the order', () =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      const store = await openStoreOn({ directory }, () => disk.level())
      const [a, b] = [await store.openLog('a'), await store.openLog('b')]
      let go = (): void => {}
      disk.gate = new Promise(resolve => (go = resolve))
      const [model, other] = [new RowModel(), new RowModel()]
      const order: number[] = []
      const answered = Array.from({ length: 100 }, (_, i) => {
        const row = i % 2 === 0 ? model.put('k', String(i)) : other.put('k', String(i))
        return (i % 2 === 0 ? a : b).append(batch([row])).then(() => order.push(i))
      })
      // The process goes on with everything else meanwhile.
      for (let turn = 0; turn < 5; turn++) await new Promise<void>(resolve => setImmediate(resolve))
      const late = a.append(batch([model.put('k', 'late')])).then(() => order.push(100))
      expect(order).toEqual([])
      expect(store.stats()).toMatchObject({ queuedAppends: 1, queuedAppendsPeak: 100, appends: 0 })
      expect(store.stats().queuedBytes).toBeGreaterThan(0)
      go()
      await Promise.all([...answered, late])
      expect(order).toEqual(Array.from({ length: 101 }, (_, i) => i))
      expect(store.stats()).toMatchObject({ queuedAppends: 0, appends: 101, writes: 2 })
      await store.close()
    }))

  test('beyond the queue limits an append is refused and nothing else is lost', () =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      let open = (): void => {}
      disk.gate = new Promise(resolve => (open = resolve))
      const store = await openStoreOn({ directory, limits: { queueAppendsMax: 2 } }, () => disk.level())
      const log = await store.openLog('a')
      const model = new RowModel()
      const kept = [log.append(batch([model.put('a', '1')])), log.append(batch([model.put('b', '1')]))]
      const refused = await rejection(log.append(batch([new RowModel().put('c', '1')])))
      expect(refused).toMatchObject({ name: 'StoreQueueFullError', queuedAppends: 2 })
      open()
      await Promise.all(kept)
      await store.close()
      const reopened = await openStoreOn({ directory }, () => disk.level())
      expect(contents((await reopened.openLog('a')).recovered)).toEqual(model.contents())
      await reopened.close()
    }))
})

test('a batch that replaces more rows than there are is refused, and spoils no sum', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    const store = await openStoreOn({ directory }, () => disk.level())
    const log = await store.openLog('a')
    const model = new RowModel()
    const kept = log.append(batch([model.put('a', '1')]))
    const wrong = { ...new RowModel().put('b', '1'), replaces: hashOf('live', 'b', '0') }
    // One of them could stand for the row that is queued; two cannot.
    const refused = log.append(
      batch([
        { ...wrong, value: undefined, hash: undefined },
        { ...wrong, value: undefined, hash: undefined }
      ])
    )
    expect((await rejection(refused))?.name).toBe('RangeError')
    await kept
    await log.append(batch([model.put('a', '2')]))
    await store.close()
    const reopened = await openStoreOn({ directory }, () => disk.level())
    const { recovered } = await reopened.openLog('a')
    expect(contents(recovered)).toEqual(model.contents())
    expect(recovered.damaged).toBeUndefined()
    await reopened.close()
  }))

describe('poison', () => {
  test.each([false, true])('the first failed write ends the handle (applied on disk: %s)', applied =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      disk.fault = write => (write === 2 ? { error: noSpace(), applied } : undefined)
      const store = await openStoreOn({ directory }, () => disk.level())
      const [a, b] = [await store.openLog('a'), await store.openLog('b')]
      const model = new RowModel()
      await a.append(batch([model.put('kept', '1')]))

      let open = (): void => {}
      disk.gate = new Promise(resolve => (open = resolve))
      const inFlight = [
        rejection(a.append(batch([new RowModel().put('x', '1')]))),
        rejection(b.append(batch([new RowModel().put('x', '1')])))
      ]
      await expect.poll(() => disk.batches.length).toBe(2)
      const queued = [
        rejection(a.append(batch([new RowModel().put('y', '1')]))),
        rejection(b.append(batch([new RowModel().put('y', '1')])))
      ]
      open()
      for (const error of await Promise.all(inFlight)) {
        expect(error).toMatchObject({ name: 'StoreIndeterminateError', cause: { code: 'LEVEL_IO_ERROR' } })
      }
      for (const error of await Promise.all(queued)) expect(error?.name).toBe('StorePoisonedError')

      // The disk would take writes again, but the handle never does.
      expect((await rejection(b.append(batch([new RowModel().put('z', '1')]))))?.name).toBe(
        'StorePoisonedError'
      )
      expect((await rejection(store.openLog('c')))?.name).toBe('StorePoisonedError')
      expect(store.poisoned?.name).toBe('StorePoisonedError')
      expect(disk.batches.length).toBe(2)
      await store.close()

      const reopened = await openStoreOn({ directory }, () => disk.level())
      const found = (await reopened.openLog('a')).recovered
      expect(contents(found)).toEqual({ 'live kept': '1', ...(applied ? { 'live x': '1' } : {}) })
      expect(found.damaged).toBeUndefined()
      const log = await reopened.openLog('c')
      await log.append(batch([new RowModel().put('z', '1')]))
      await reopened.close()
    })
  )

  test('whichever write fails, everything acknowledged is found and nothing after it was acknowledged', () =>
    withFolder(async folder => {
      for (let failing = 1; failing <= 12; failing++) {
        const directory = join(folder, String(failing))
        const disk = new FakeDisk()
        disk.fault = write => (write === failing ? { error: noSpace(), applied: false } : undefined)
        const store = await openStoreOn({ directory }, () => disk.level())
        const log = await store.openLog('a')
        const model = new RowModel()
        let acknowledged: Record<string, string> = {}
        const outcomes: string[] = []
        for (let i = 0; i < 14; i++) {
          const error = await rejection(log.append(batch([model.put(`k${i % 3}`, String(i))], BigInt(i))))
          outcomes.push(error?.name ?? 'ok')
          if (error === undefined) acknowledged = model.contents()
        }
        expect(outcomes.indexOf('StoreIndeterminateError')).toBe(failing - 1)
        expect(outcomes.slice(failing)).toEqual(
          Array.from({ length: 14 - failing }, () => 'StorePoisonedError')
        )
        await store.close()
        disk.powerCut()
        const reopened = await openStoreOn({ directory }, () => disk.level())
        const found = (await reopened.openLog('a')).recovered
        expect(contents(found)).toEqual(acknowledged)
        expect(found.damaged).toBeUndefined()
        await reopened.close()
      }
    }))
})

describe('opening', () => {
  test('a folder with spaces and any letters is made, used, and holds what it says', () =>
    withFolder(async folder => {
      const directory = join(folder, 'a b', 'дерево', 'x'.repeat(200))
      const store = await openStore({ directory })
      const log = await store.openLog('flags')
      await log.append(batch([new RowModel().put('a', '1')]))
      expect((await readdir(directory)).toSorted()).toEqual(['lock', 'mark', 'store'])
      expect(store.directory?.endsWith('x'.repeat(200))).toBe(true)
      await store.close()
      expect((await readdir(directory)).toSorted()).toEqual(['mark', 'store'])
    }))

  test('a file in place of the folder, or of the database, is named, and nothing is left behind', () =>
    withFolder(async folder => {
      const file = join(folder, 'file')
      await writeFile(file, 'x')
      for (const directory of [file, join(file, 'below')]) {
        const error = await rejection(openStore({ directory }))
        expect(error).toMatchObject({ name: 'StoreOpenError', reason: 'notADirectory' })
        expect(error?.message).toContain(directory)
      }
      const half = join(folder, 'half')
      await mkdir(half)
      await writeFile(join(half, 'store'), 'x')
      expect(await rejection(openStore({ directory: half }))).toMatchObject({ name: 'StoreOpenError' })
      expect(await readdir(half)).toEqual(['store'])
      expect((await readdir(folder)).toSorted()).toEqual(['file', 'half'])
    }))

  test('when the database does not open, the folders made for it go again', () =>
    withFolder(async folder => {
      const directory = join(folder, 'a', 'b')
      const failing = openStoreOn({ directory }, () => ({
        ...new FakeDisk().level(),
        open: () => Promise.reject(noSpace()),
        close: () => Promise.resolve()
      }))
      expect(await rejection(failing)).toMatchObject({ name: 'StoreOpenError', reason: 'full' })
      expect(await readdir(folder)).toEqual([])
    }))

  test('a database of another program is refused and left alone', () =>
    withFolder(async directory => {
      const disk = new FakeDisk()
      disk.edit(content => content.set('user:1', new Uint8Array(randomBytes(8))))
      const error = await rejection(openStoreOn({ directory }, () => disk.level()))
      expect(error).toMatchObject({ name: 'StoreOpenError', reason: 'foreign' })
      expect(disk.batches).toEqual([])
      expect(await readdir(directory)).toEqual([])
    }))

  test.each([
    ['EACCES', 'permission'],
    ['EROFS', 'readOnly'],
    ['ENOSPC', 'full'],
    ['EMFILE', 'tooManyFiles'],
    ['ENOENT', 'missing'],
    ['LEVEL_CORRUPTION', 'corrupt'],
    ['EWHATEVER', 'failed']
  ])('%s becomes %s, also under the database’s own error', (code, reason) => {
    const cause = Object.assign(new Error('inner'), { code })
    for (const error of [cause, new Error('Database failed to open', { cause })]) {
      const mapped = toOpenError('/data', error)
      expect(mapped).toBeInstanceOf(StoreOpenError)
      expect(mapped).toMatchObject({ reason, directory: '/data', cause: error })
    }
  })

  test.each([
    { directory: '' },
    { directory: 'x', durability: 'maybe' },
    { directory: 'x', limits: { logsMax: 0 } }
  ])('wrong options are a programmer’s error: %o', async options => {
    const error = await rejection(openStore(options as { directory: string }))
    expect(['TypeError', 'RangeError']).toContain(error?.name)
  })
})
