import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { openStore, restoreApplied, type StoreIndeterminateError } from '../src/index.ts'
import { classicLevel, type Level } from '../src/level.ts'
import { openStoreOn } from '../src/open-store.ts'
import { FaultSwitch } from './fault-switch.ts'
import { RowModel, batch, contents, rejection, withFolder } from './row-fixtures.ts'

// Goal: full disks and failing syncs of a real LevelDB lose nothing that was acknowledged, and need no restart. What the host does
// not allow is said aloud.

const WRITER = join(import.meta.dirname, 'child', 'fsync-writer.mjs')
const run = promisify(execFile)

/** A file system of a few megabytes; `undefined` where the host does not let us mount one. */
async function mountSmall(folder: string): Promise<(() => Promise<unknown>) | undefined> {
  if (process.platform !== 'linux') return undefined
  await mkdir(folder)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', folder])
    return () => run('umount', ['-l', folder])
  } catch {
    return undefined
  }
}

test('a full disk is a typed error that can be tried again, loses nothing, and is over once there is space', () =>
  withFolder(async folder => {
    const small = join(folder, 'small')
    const unmount = await mountSmall(small)
    process.stdout.write(
      unmount === undefined
        ? 'FULL DISK: no small file system can be mounted here (needs root on Linux); the error is injected instead\n'
        : 'full disk: on a tmpfs of 12 MiB\n'
    )
    try {
      await (unmount === undefined ? fillInjected(join(folder, 'data')) : fillReal(small))
    } finally {
      await unmount?.()
    }
  }))

async function fillReal(folder: string): Promise<void> {
  const ballast = await open(join(folder, 'ballast'), 'w')
  await ballast.write(Buffer.alloc(6 * 1024 * 1024))
  await ballast.close()
  const directory = join(folder, 'data')
  let store = await openStore({ directory })
  const log = await store.openLog('a')
  const model = new RowModel()
  let failed: Error | undefined
  let acknowledged = 0
  for (let i = 0; failed === undefined && i < 10_000; i++) {
    const row = model.put(`k${i}`, `${i} ${String(Math.sin(i)).repeat(200)}`)
    failed = await rejection(log.append(batch([row], BigInt(i))))
    if (failed === undefined) acknowledged++
    else model.rows.delete(`live k${i}`)
  }
  expect(failed?.name).toBe('StoreIndeterminateError')
  expect(acknowledged).toBeGreaterThan(10)
  // The disk is still full: LevelDB cannot even open, or it can and restoring something large fails.
  const huge = 'x'.repeat(3 * 1024 * 1024)
  for (let i = 0; i < 3; i++) {
    const again = await rejection(
      log.recover(function* () {
        for (let j = 0; j < 4; j++) yield batch([new RowModel().put(`huge ${j}`, huge)])
      })
    )
    expect(['StoreOpenError', 'StoreIndeterminateError', 'StorePoisonedError']).toContain(again?.name)
    if (again?.name === 'StoreOpenError') expect(again).toMatchObject({ reason: 'full', retryable: true })
    expect((await rejection(log.append(batch([]))))?.name).toBe('StorePoisonedError')
  }
  await rm(join(folder, 'ballast'))
  const recovery = await log.recover(found => restoreApplied(found, model.applied(), BigInt(acknowledged)))
  expect(recovery.proven).toBe(true)
  expect(typeof (await (failed as StoreIndeterminateError).tookEffect)).toBe('boolean')
  await log.append(batch([model.put('after', 'all')], BigInt(acknowledged) + 1n))
  await store.close()
  store = await openStore({ directory })
  const { recovered } = await store.openLog('a')
  expect(contents(recovered)).toEqual(model.contents())
  expect(recovered.damaged).toBeUndefined()
  await store.close()
  process.stdout.write(`full disk: ${acknowledged} acknowledged appends, 0 lost\n`)
}

test('a disk that fills while files are compacted costs nothing that was acknowledged', () =>
  withFolder(async folder => {
    const small = join(folder, 'small')
    const unmount = await mountSmall(small)
    if (unmount === undefined) {
      process.stdout.write(
        'FULL DISK WHILE COMPACTING: no small file system can be mounted here; not tried\n'
      )
    }
    try {
      if (unmount !== undefined) await compactFull(small)
    } finally {
      await unmount?.()
    }
  }))

/** Compacting 4 MiB of rows needs as much again, which is not there; the database only says so at the next write. */
async function compactFull(folder: string): Promise<void> {
  const level = { at: undefined as Level | undefined }
  const directory = join(folder, 'data')
  const store = await openStoreOn({ directory }, location => (level.at = classicLevel(location)))
  const log = await store.openLog('a')
  const model = new RowModel()
  for (let i = 0; i < 40; i++) {
    await log.append(batch([model.put(`k${i}`, randomBytes(60_000).toString('base64'))], BigInt(i)))
  }
  const ballast = await open(join(folder, 'ballast'), 'w')
  const { bavail, bsize } = await statfs(folder)
  await ballast.write(Buffer.alloc(bavail * bsize - 64 * 1024))
  await ballast.close()
  const compacted = await rejection(level.at?.compact() ?? Promise.resolve())
  let failed: Error | undefined
  let acknowledged = 0
  for (let i = 0; failed === undefined && i < 500; i++) {
    const row = model.put('n', `${i} ${'.'.repeat(1_000)}`)
    const before = model.rows.get('live n')
    failed = await rejection(log.append(batch([row], 100n)))
    if (failed === undefined) acknowledged++
    else if (before === undefined) model.rows.delete('live n')
  }
  process.stdout.write(
    `full disk while compacting: compaction ${compacted === undefined ? 'said nothing' : 'failed'}, ` +
      `then ${acknowledged} appends were acknowledged and one failed\n`
  )
  expect(failed?.name).toBe('StoreIndeterminateError')
  await rm(join(folder, 'ballast'))
  const recovery = await log.recover(found => restoreApplied(found, model.applied(), 101n))
  expect(recovery.proven).toBe(true)
  await log.append(batch([model.put('after', 'all')], 102n))
  await store.close()
  const again = await openStore({ directory })
  const { recovered } = await again.openLog('a')
  expect(contents(recovered)).toEqual(model.contents())
  expect(recovered.damaged).toBeUndefined()
  await again.close()
}

