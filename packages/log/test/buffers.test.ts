import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createMemoryStore, openStore, type Store } from '../src/index.ts'
import { RowModel, batch, contents } from './row-fixtures.ts'

// A Node buffer's slice() is a view, so a store that copies with it keeps what its caller goes on to change.
test.each(['disk', 'memory'])(
  'what the caller does to its Node buffers after append changes nothing: %s',
  async kind => {
    const directory = await mkdtemp(join(tmpdir(), 'starling-log-'))
    const store: Store = kind === 'disk' ? await openStore({ directory }) : createMemoryStore()
    try {
      const model = new RowModel()
      const log = await store.openLog('a')
      for (const plain of [model.put('k', 'one'), model.put('k', 'two')]) {
        const { value, hash, replaces } = plain
        const row = {
          ...plain,
          key: Buffer.from(plain.key),
          value: Buffer.from(value ?? []),
          hash: Buffer.from(hash ?? []),
          replaces: replaces === undefined ? undefined : Buffer.from(replaces)
        }
        const appended = log.append(batch([row]))
        for (const bytes of [row.key, row.value, row.hash, row.replaces]) bytes?.fill(0)
        await appended
      }
      await log.close()
      const { recovered } = await store.openLog('a')
      expect(recovered.damaged).toBeUndefined()
      expect(contents(recovered)).toEqual(model.contents())
    } finally {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    }
  }
)
