import { describe, expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import { SimDisk, SimLevel, SimLevelError, type DiskProcess, type SimLevelInit } from '../src/index.ts'

const bytes = (text: string): Uint8Array => Uint8Array.from(text, char => char.charCodeAt(0))
const text = (content: Uint8Array): string => String.fromCharCode(...content)
const EVERYTHING = { gte: new Uint8Array(0), lt: bytes('\xff') }
const DB = '/db'

function newDisk(seed: number = 0): SimDisk {
  return new SimDisk({ random: seededRandom(seed) })
}

async function opened(process: DiskProcess, init?: SimLevelInit): Promise<SimLevel> {
  const level = new SimLevel(process, DB, init)
  await level.open()
  // Nobody but the owner of the database makes the way to it durable.
  await process.syncFolder('/')
  return level
}

function put(level: SimLevel, key: string, value: string = key, sync = true): Promise<void> {
  return level.batch([{ type: 'put', key: bytes(key), value: bytes(value) }], { sync })
}

async function rows(level: SimLevel): Promise<Record<string, string>> {
  const scan = level.scan(EVERYTHING)
  const found: [string, string][] = []
  for (;;) {
    const entries = await scan.next(7)
    if (entries.length === 0) break
    for (const [key, value] of entries) found.push([text(key), text(value)])
  }
  await scan.close()
  return Object.fromEntries(found)
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => {
      expect(error).toBeInstanceOf(SimLevelError)
      const { code, cause } = error as SimLevelError & { cause?: unknown }
      return code === 'LEVEL_DATABASE_NOT_OPEN' && cause instanceof SimLevelError
        ? `${code}: ${cause.code}`
        : code
    }
  )
}

/** Keys 000, 001 …, which sort as they were written. */
const key = (i: number): string => String(i).padStart(4, '0')

describe('without faults', () => {
  test('reads what was written, in order, over tables, merges and openings', async () => {
    const disk = newDisk()
    const init: SimLevelInit = { writeBufferBytes: 300 }
    let level = await opened(disk.process(), init)
    const random = seededRandom('content')
    const model = new Map<string, string>()
    for (let i = 0; i < 400; i++) {
      const name = key(random.below(60))
      if (random.below(4) === 0) {
        model.delete(name)
        await level.batch([{ type: 'del', key: bytes(name) }], { sync: false })
      } else {
        model.set(name, `value ${i}`)
        await put(level, name, `value ${i}`, false)
      }
      if (i % 97 === 0) await level.compact()
      if (i % 53 === 0) {
        await level.close()
        level = await opened(disk.process(), init)
      }
      const some = key(random.below(60))
      expect((await level.get(bytes(some)))?.length).toBe(model.get(some)?.length)
    }
    expect(await rows(level)).toEqual(Object.fromEntries([...model].sort()))
    expect(disk.files().filter(({ path }) => path.endsWith('.ldb')).length).toBeLessThan(6)
    await level.compact()
    expect(await level.bytesOnDisk()).toBeLessThan(60 * 60)
  })

  test('a scan sees the state at its call, whatever is written and merged meanwhile', async () => {
    const level = await opened(newDisk().process(), { writeBufferBytes: 100 })
    for (let i = 0; i < 20; i++) await put(level, key(i))
    const scan = level.scan({ gte: bytes(key(5)), lt: bytes(key(15)) })
    expect((await scan.next(3)).map(([k]) => text(k))).toEqual([key(5), key(6), key(7)])
    for (let i = 0; i < 20; i++) await level.batch([{ type: 'del', key: bytes(key(i)) }], { sync: true })
    await level.compact()
    expect((await scan.next(100)).length).toBe(7)
    expect(await rows(level)).toEqual({})
  })

  test('calls before opening and after closing fail', async () => {
    const level = new SimLevel(newDisk().process(), DB)
    expect(await failure(level.get(bytes('a')))).toBe('LEVEL_DATABASE_NOT_OPEN')
    await level.open()
    await level.close()
    expect(await failure(put(level, 'a'))).toBe('LEVEL_DATABASE_NOT_OPEN')
  })
})

