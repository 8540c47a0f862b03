import assert from 'node:assert/strict'
import type { ReplicaLog, Store } from '../src/index.ts'
import { RowModel, batch, contents, hashOf, rejection, utf8 } from './row-fixtures.ts'

/** How the suite gets at an implementation. */
export interface StoreContractHarness {
  /** A store on an empty medium. */
  create(): Promise<Store>
  /** The store's medium again, after the store was closed. */
  reopen(): Promise<Store>
  /** Removes the medium. */
  dispose(): Promise<void>
}

/** Where the suite puts its cases: any test runner's `test`. */
export type RegisterTest = (name: string, run: () => Promise<void>) => void

/** What every store must do, whatever it writes to. Needs nothing of the test runner but a place for the cases. */
export function storeContract(test: RegisterTest, harness: () => Promise<StoreContractHarness>): void {
  const scenario = (name: string, run: (parts: StoreContractHarness) => Promise<void>): void =>
    test(name, async () => {
      const parts = await harness()
      try {
        await run(parts)
      } finally {
        await parts.dispose()
      }
    })

  scenario('a new log is empty and undamaged', async ({ create }) => {
    const store = await create()
    const log = await store.openLog('flags')
    assert.deepEqual(contents(log.recovered), {})
    assert.equal(log.recovered.clockMark, 0n)
    assert.deepEqual(log.recovered.quarantined, [])
    assert.equal(log.recovered.damaged, undefined)
    assert.equal(log.name, 'flags')
    await store.close()
  })

  scenario(
    'rows put, overwritten and deleted are found again as last written',
    async ({ create, reopen }) => {
      const model = new RowModel()
      let store = await create()
      const log = await store.openLog('flags')
      await log.append(batch([model.put('a', '1'), model.put('b', '1'), model.put('', 'empty key')], 5n))
      await log.append(batch([model.put('a', '2'), model.put('a', 'seen', 'evidence')], 9n))
      await log.append(batch([model.delete('b'), model.put('c', '')], 7n))
      await store.close()

      store = await reopen()
      const again = await store.openLog('flags')
      assert.deepEqual(contents(again.recovered), model.contents())
      assert.equal(again.recovered.clockMark, 9n, 'the greatest clock mark is kept')
      assert.equal(again.recovered.damaged, undefined)
      for (const row of again.recovered.rows) {
        const [key, value] = [Buffer.from(row.key).toString(), Buffer.from(row.value).toString()]
        assert.deepEqual(Buffer.from(row.hash), Buffer.from(hashOf(row.kind, key, value)))
      }
      again.releaseRecovered()
      assert.deepEqual(again.recovered.rows, [])
      assert.equal(again.recovered.clockMark, 9n)
      await store.close()
    }
  )

  scenario(
    'logs do not see each other, also when one name begins with the other',
    async ({ create, reopen }) => {
      const names = ['a', 'ab', 'a\u0000', 'ключ', 'b'.repeat(255)]
      let store = await create()
      for (const name of names) {
        const log = await store.openLog(name)
        await log.append(batch([new RowModel().put('key', name)], 1n))
      }
      await store.close()
      store = await reopen()
      for (const name of names) {
        const log = await store.openLog(name)
        assert.deepEqual(contents(log.recovered), { 'live key': name })
        assert.equal(log.recovered.damaged, undefined)
      }
      await store.close()
    }
  )

  scenario('appends resolve in the order of the calls, and the last write of a key stays', async parts => {
    const model = new RowModel()
    let store = await parts.create()
    const [x, y] = [await store.openLog('x'), await store.openLog('y')]
    const other = new RowModel()
    const order: number[] = []
    const pending: Promise<void>[] = []
    for (let i = 0; i < 200; i++) {
      const [log, owner] = i % 2 === 0 ? [x, model] : [y, other]
      pending.push(log.append(batch([owner.put('k', String(i))], BigInt(i))).then(() => void order.push(i)))
    }
    await Promise.all(pending)
    assert.deepEqual(
      order,
      Array.from({ length: 200 }, (_, i) => i)
    )
    await store.close()
    store = await parts.reopen()
    assert.deepEqual(contents((await store.openLog('x')).recovered), { 'live k': '198' })
    assert.deepEqual(contents((await store.openLog('y')).recovered), { 'live k': '199' })
    await store.close()
  })

  scenario('what the caller does to its arrays after append changes nothing', async ({ create, reopen }) => {
    let store = await create()
    const log = await store.openLog('flags')
    const key = utf8('key')
    const value = utf8('value')
    const hash = hashOf('live', 'key', 'value')
    const written = log.append(batch([{ kind: 'live', key, value, hash, replaces: undefined }]))
    key.fill(0)
    value.fill(0)
    hash.fill(0)
    await written
    await store.close()
    store = await reopen()
    const again = await store.openLog('flags')
    assert.deepEqual(contents(again.recovered), { 'live key': 'value' })
    assert.equal(again.recovered.damaged, undefined)
    await store.close()
  })

  scenario(
    'a malformed or oversized batch is refused whole, and the log goes on',
    async ({ create, reopen }) => {
      let store = await create()
      const log = await store.openLog('flags')
      const model = new RowModel()
      const good = new RowModel().put('good', '1')
      const oversized = { ...good, key: new Uint8Array(5_000) }
      const cases: readonly [string, Promise<void>][] = [
        ['RangeError', log.append(batch([good, oversized]))],
        ['RangeError', log.append(batch([good, { ...good, hash: new Uint8Array(31) }]))],
        ['RangeError', log.append(batch([good, { ...good, replaces: new Uint8Array(33) }]))],
        ['TypeError', log.append(batch([good, { ...good, hash: undefined }]))],
        ['TypeError', log.append(batch([good, { ...good, value: undefined }]))],
        ['TypeError', log.append(batch([good, { ...good, kind: 'tomb' as 'live' }]))],
        ['RangeError', log.append(batch([good], -1n))],
        ['RangeError', log.append(batch([good], 1n << 64n))]
      ]
      for (const [name, promise] of cases) assert.equal((await rejection(promise))?.name, name)
      await log.append(batch([model.put('after', 'all')], (1n << 64n) - 1n))
      await store.close()
      store = await reopen()
      const again = await store.openLog('flags')
      assert.deepEqual(contents(again.recovered), model.contents())
      assert.equal(again.recovered.clockMark, (1n << 64n) - 1n)
      await store.close()
    }
  )

  scenario('names are checked, and a log opens once at a time', async ({ create }) => {
    const store = await create()
    for (const bad of ['', 'x'.repeat(256), 'é'.repeat(128)]) {
      assert.equal((await rejection(store.openLog(bad)))?.name, 'RangeError')
    }
    assert.equal((await rejection(store.openLog('\ud800')))?.name, 'TypeError')
    assert.equal((await rejection(store.openLog(7 as unknown as string)))?.name, 'TypeError')
    const [first, second] = await Promise.allSettled([store.openLog('one'), store.openLog('one')])
    assert.equal(first?.status, 'fulfilled')
    assert.equal(second?.status, 'rejected')
    await (first as PromiseFulfilledResult<ReplicaLog>).value.close()
    const again = await store.openLog('one')
    assert.equal(again.name, 'one')
    await store.close()
  })

  scenario(
    'closing waits for what is queued, is idempotent, and ends everything',
    async ({ create, reopen }) => {
      const model = new RowModel()
      let store = await create()
      const log = await store.openLog('flags')
      const appends = Array.from({ length: 50 }, (_, i) => log.append(batch([model.put(`k${i}`, 'v')])))
      await Promise.all([store.close(), store.close()])
      assert.deepEqual(
        (await Promise.allSettled(appends)).map(one => one.status),
        Array.from({ length: 50 }, () => 'fulfilled')
      )
      assert.equal((await rejection(log.append(batch([]))))?.name, 'StoreClosedError')
      assert.equal((await rejection(store.openLog('flags')))?.name, 'StoreClosedError')
      await log.close()
      await store.close()
      store = await reopen()
      assert.deepEqual(contents((await store.openLog('flags')).recovered), model.contents())
      await store.close()
    }
  )
}
