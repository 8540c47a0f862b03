import assert from 'node:assert/strict'
import type { Scenario, StoreContractHarness } from './contract.ts'
import { RowModel, batch, contents, rejection } from './contract-rows.ts'
import type { StoreIndeterminateError } from './errors.ts'
import { restoreApplied } from './restore-applied.ts'
import type { ReplicaLog } from './types.ts'

/** How the suite makes a medium fail. */
export interface StoreContractFaults {
  /**
   * From now on every write fails, and so does opening. `kept`: the first one reaches the medium all the same; `lost`: it does not.
   */
  fail(first: 'kept' | 'lost'): void
  /** From now on everything works again. */
  heal(): void
}

interface Faulty extends StoreContractHarness {
  readonly faults: StoreContractFaults
}

/** What every store must do whose medium can fail. */
export function faultContract(register: Scenario): void {
  const scenario = (name: string, run: (parts: Faulty) => Promise<void>): void =>
    register(name, parts => {
      assert.ok(parts.faults !== undefined, 'the harness has to bring faults')
      return run({ ...parts, faults: parts.faults })
    })

  for (const first of ['kept', 'lost'] as const) {
    scenario(
      `a failed write stops the store, and recovering restores what was applied (the write is ${first})`,
      async ({ create, reopen, faults }) => {
        let store = await create()
        const [log, other] = [await store.openLog('flags'), await store.openLog('other')]
        const model = new RowModel()
        await log.append(batch([model.put('a', '1'), model.put('b', '1')], 5n))
        await other.append(batch([new RowModel().put('o', '1')], 6n))

        faults.fail(first)
        const attempt = new RowModel()
        attempt.rows.set('live a', '1')
        const change = batch([attempt.put('a', '2')], 9n)
        const [failed, behind] = await Promise.all([
          rejection(log.append(change)),
          new Promise<Error | undefined>(resolve =>
            queueMicrotask(() => void rejection(other.append(batch([]))).then(resolve))
          )
        ])
        assert.equal(failed?.name, 'StoreIndeterminateError')
        assert.match(behind?.name ?? 'none', /^Store(Indeterminate|Poisoned)Error$/)
        for (const one of [log, other]) {
          assert.equal((await rejection(one.append(batch([]))))?.name, 'StorePoisonedError')
          assert.equal(one.poisoned?.name, 'StorePoisonedError')
        }
        assert.equal((await rejection(store.openLog('third')))?.name, 'StorePoisonedError')
        assert.equal(store.stats().poisoned, true)

        // While nothing works, neither does recovering, and trying costs nothing.
        const refused = await rejection(log.recover(() => []))
        assert.equal(refused?.name, 'StoreOpenError')
        assert.equal((refused as Error & { retryable?: boolean }).retryable, true)
        faults.heal()
        assert.equal((await rejection(log.append(batch([]))))?.name, 'StorePoisonedError')

        // Meanwhile the owner applied something that is not on disk.
        model.put('c', 'received')
        const recovery = await log.recover(found => {
          assert.equal(contents(found)['live a'], first === 'kept' ? '2' : '1')
          if (first === 'kept') model.put('a', '2')
          return restoreApplied(found, model.applied(), 9n)
        })
        assert.equal(recovery.proven, true)
        assert.equal(recovery.rowsRestored, 1)
        assert.equal(await (failed as StoreIndeterminateError).tookEffect, first === 'kept')
        await log.append(batch([model.put('d', 'after')], 11n))

        // The other log of the store recovers for itself.
        assert.equal((await rejection(other.append(batch([]))))?.name, 'StorePoisonedError')
        assert.equal((await other.recover(() => [])).proven, true)
        await other.append(batch([]))
        assert.equal(store.poisoned, undefined)
        assert.equal((await store.verify()).ok, true)
        assert.equal(store.stats().recoveries, 1)
        await store.close()

        store = await reopen()
        const again = await store.openLog('flags')
        assert.deepEqual(contents(again.recovered), model.contents())
        assert.equal(again.recovered.clockMark, 11n)
        assert.equal(again.recovered.damaged, undefined)
        assert.deepEqual(contents((await store.openLog('other')).recovered), { 'live o': '1' })
        await store.close()
      }
    )
  }

  scenario(
    'a recovery that fails can be tried again and loses nothing',
    async ({ create, reopen, faults }) => {
      let store = await create()
      const log = await store.openLog('flags')
      const model = new RowModel()
      await log.append(batch([model.put('a', '1')]))
      const failed = await failOnce(log, faults)
      for (let i = 0; i < 3; i++) model.put(`applied ${i}`, String(i))
      // The medium fails once more while the owner's rows are written.
      const half = log.recover(found => {
        faults.fail('lost')
        return restoreApplied(found, model.applied(), 1n)
      })
      assert.equal((await rejection(half))?.name, 'StoreIndeterminateError')
      assert.equal((await rejection(log.append(batch([]))))?.name, 'StorePoisonedError')
      faults.heal()
      const thrown = new Error('the owner is not ready')
      const owner = log.recover(() => {
        throw thrown
      })
      assert.equal(await rejection(owner), thrown)
      assert.equal((await rejection(log.append(batch([]))))?.name, 'StorePoisonedError')
      const recovery = await log.recover(found => restoreApplied(found, model.applied(), 1n))
      assert.equal(recovery.rowsRestored, 3)
      assert.equal(await failed.tookEffect, false)
      await store.close()
      store = await reopen()
      assert.deepEqual(contents((await store.openLog('flags')).recovered), model.contents())
      await store.close()
    }
  )

  scenario(
    'a log that is closed instead of recovered says that it does not know',
    async ({ create, faults }) => {
      const store = await create()
      const log = await store.openLog('flags')
      const failed = await failOnce(log, faults)
      await log.close()
      assert.equal(await failed.tookEffect, undefined)
      assert.equal((await rejection(log.recover(() => [])))?.name, 'StoreClosedError')
      await store.close()
    }
  )
}

/** Lets one append fail, and heals the medium. */
async function failOnce(log: ReplicaLog, faults: StoreContractFaults): Promise<StoreIndeterminateError> {
  faults.fail('lost')
  const failed = await rejection(log.append(batch([new RowModel().put('lost', '1')])))
  faults.heal()
  assert.equal(failed?.name, 'StoreIndeterminateError')
  return failed as StoreIndeterminateError
}
