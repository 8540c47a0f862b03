import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { storeContract, type StoreContractHarness } from '../src/contract.ts'
import { createMemoryMedium, createMemoryStore, type Store } from '../src/index.ts'
import { classicLevel } from '../src/level.ts'
import { openStoreOn } from '../src/open-store.ts'
import { FaultSwitch } from './fault-switch.ts'

for (const durability of ['sync', 'async'] as const) {
  describe(`classic-level, ${durability}`, () => {
    storeContract(
      test,
      async (): Promise<StoreContractHarness> => {
        const directory = await mkdtemp(join(tmpdir(), 'starling-log-'))
        const faults = new FaultSwitch()
        const open = (): Promise<Store> =>
          openStoreOn({ directory, durability }, location => faults.over(classicLevel(location)))
        const dispose = (): Promise<void> => rm(directory, { recursive: true, force: true })
        return { create: open, reopen: open, dispose, faults }
      },
      { faults: true }
    )
  })
}

describe('memory', () => {
  storeContract(test, async (): Promise<StoreContractHarness> => {
    const medium = createMemoryMedium()
    const open = async (): Promise<Store> => createMemoryStore({ medium })
    return { create: open, reopen: open, dispose: async () => {} }
  })
})
