import assert from 'node:assert/strict'
import type { Scenario } from './contract.ts'
import { RowModel, batch, contents, rejection } from './contract-rows.ts'

/** What every store must do beyond the rows of one log: names, several logs, closing, verifying, destroying. */
export function storeWideContract(scenario: Scenario): void {
  scenario('names are checked, and a log opens once at a time', async ({ create }) => {
    const store = await create()
    for (const bad of ['', 'x'.repeat(256), 'é'.repeat(128)]) {
      assert.equal((await rejection(store.openLog(bad)))?.name, 'RangeError')
    }
    assert.equal((await rejection(store.openLog('\ud800')))?.name, 'TypeError')
    assert.equal((await rejection(store.openLog(7 as unknown as string)))?.name, 'TypeError')
    const [first, second] = await Promise.allSettled([store.openLog('one'), store.openLog('one')])
    assert.equal(second?.status, 'rejected')
    assert.ok(first?.status === 'fulfilled')
    await first.value.close()
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

  scenario('verifying reads everything, also of closed logs, and finds nothing wrong', async ({ create }) => {
    const store = await create()
    const [a, b] = [await store.openLog('a'), await store.openLog('b')]
    const [model, other] = [new RowModel(), new RowModel()]
    await a.append(batch([model.put('k', '1'), model.put('l', '1'), model.put('k', '1', 'evidence')], 3n))
    await b.append(batch([other.put('k', 'b')], 4n))
    await b.close()
    const [verified] = await Promise.all([
      store.verify(),
      a.append(batch([model.put('k', '2'), model.delete('l')]))
    ])
    assert.equal(verified.ok, true)
    assert.deepEqual(verified.damage, [])
    for (const log of verified.logs) {
      assert.deepEqual([log.damage, log.quarantined], [[], []])
      assert.equal(log.rows, log.expected)
      assert.ok(log.bytes > 0)
    }
    assert.deepEqual(verified.logs.map(log => log.name).toSorted(), ['a', 'b'])
    await store.close()
    assert.equal((await rejection(store.verify()))?.name, 'StoreClosedError')
  })

  scenario('a destroyed log is new when it is opened again, and the others stay', async parts => {
    let store = await parts.create()
    const [gone, kept] = [await store.openLog('gone'), await store.openLog('gon')]
    const model = new RowModel()
    await gone.append(batch([new RowModel().put('k', '1')], 50n))
    await kept.append(batch([model.put('k', '1')], 1n))
    assert.equal((await rejection(store.destroyLog('gone')))?.name, 'TypeError')
    await gone.close()
    await store.destroyLog('gone')
    await store.destroyLog('never there')
    const again = await store.openLog('gone')
    assert.deepEqual(contents(again.recovered), {})
    await again.append(batch([new RowModel().put('k', '2')], 51n))
    await again.destroy()
    assert.deepEqual(contents((await store.openLog('gone')).recovered), {})
    assert.equal((await store.verify()).ok, true)
    await store.close()
    assert.equal((await rejection(store.destroyLog('gone')))?.name, 'StoreClosedError')
    store = await parts.reopen()
    assert.deepEqual(contents((await store.openLog('gone')).recovered), {})
    const { recovered } = await store.openLog('gon')
    assert.deepEqual(contents(recovered), model.contents())
    assert.equal(recovered.damaged, undefined)
    await store.close()
  })

  scenario('without a failure there is nothing to recover', async ({ create }) => {
    const store = await create()
    const log = await store.openLog('flags')
    assert.equal(log.poisoned, undefined)
    assert.equal((await rejection(log.recover(() => [])))?.name, 'TypeError')
    await log.append(batch([new RowModel().put('a', '1')]))
    assert.equal(store.poisoned, undefined)
    const stats = store.stats()
    assert.deepEqual([stats.logs, stats.poisoned, stats.queuedAppends], [1, false, 0])
    await store.close()
  })
}
