import { expect, test } from 'vitest'
import { openStoreOn } from '../src/open-store.ts'
import { FakeDisk } from './fake-level.ts'
import { RowModel, batch, contents, hashOf, withFolder } from './row-fixtures.ts'

// Goal: logs that share a store do not get into each other's way, and a log's name is free only when its writes are done.

test('closing a log waits for its appends, also when a later one was refused at once', () =>
  withFolder(async directory => {
    const disk = new FakeDisk()
    let open = (): void => {}
    disk.gate = new Promise(resolve => (open = resolve))
    const store = await openStoreOn({ directory }, () => disk.level())
    const log = await store.openLog('a')
    const model = new RowModel()
    const append = log.append(batch([model.put('k', 'v')]))
    await expect(log.append(batch([], -1n))).rejects.toThrow(RangeError)
    const replaces = hashOf('live', 'other', 'v')
    const remove = {
      kind: 'live',
      key: new Uint8Array(1),
      value: undefined,
      hash: undefined,
      replaces
    } as const
    await expect(log.append(batch([remove, remove]))).rejects.toThrow('replaces more rows')

    const closing = log.close()
    await expect(store.openLog('a')).rejects.toThrow('already open')
    open()
    await Promise.all([append, closing])
    const { recovered } = await store.openLog('a')
    expect(recovered.damaged).toBeUndefined()
    expect(contents(recovered)).toEqual(model.contents())
    await store.close()
  }))

test('a hundred logs, each with one append waiting, are not refused for each other’s sake', () =>
  withFolder(async directory => {
    const limits = { queueBytesMax: 100, queueAppendsMax: 2 }
    const store = await openStoreOn({ directory, limits }, () => new FakeDisk().level())
    const logs = await Promise.all(Array.from({ length: 100 }, (_, i) => store.openLog(`log ${i}`)))
    await Promise.all(logs.map(log => log.append(batch([new RowModel().put('k', 'v')]))))
    expect(store.stats().appends).toBe(100)
    // What the limit is for: one owner who does not wait.
    const eager = await Promise.allSettled([1n, 2n, 3n].map(mark => logs[0]?.append(batch([], mark))))
    expect(eager.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    await store.close()
  }))
