import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore } from '../src/index.ts'
import { takeGuard } from '../src/guard.ts'
import { thisProcess } from '../src/process-identity.ts'
import { rejection, withFolder } from './row-fixtures.ts'

const HOLDER = join(import.meta.dirname, 'child', 'holder.mjs')

async function hold(directory: string): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, [HOLDER, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  return { child, said: chunk.toString().trim() }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

describe('in one process', () => {
  test('a second handle is refused under every name of the folder, and the first goes on', () =>
    withFolder(async folder => {
      const directory = join(folder, 'data')
      const store = await openStore({ directory })
      const alias = join(folder, 'alias')
      await symlink(directory, alias)
      for (const name of [
        directory,
        alias,
        relative(process.cwd(), directory),
        join(folder, '.', 'alias', '.')
      ]) {
        expect(await rejection(openStore({ directory: name }))).toMatchObject({
          name: 'StoreLockedError',
          pid: process.pid
        })
      }
      // The refused openings must not have cost us the folder: another process is still kept out.
      const { child, said } = await hold(alias)
      expect(said).toBe(`StoreLockedError ${process.pid}`)
      await ended(child)
      await store.close()
      const again = await openStore({ directory: alias })
      await again.close()
    }))

  test('of many openings at once exactly one succeeds', () =>
    withFolder(async directory => {
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => openStore({ directory })))
      const opened = outcomes.flatMap(one => (one.status === 'fulfilled' ? one.value : []))
      const names = outcomes.flatMap(one => (one.status === 'rejected' ? (one.reason as Error).name : []))
      expect(opened.length).toBe(1)
      expect(new Set(names)).toEqual(new Set(['StoreLockedError']))
      await opened[0]?.close()
      expect((await readdir(directory)).toSorted()).toEqual(['mark', 'store'])
    }))

  test('closing twice gives up the folder once, and a later owner keeps it', () =>
    withFolder(async directory => {
      const first = await openStore({ directory })
      await first.close()
      const second = await openStore({ directory })
      await first.close()
      expect((await rejection(openStore({ directory })))?.name).toBe('StoreLockedError')
      await second.close()
    }))
})

describe('across processes', () => {
  test('a living owner keeps everybody out and is named; after its end or its death the folder is free at once', () =>
    withFolder(async directory => {
      const polite = await hold(directory)
      expect(polite.said).toBe('open')
      expect(await rejection(openStore({ directory }))).toMatchObject({
        name: 'StoreLockedError',
        pid: polite.child.pid
      })
      polite.child.stdin?.end()
      await ended(polite.child)

      const killed = await hold(directory)
      expect(killed.said).toBe('open')
      killed.child.kill('SIGKILL')
      await ended(killed.child)
      expect(await readdir(directory)).toContain('lock')
      const store = await openStore({ directory })
      await store.close()
    }))

  test('a lock of a process id that was used again, of an earlier boot, or unreadable, is no owner', () =>
    withFolder(async directory => {
      const self = await thisProcess()
      const id = '0123456789abcdef-0'
      const stale = [
        JSON.stringify({ ...self, start: 'another-boot:1', id }),
        JSON.stringify({ pid: 2 ** 22 + 1, start: undefined, id }),
        JSON.stringify({ pid: -1, id }),
        // Where start times can be read, one of this process has its own.
        ...(self.start === undefined ? [] : [JSON.stringify({ ...self, id }).replace('"start"', '"stars"')]),
        '',
        '{"pid":'
      ]
      for (const text of stale) {
        await writeFile(join(directory, 'lock'), text)
        const store = await openStore({ directory })
        await store.close()
      }
      expect(await readdir(directory)).not.toContain('lock')
    }))

  test('processes that find a dead owner at once agree on one successor', () =>
    withFolder(async folder => {
      for (let round = 0; round < 3; round++) {
        const directory = join(folder, String(round))
        await mkdir(directory)
        const dead = { pid: 2 ** 22 + 1, id: '0123456789abcdef-0' }
        await writeFile(join(directory, 'lock'), JSON.stringify(dead))
        // One of them died while it was taking over.
        await writeFile(
          join(directory, `lock.${dead.id}`),
          JSON.stringify({ ...dead, id: 'fedcba9876543210-1' })
        )
        const holders = await Promise.all(Array.from({ length: 4 }, () => hold(directory)))
        expect(holders.filter(holder => holder.said === 'open').length).toBe(1)
        for (const { child, said } of holders) {
          if (said !== 'open') expect(said).toMatch(/^StoreLockedError \d+$/)
          child.stdin?.end()
        }
        await Promise.all(holders.map(holder => ended(holder.child)))
        expect((await readdir(directory)).filter(name => name.startsWith('lock'))).toEqual([])
      }
    }))
})

test('a guard that another owner has replaced is not removed by the one before', () =>
  withFolder(async directory => {
    const guard = await takeGuard(directory)
    const other = JSON.stringify({ ...(await thisProcess()), id: 'aaaaaaaaaaaaaaaa-0' })
    await writeFile(join(directory, 'lock'), other)
    await guard.release()
    expect(await readdir(directory)).toEqual(['lock'])
  }))
