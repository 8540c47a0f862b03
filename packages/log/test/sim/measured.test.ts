import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import { SimDisk, SimLevel, type DiskProcess } from '@starling/sim'
import { classicLevel, type Level } from '../../src/level.ts'
import { utf8 } from '../row-fixtures.ts'

const run = promisify(execFile)
/** Linux's; it can limit the size of a file, which is as good as a full disk. */
const PRLIMIT = '/usr/bin/prlimit'
const child = (name: string): string => join(import.meta.dirname, '..', 'child', name)

/** A database whose files a test can reach: the real one in a temporary folder, or the simulated one. */
interface Subject {
  level(): Level
  /** A value's bytes as they lie in the files, and what such bytes are read as. */
  stored(value: Uint8Array): Buffer
  read(stored: Buffer): Buffer
  files(): Promise<readonly { readonly path: string; readonly bytes: Uint8Array }[]>
  flip(path: string, byte: number): Promise<void>
  /** What another process sees that opens it now: `open`, or the code of its failure. */
  openElsewhere(): Promise<string>
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-log-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const subjects: Record<string, () => Subject> = {
  'classic-level': () => ({
    level: () => classicLevel(folder),
    stored: value => Buffer.from(Buffer.from(value).toString('base64')),
    read: stored => Buffer.from(stored.toString(), 'base64'),
    files: async () =>
      Promise.all(
        (await readdir(folder)).map(async name => {
          const path = join(folder, name)
          return { path, bytes: new Uint8Array(await readFile(path)) }
        })
      ),
    async flip(path, byte) {
      const bytes = await readFile(path)
      bytes[byte] = (bytes[byte] as number) ^ 1
      await writeFile(path, bytes)
    },
    openElsewhere: async () =>
      (await run(process.execPath, [child('level-opener.mjs'), folder])).stdout.trim()
  }),
  SimLevel: () => {
    const disk = new SimDisk({ random: seededRandom('measured') })
    const mine: DiskProcess = disk.process()
    return {
      level: () => new SimLevel(mine, '/db'),
      stored: value => Buffer.from(value),
      read: stored => stored,
      async files() {
        const reader = disk.process()
        return Promise.all(
          disk.files().map(async ({ path, size }) => {
            const file = await reader.open(path)
            return { path, bytes: await file.read(0, size) }
          })
        )
      },
      flip: async (path, byte) => void disk.flipBit(path, byte * 8),
      openElsewhere: async () => {
        const level = new SimLevel(disk.process(), '/db')
        return level.open().then(
          () => level.close().then(() => 'open'),
          (error: Error & { cause: { code: string } }) => error.cause.code
        )
      }
    }
  }
}

const key = (i: number): Uint8Array => utf8(String(i).padStart(4, '0'))
const put = (level: Level, k: Uint8Array, value: Uint8Array): Promise<void> =>
  level.batch([{ type: 'put', key: k, value }], { sync: false })

async function openAgain(subject: Subject): Promise<Level> {
  const level = subject.level()
  await level.open()
  return level
}

async function keysOf(level: Level): Promise<string[]> {
  const scan = level.scan({ gte: utf8('0'), lt: utf8('zz') })
  const found = (await scan.next(10_000)).map(([k]) => Buffer.from(k).toString())
  await scan.close()
  return found
}

describe.each(Object.entries(subjects))('%s as it was measured', (_, create) => {
  test('D2: a flipped bit in its log costs the rows of a block and nobody is told', async () => {
    const subject = create()
    let level = await openAgain(subject)
    for (let i = 0; i < 1000; i++) await put(level, key(i), new Uint8Array(480).fill(i))
    await level.close()
    const log = (await subject.files()).find(({ path, bytes }) => path.endsWith('.log') && bytes.length > 0)
    await subject.flip(log?.path ?? '', 100_000)
    level = await openAgain(subject)
    const found = await keysOf(level)
    expect(found.length).toBeGreaterThan(900)
    expect(found.length).toBeLessThan(999)
    expect(found.at(-1)).toBe('0999')
    await level.close()
  })

  test('D3: a flipped bit in a table gives a wrong value and no error', async () => {
    const subject = create()
    const value = seededRandom('incompressible').bytes(300)
    let level = await openAgain(subject)
    await put(level, key(1), value)
    await level.close()
    await (await openAgain(subject)).close()
    const tables = (await subject.files()).filter(({ path }) => path.endsWith('.ldb'))
    const stored = subject.stored(value)
    const table = tables.find(({ bytes }) => Buffer.from(bytes).includes(stored))
    const at = Buffer.from(table?.bytes ?? []).indexOf(stored)
    await subject.flip(table?.path ?? '', at + 100)
    level = await openAgain(subject)
    const found = await level.get(key(1))
    stored[100] = (stored[100] as number) ^ 1
    expect(subject.read(stored).equals(value)).toBe(false)
    expect(Buffer.from(found ?? []).equals(subject.read(stored))).toBe(true)
    await level.close()
  })

  test('D4: a second open in the process fails, and lets another process in', async () => {
    const subject = create()
    const level = await openAgain(subject)
    expect(await subject.openElsewhere()).toBe('LEVEL_LOCKED')
    await expect(subject.level().open()).rejects.toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
      cause: { code: 'LEVEL_LOCKED' }
    })
    expect(await subject.openElsewhere()).toBe('open')
    await level.close()
  })
})

interface FullDisk {
  readonly full: string
  readonly acknowledged: number
  readonly foundBefore: number
  readonly foundLater: number
}

async function simulatedFullDisk(): Promise<FullDisk> {
  const disk = new SimDisk({ random: seededRandom('full') })
  const create = (): Level => new SimLevel(disk.process(), '/db')
  let level = create()
  await level.open()
  const synced = (name: string): Promise<string> =>
    level.batch([{ type: 'put', key: utf8(name), value: new Uint8Array(100) }], { sync: true }).then(
      () => 'ok',
      (error: Error & { code: string }) => error.code
    )
  for (let i = 0; i < 20; i++) await synced(`before ${i}`)
  disk.inject({ type: 'full', bytes: 10 })
  const full = await synced('full')
  disk.inject({ type: 'space' })
  const later: string[] = []
  for (let i = 0; i < 20; i++) later.push(await synced(`later ${i}`))
  await level.close()
  level = create()
  await level.open()
  const keys = await keysOf(level)
  const count = (prefix: string): number => keys.filter(name => name.startsWith(prefix)).length
  return {
    full,
    acknowledged: later.filter(one => one === 'ok').length,
    foundBefore: count('before'),
    foundLater: count('later')
  }
}

test('D1: after one full disk synced writes are acknowledged and gone, in both where the host can limit a file', async () => {
  const measured = { full: 'LEVEL_IO_ERROR', acknowledged: 20, foundBefore: 20, foundLater: 0 }
  expect(await simulatedFullDisk()).toEqual(measured)
  if (!existsSync(PRLIMIT)) return
  const { stdout } = await run(process.execPath, [child('full-disk.mjs'), folder, PRLIMIT])
  expect(JSON.parse(stdout)).toEqual(measured)
})