async function fillInjected(directory: string): Promise<void> {
  const faults = new FaultSwitch()
  const store = await openStoreOn({ directory }, location => faults.over(classicLevel(location)))
  const log = await store.openLog('a')
  const model = new RowModel()
  for (let i = 0; i < 100; i++) await log.append(batch([model.put(`k${i}`, String(i))], BigInt(i)))
  faults.fail('lost')
  expect((await rejection(log.append(batch([new RowModel().put('x', '1')]))))?.name).toBe(
    'StoreIndeterminateError'
  )
  expect(await rejection(log.recover(() => []))).toMatchObject({ reason: 'full', retryable: true })
  faults.heal()
  await log.recover(found => restoreApplied(found, model.applied(), 100n))
  await log.append(batch([model.put('after', 'all')], 101n))
  await store.close()
  const again = await openStore({ directory })
  expect(contents((await again.openLog('a')).recovered)).toEqual(model.contents())
  await again.close()
}

test('sixty failures in a row, in turn reaching a real database and not, are recovered in place one after another', () =>
  withFolder(async directory => {
    const faults = new FaultSwitch()
    const store = await openStoreOn({ directory }, location => faults.over(classicLevel(location)))
    const log = await store.openLog('a')
    const model = new RowModel()
    for (let i = 0; i < 60; i++) {
      await log.append(batch([model.put(`k${i % 7}`, String(i))], BigInt(2 * i)))
      const kept = i % 2 === 0
      const before = new Map(model.rows)
      faults.fail(kept ? 'kept' : 'lost')
      const failed = await rejection(
        log.append(batch([model.put(`x${i % 5}`, String(i))], BigInt(2 * i + 1)))
      )
      faults.heal()
      if (!kept) {
        model.rows.clear()
        for (const [id, value] of before) model.rows.set(id, value)
      }
      const { proven } = await log.recover(found => restoreApplied(found, model.applied(), BigInt(2 * i + 1)))
      expect([proven, await (failed as StoreIndeterminateError).tookEffect]).toEqual([true, kept])
    }
    await store.close()
    const again = await openStore({ directory })
    expect(contents((await again.openLog('a')).recovered)).toEqual(model.contents())
    await again.close()
  }))

const STRACE = 'strace'
const SYNCS = Number(process.env['STARLING_FAILED_SYNCS'] ?? 6)

/** strace can make a system call of a child fail, without anything being loaded into it. */
function canInject(): boolean {
  if (process.platform !== 'linux') return false
  try {
    execFileSync(STRACE, ['-f', '-o', '/dev/null', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const injecting = canInject()
test(
  injecting
    ? `when the system's own fdatasync fails, at ${SYNCS} different calls of the first 60, nothing acknowledged is lost`
    : `FAILED SYNCS: strace is not there or may not trace; a real failing fdatasync was tried 0 times`,
  () =>
    withFolder(async folder => {
      if (!injecting) {
        process.stdout.write(
          'FAILED SYNCS: strace is not there or may not trace; not tried, the injected ones were\n'
        )
        return expect(injecting).toBe(false)
      }
      let [failures, tookEffect, openings] = [0, 0, 0]
      for (let k = 0; k < SYNCS; k++) {
        const nth = SYNCS === 1 ? 30 : 1 + Math.round((k * 59) / (SYNCS - 1))
        const directory = join(folder, String(nth))
        const inject = `inject=fdatasync:error=EIO:when=${nth}`
        const traced = ['-f', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', inject]
        const child = spawn(STRACE, [...traced, process.execPath, WRITER, directory], {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { ...process.env, UV_USE_IO_URING: '0' }
        })
        const chunks: Buffer[] = []
        child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk))
        await once(child, 'close')
        const lines = Buffer.concat(chunks).toString().trim().split('\n')
        const acknowledged = lines.flatMap(line => line.match(/^acknowledged (\d+)$/)?.[1] ?? [])
        const recovered = lines.flatMap(
          line => line.match(/^recovered (\d+) (true|false) true$/)?.slice(1) ?? []
        )
        const store = await openStore({ directory })
        const found = contents((await store.openLog('crash')).recovered)
        const expected = new Set(acknowledged)
        for (let i = 0; i < recovered.length; i += 2) {
          failures++
          if (recovered[i + 1] !== 'true') continue
          tookEffect++
          expected.add(recovered[i] as string)
        }
        expect(Object.values(found).toSorted()).toEqual([...expected].toSorted())
        expect(lines.at(-1)).toBe('end')
        openings += lines[0] === 'opening failed StoreOpenError true' ? 1 : 0
        await store.close()
      }
      expect(failures).toBeGreaterThan(0)
      process.stdout.write(
        `failed fdatasync: ${SYNCS} runs, ${openings} failed openings, ${failures} failed appends of which ${tookEffect} took effect, 0 lost\n`
      )
    }),
  60_000 + SYNCS * 10_000
)
