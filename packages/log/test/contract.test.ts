import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { createMemoryMedium, createMemoryStore, openStore, type Store } from '../src/index.ts'
import { storeContract, type StoreContractHarness } from './contract.ts'

for (const durability of ['sync', 'async'] as const) {
  describe(`classic-level, ${durability}`, () => {
    storeContract(test, async (): Promise<StoreContractHarness> => {
      const directory = await mkdtemp(join(tmpdir(), 'starling-log-'))
      const open = (): Promise<Store> => openStore({ directory, durability })
      return { create: open, reopen: open, dispose: () => rm(directory, { recursive: true, force: true }) }
    })
  })
}

describe('memory', () => {
  storeContract(test, async (): Promise<StoreContractHarness> => {
    const medium = createMemoryMedium()
    const open = async (): Promise<Store> => createMemoryStore({ medium })
    return { create: open, reopen: open, dispose: async () => {} }
  })
})
