/**
 * What every store must do, whatever it writes to: the cases that the stores of this package pass, for anyone who brings
 * another. It needs nothing of the test runner but a place for its cases, and reports by `node:assert`.
 *
 * @example
 * ```ts
 * import { storeContract } from '@starling/log/contract'
 * import { test } from 'vitest'
 *
 * storeContract(test, async () => ({ create: open, reopen: open, dispose: async () => {} }))
 * ```
 *
 * @packageDocumentation
 */
import assert from 'node:assert/strict'
import { faultContract, type StoreContractFaults } from './contract-faults.ts'
import { storeWideContract } from './contract-logs.ts'
import { RowModel, batch, contents, hashOf, rejection, utf8 } from './contract-rows.ts'
import type { Store } from './types.ts'

export type { StoreContractFaults }

/** How the suite gets at an implementation. One is made for each case. */
export interface StoreContractHarness {
  /** A store on an empty medium. */
  readonly create: () => Promise<Store>
  /** The store's medium again, after the store was closed. */
  readonly reopen: () => Promise<Store>
  /** Removes the medium. */
  readonly dispose: () => Promise<void>
  /** Makes the medium fail, where that can be. */
  readonly faults?: StoreContractFaults
}

/** Where the suite puts its cases: any test runner's `test`. */
export type RegisterTest = (name: string, run: () => Promise<void>) => void

/** What the suite has to know before it makes its cases. */
export interface StoreContractOptions {
  /** The harness brings `faults`: the cases about failed writes are added. Default false. */
  readonly faults?: boolean
}

/** Registers the suite. */
export function storeContract(
  test: RegisterTest,
  harness: () => Promise<StoreContractHarness>,
  options: StoreContractOptions = {}
): void {
  const scenario = (name: string, run: (parts: StoreContractHarness) => Promise<void>): void =>
    test(name, async () => {
      const parts = await harness()
      try {
        await run(parts)
      } finally {
        await parts.dispose()
      }
    })
  rowContract(scenario)
  storeWideContract(scenario)
  if (options.faults === true) faultContract(scenario)
}

/** Where the suite puts one case. */
export type Scenario = (name: string, run: (parts: StoreContractHarness) => Promise<void>) => void

function rowContract(scenario: Scenario): void {
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
      await log.append(batch([model.put('a', 'of a', 'known'), model.put('a', 'kept', 'setAside')], 9n))
      await log.append(batch([model.put('a', 'now', 'known'), model.put('b', 'x', 'setAside')], 9n))
      await log.append(batch([model.delete('b', 'setAside'), model.delete('b'), model.put('c', '')], 7n))
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
      assert.equal(again.recovered.rows.length, 0)
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

  scenario('an append without rows keeps its clock mark', async ({ create, reopen }) => {
    const model = new RowModel()
    let store = await create()
    const [used, fresh] = [await store.openLog('used'), await store.openLog('fresh')]
    await used.append(batch([model.put('a', '1')], 5n))
    await Promise.all([used.append(batch([], 70n)), fresh.append(batch([], 60n))])
    await used.append(batch([], 8n))
    await store.close()
    store = await reopen()
    const [again, other] = [await store.openLog('used'), await store.openLog('fresh')]
    assert.deepEqual([again.recovered.clockMark, other.recovered.clockMark], [70n, 60n])
    assert.deepEqual([again.recovered.damaged, other.recovered.damaged], [undefined, undefined])
    assert.deepEqual(contents(again.recovered), model.contents())
    assert.deepEqual(contents(other.recovered), {})
    assert.equal((await store.verify()).ok, true)
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
}