describe('the measured faults of classic-level', () => {
  test('D1: after one full disk, later synced writes succeed and are gone after reopening', async () => {
    const disk = newDisk()
    let level = await opened(disk.process())
    for (let i = 0; i < 20; i++) await put(level, `before ${key(i)}`)
    disk.inject({ type: 'full', bytes: 10 })
    expect(await failure(put(level, 'full', 'x'.repeat(100)))).toBe('LEVEL_IO_ERROR')
    disk.inject({ type: 'space' })
    for (let i = 0; i < 20; i++) await put(level, `later ${key(i)}`)
    expect(Object.keys(await rows(level)).length).toBe(40)
    await level.close()
    level = await opened(disk.process())
    const found = Object.keys(await rows(level))
    expect(found.filter(name => name.startsWith('before')).length).toBe(20)
    expect(found.filter(name => name.startsWith('later'))).toEqual([])
  })

  test('D2: one flipped bit in the log, and the rest of its block is gone without an error', async () => {
    const disk = newDisk()
    let level = await opened(disk.process())
    for (let i = 0; i < 1000; i++) await put(level, key(i), 'v'.repeat(480))
    await level.close()
    const log = disk.files().find(({ path, size }) => path.endsWith('.log') && size > 0)
    disk.flipBit(log?.path ?? '', 8 * 100_000)
    level = await opened(disk.process())
    const found = Object.keys(await rows(level)).length
    expect(found).toBeGreaterThan(900)
    expect(found).toBeLessThan(999)
    expect(await rows(level)).toHaveProperty(key(999))
  })

  test('D2: a log that cannot be read counts as empty', async () => {
    const disk = newDisk()
    let level = await opened(disk.process())
    await put(level, 'a')
    await level.close()
    let reads = 0
    for (let nth = 1; nth < 6; nth++) {
      const copy = new SimDisk({ random: seededRandom(1), image: disk.image() })
      copy.inject({ type: 'readError', nth })
      level = new SimLevel(copy.process(), DB)
      if ((await failure(level.open())) !== 'no error') continue
      const found = await rows(level).catch(() => undefined)
      if (found !== undefined && Object.keys(found).length === 0) reads++
    }
    expect(reads).toBe(1)
  })

  test('D3: one flipped bit in a table gives another value without an error', async () => {
    const disk = newDisk()
    let level = await opened(disk.process())
    await put(level, 'key', 'a value')
    await level.close()
    level = await opened(disk.process())
    const table = disk.files().find(({ path }) => path.endsWith('.ldb'))
    const outcomes = new Map<string, number>()
    for (let bit = 0; bit < (table?.size ?? 0) * 8; bit++) {
      const copy = new SimDisk({ random: seededRandom(1), image: disk.image() })
      copy.flipBit(table?.path ?? '', bit)
      const damaged = await opened(copy.process())
      const value = await damaged.get(bytes('key')).then(
        found => (found === undefined ? 'absent' : text(found) === 'a value' ? 'right' : 'wrong'),
        (error: SimLevelError) => error.code
      )
      outcomes.set(value, (outcomes.get(value) ?? 0) + 1)
    }
    expect(outcomes.get('wrong')).toBe(7 * 8)
    expect(outcomes.get('absent')).toBeGreaterThan(0)
    expect(outcomes.get('LEVEL_CORRUPTION')).toBeGreaterThan(0)
    expect(outcomes.has('right')).toBe(false)
  })

  test('D4: a second open in the process fails and lets another process in', async () => {
    const disk = newDisk()
    const [one, two] = [disk.process(), disk.process()]
    const level = await opened(one)
    expect(await failure(new SimLevel(two, DB).open())).toBe('LEVEL_DATABASE_NOT_OPEN: LEVEL_LOCKED')
    expect(await failure(new SimLevel(one, DB).open())).toBe('LEVEL_DATABASE_NOT_OPEN: LEVEL_LOCKED')
    await opened(two)
    await put(level, 'a')
  })

  test('D5: after a failed sync every write fails, and the failed one may or may not exist', async () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 30; seed++) {
      const disk = newDisk(seed)
      let level = await opened(disk.process())
      await put(level, 'before')
      disk.inject({ type: 'syncError', nth: 1 })
      expect(await failure(put(level, 'failed'))).toBe('LEVEL_IO_ERROR')
      expect(await failure(put(level, 'later'))).toBe('LEVEL_IO_ERROR')
      disk.powerCut()
      level = await opened(disk.process())
      outcomes.add(Object.keys(await rows(level)).join())
    }
    expect(outcomes).toEqual(new Set(['before', 'before,failed']))
  })

  test('D6: a power cut takes no synced write and can take unsynced ones', async () => {
    let lost = 0
    for (let seed = 0; seed < 60; seed++) {
      const disk = newDisk(seed)
      let level = await opened(disk.process(), { writeBufferBytes: 200 })
      const random = seededRandom(seed)
      let synced = 0
      for (let i = 0; i < 30; i++) {
        const sync = random.below(3) === 0
        await put(level, key(i), 'v', sync)
        if (sync) synced = i + 1
      }
      disk.powerCut()
      level = await opened(disk.process())
      const found = Object.keys(await rows(level))
      expect(found).toContain(key(synced - 1))
      lost += 30 - found.length
    }
    expect(lost).toBeGreaterThan(10)
  })

  test('any power cut leaves a database that opens, with every synced write, also while it is being opened', async () => {
    for (let seed = 0; seed < 200; seed++) {
      const disk = newDisk(seed)
      const random = seededRandom(`cuts ${seed}`)
      let acknowledged = -1
      let next = 0
      for (let cut = 0; cut < 4; cut++) {
        const process = disk.process()
        let running = true
        const work = async (): Promise<void> => {
          const level = await opened(process, { writeBufferBytes: 150 })
          const found = Object.keys(await rows(level)).length
          expect(found).toBeGreaterThan(acknowledged)
          next = found
          while (running) {
            await put(level, key(next))
            acknowledged = next++
          }
        }
        const done = work()
        const turns = random.below(400)
        const crashed = (async () => {
          for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        })()
        await Promise.race([done, crashed])
        running = false
        disk.powerCut()
      }
      expect(next).toBeGreaterThanOrEqual(acknowledged)
    }
  })
})
