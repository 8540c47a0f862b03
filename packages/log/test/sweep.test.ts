import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '../src/index.ts'
import { withFolder } from './row-fixtures.ts'

test('opening removes what dead contenders left, and no file or folder of others', () =>
  withFolder(async directory => {
    const id = '00000000deadbeef-0'
    const dead = JSON.stringify({ pid: 2 ** 30, start: 'never', id })
    const left = [
      `lock.ticket-${id}`,
      `lock.ticket-${id}.0`,
      `lock.${id}`,
      `lock.unreadable`,
      `lock.${id}.${id}`
    ]
    for (const name of left) await writeFile(join(directory, name), dead)
    const others = ['lock.json', 'lock.', 'lock.ticket-mine', 'lockfile']
    for (const name of others) await writeFile(join(directory, name), 'not ours')
    // A living contender's ticket, between its creation and its writing.
    const begun = 'lock.ticket-00000000feedbeef-0'
    await writeFile(join(directory, begun), '')
    others.push(begun)
    await mkdir(join(directory, 'lock.d'))
    await mkdir(join(directory, 'lock.0'))
    // One that has the form of ours and cannot even be read keeps nobody out.
    const store = await openStore({ directory })
    const names = (await readdir(directory)).sort()
    expect(names).toEqual([...others, 'lock', 'lock.0', 'lock.d', 'mark', 'store'].sort())
    await store.close()
  }))
