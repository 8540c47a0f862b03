import { mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { destroyStore, moveStoreAside, openStore } from '../src/index.ts'
import { RowModel, batch, contents, rejection, withFolder } from './row-fixtures.ts'

async function fill(directory: string): Promise<void> {
  const store = await openStore({ directory })
  await (await store.openLog('flags')).append(batch([new RowModel().put('a', '1')], 7n))
  await store.close()
}

describe.each([
  ['destroying', destroyStore],
  ['moving aside', moveStoreAside]
] as const)('%s', (_, act) => {
  test('is refused while somebody owns the folder, under any of its names, and changes nothing', () =>
    withFolder(async folder => {
      const directory = join(folder, 'data')
      const alias = join(folder, 'alias')
      const store = await openStore({ directory })
      await symlink(directory, alias)
      const log = await store.openLog('flags')
      for (const name of [directory, alias]) {
        expect(await rejection(act({ directory: name }))).toMatchObject({
          name: 'StoreLockedError',
          pid: process.pid
        })
      }
      await log.append(batch([new RowModel().put('a', '1')]))
      await store.close()
      const again = await openStore({ directory })
      expect(contents((await again.openLog('flags')).recovered)).toEqual({ 'live a': '1' })
      await again.close()
    }))

  test('does nothing where there is nothing', () =>
    withFolder(async folder => {
      await act({ directory: join(folder, 'never') })
      await act({ directory: folder })
      expect(await readdir(folder)).toEqual([])
      expect((await rejection(act({ directory: '' })))?.name).toBe('TypeError')
    }))
})

test('destroying leaves everything but the store, and what is opened then is new', () =>
  withFolder(async directory => {
    await fill(directory)
    await writeFile(join(directory, 'identity'), 'mine')
    await destroyStore({ directory })
    expect(await readdir(directory)).toEqual(['identity'])
    const store = await openStore({ directory })
    const { recovered } = await store.openLog('flags')
    expect([contents(recovered), recovered.damaged, recovered.clockMark]).toEqual([{}, undefined, 0n])
    await store.close()
  }))

test.each([
  ['garbage in CURRENT', async (store: string) => writeFile(join(store, 'CURRENT'), 'nonsense')],
  [
    'a manifest that is gone',
    async (store: string) => {
      const name = (await readFile(join(store, 'CURRENT'), 'utf8')).trim()
      await rm(join(store, name))
    }
  ]
] as const)(
  'a folder with %s is refused as it is, and goes on once its database is moved aside',
  (_, spoil) =>
    withFolder(async directory => {
      await fill(directory)
      await spoil(join(directory, 'store'))
      const before = await readdir(join(directory, 'store'))
      for (let i = 0; i < 2; i++) {
        expect(await rejection(openStore({ directory }))).toMatchObject({
          name: 'StoreOpenError',
          reason: 'corrupt',
          retryable: false
        })
      }
      const aside = await moveStoreAside({ directory })
      expect(aside?.endsWith('store.aside-1')).toBe(true)
      expect(await readdir(aside as string)).toEqual(
        expect.arrayContaining(before.filter(name => !name.startsWith('LO')))
      )
      for (let i = 0; i < 2; i++) {
        const store = await openStore({ directory })
        const { recovered } = await store.openLog('flags')
        expect(recovered.damaged?.damage).toMatchObject([{ type: 'behindMark' }])
        expect(recovered.clockMark).toBe(7n)
        await store.close()
      }
      const store = await openStore({ directory })
      await (await store.openLog('flags')).append(batch([new RowModel().put('a', 'fetched')], 8n))
      await store.close()
      const again = await openStore({ directory })
      expect((await again.openLog('flags')).recovered.damaged).toBeUndefined()
      await again.close()
      expect((await moveStoreAside({ directory }))?.endsWith('store.aside-2')).toBe(true)
    })
)

test('a database that was moved aside is missed also when its mark is gone', () =>
  withFolder(async directory => {
    await fill(directory)
    await rm(join(directory, 'mark'))
    await mkdir(join(directory, 'store.aside-1'))
    expect((await moveStoreAside({ directory }))?.endsWith('store.aside-2')).toBe(true)
    const store = await openStore({ directory })
    expect((await store.openLog('flags')).recovered.damaged?.damage).toMatchObject([{ type: 'behindMark' }])
    await store.close()
  }))
