import { describe, expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import {
  crashImages,
  DiskError,
  drawCrashImage,
  imageKey,
  SimDisk,
  type DiskFault,
  type DiskImage,
  type DiskProcess
} from '../src/index.ts'

const bytes = (text: string): Uint8Array => Uint8Array.from(text, char => char.charCodeAt(0))
const text = (content: Uint8Array): string => String.fromCharCode(...content)
const random = seededRandom('disk test')

function newDisk(seed: number | string = 0): SimDisk {
  return new SimDisk({ random: seededRandom(seed) })
}

async function write(process: DiskProcess, path: string, content: string, sync = false): Promise<void> {
  const file = await process.open(path, { create: true })
  await file.write(file.size, bytes(content))
  if (sync) await file.sync()
  await file.close()
}

async function read(process: DiskProcess, path: string): Promise<string | undefined> {
  if ((await process.stat(path)) === undefined) return undefined
  const file = await process.open(path)
  return text(await file.read(0, file.size))
}

async function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof DiskError ? error.code : String(error))
  )
}

/** Every content that the file can have after a power cut; `null` stands for no file. */
async function left(disk: SimDisk, path: string): Promise<Set<string | null>> {
  const found = new Set<string | null>()
  for (const image of crashImages(disk.state(), random).images) {
    found.add((await read(new SimDisk({ random, image }).process(), path)) ?? null)
  }
  return found
}

describe('a power cut', () => {
  test('keeps what was synced, with its folder, and any part of the rest', async () => {
    const disk = newDisk()
    const process = disk.process()
    await write(process, '/a', 'one ', true)
    expect(await left(disk, '/a')).toEqual(new Set(['one ', null]))
    await process.syncFolder('/')
    expect(await left(disk, '/a')).toEqual(new Set(['one ']))
    await write(process, '/a', 'two ')
    const found = await left(disk, '/a')
    for (const expected of ['one ', 'one two ', 'one t', 'one two', 'one \0\0\0\0']) {
      expect(found).toContain(expected)
    }
    for (const one of found) expect(one?.startsWith('one ')).toBe(true)
  })

  test('takes any subset of the unsynced writes of a file, and files independently of each other', async () => {
    const disk = newDisk()
    const process = disk.process()
    for (const path of ['/a', '/b']) await write(process, path, '....', true)
    await process.syncFolder('/')
    for (const path of ['/a', '/b']) {
      const file = await process.open(path)
      await file.write(0, bytes('x'))
      await file.write(2, bytes('y'))
    }
    const found = new Set<string>()
    for (const image of crashImages(disk.state(), random).images) {
      const after = new SimDisk({ random, image }).process()
      found.add(`${await read(after, '/a')} ${await read(after, '/b')}`)
    }
    const ways = ['....', 'x...', '..y.', 'x.y.']
    expect([...found].sort()).toEqual(ways.flatMap(a => ways.map(b => `${a} ${b}`)).sort())
  })

  test('tears writes at sectors, pages and odd offsets, and may keep the later sectors without the first', async () => {
    const disk = newDisk()
    const process = disk.process()
    const file = await process.open('/a', { create: true })
    await process.syncFolder('/')
    await file.write(0, new Uint8Array(9000).fill(1))
    const { images } = crashImages(disk.state(), random)
    const written = images.map(image => [...image.files.values()][0] ?? new Uint8Array(0))
    const sizes = new Set(written.map(content => content.length))
    for (const size of [0, 1, 512, 4096, 4501, 8192, 8704, 8999, 9000]) expect(sizes).toContain(size)
    expect(written.some(content => content.length === 9000 && content[0] === 0 && content[512] === 1)).toBe(
      true
    )
    expect(written.some(content => content.length === 9000 && !content.includes(1))).toBe(true)
  })

  test('undoes a rename, a removal or a creation that no sync of the folder followed, the last ones first', async () => {
    const disk = newDisk()
    const process = disk.process()
    await write(process, '/old', 'old', true)
    await process.syncFolder('/')
    await write(process, '/new', 'new', true)
    await process.rename('/new', '/old')
    const found = new Set<string>()
    for (const image of crashImages(disk.state(), random).images) {
      const after = new SimDisk({ random, image }).process()
      found.add(`${(await after.list('/')).join()}: ${await read(after, '/old')}`)
    }
    expect(found).toEqual(new Set(['old: old', 'new,old: old', 'old: new']))
    await process.syncFolder('/')
    expect(await left(disk, '/old')).toEqual(new Set(['new']))
  })

  test('drawn images are among the exhaustive ones where nothing tears, and follow from the seed', async () => {
    const play = async (seed: number): Promise<string> => {
      const disk = newDisk(seed)
      const process = disk.process()
      for (const name of 'abcdef') await write(process, `/${name}`, name, 'ace'.includes(name))
      const legal = new Set(crashImages(disk.state(), random).images.map(imageKey))
      const drawn = drawCrashImage(disk.state(), seededRandom(seed))
      expect(legal).toContain(imageKey(drawn))
      return imageKey(drawn)
    }
    const first = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(play))
    expect(await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(play))).toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(2)
  })

  test('beyond the bound a sample says that it is one, with the emptiest and the fullest image in it', async () => {
    const disk = newDisk()
    const process = disk.process()
    for (const name of 'abcdefgh') {
      await write(process, `/${name}`, '')
      await process.syncFolder('/')
      await write(process, `/${name}`, name.repeat(600))
    }
    const { images, choices, sampled } = crashImages(disk.state(), random, 200)
    expect(sampled).toBe(true)
    expect(choices).toBeGreaterThan(100_000)
    expect(images.length).toBeGreaterThan(100)
    expect(images.length).toBeLessThanOrEqual(200)
    const keys = images.map(imageKey)
    expect(keys).toContain(imageKey(disk.image()))
    expect(keys).toContain(imageKey({ ...disk.image(), files: new Map() }))
  })

  test('ends every process: its calls stay open, and its locks are free', async () => {
    const disk = newDisk()
    const process = disk.process()
    const file = await process.open('/a', { create: true })
    expect(await file.lock()).toBe(true)
    let settled = false
    const call = file.write(0, bytes('late'))
    call.finally(() => (settled = true)).catch(() => {})
    disk.powerCut(disk.image())
    for (let i = 0; i < 10; i++) await Promise.resolve()
    expect(settled).toBe(false)
    const again = await disk.process().open('/a')
    expect(again.size).toBe(0)
    expect(await again.lock()).toBe(true)
  })
})

describe('a process', () => {
  test('sees what others wrote, and a kill loses nothing that was written', async () => {
    const disk = newDisk()
    const one = disk.process()
    await write(one, '/a', 'hello')
    one.kill()
    expect(await read(disk.process(), '/a')).toBe('hello')
    expect(disk.counters.kills).toBe(1)
  })

  test('makes, lists, links, renames and removes as POSIX has it', async () => {
    const process = newDisk().process()
    await process.makeFolder('/f')
    await write(process, '/f/a', 'A')
    await process.link('/f/a', '/f/b')
    expect(await code(process.link('/f/a', '/f/b'))).toBe('EEXIST')
    await process.unlink('/f/a')
    expect(await read(process, '/f/b')).toBe('A')
    await process.rename('/f', '/g')
    expect(await process.list('/g')).toEqual(['b'])
    expect(await code(process.removeFolder('/g'))).toBe('ENOTEMPTY')
    expect(await code(process.open('/g'))).toBe('EISDIR')
    expect(await code(process.open('/g/b/c'))).toBe('ENOTDIR')
    expect(await code(process.open('/nothing'))).toBe('ENOENT')
    expect(await code(process.open('/g/b', { create: true, exclusive: true }))).toBe('EEXIST')
    expect(await code(process.rename('/g/b', '/b'))).toBe('EXDEV')
    await process.unlink('/g/b')
    await process.removeFolder('/g')
    expect(await process.list('/')).toEqual([])
  })

  test('holds a lock until it closes any handle of the file', async () => {
    const disk = newDisk()
    const [one, two] = [disk.process(), disk.process()]
    const held = await one.open('/LOCK', { create: true })
    expect(await held.lock()).toBe(true)
    const other = await two.open('/LOCK')
    expect(await other.lock()).toBe(false)
    await (await one.open('/LOCK')).close()
    expect(await other.lock()).toBe(true)
  })
})

describe('a fault', () => {
  test('a full disk takes what fits, fails the rest, and goes on once there is space', async () => {
    const disk = newDisk()
    const process = disk.process()
    disk.inject({ type: 'full', bytes: 6 })
    await write(process, '/a', '1234')
    expect(await code(write(process, '/a', '5678'))).toBe('ENOSPC')
    expect(await read(process, '/a')).toBe('123456')
    disk.inject({ type: 'space' })
    await write(process, '/a', '!')
    expect(await read(process, '/a')).toBe('123456!')
    expect(disk.counters.fullErrors).toBe(1)
  })

  test.each([
    ['readError', 'readErrors'],
    ['writeError', 'writeErrors'],
    ['syncError', 'syncErrors']
  ] as const)('%s hits the nth operation of its kind, once', async (type, counter) => {
    const disk = newDisk()
    const process = disk.process()
    const file = await process.open('/a', { create: true })
    disk.inject({ type, nth: 2 })
    const outcomes: string[] = []
    for (let i = 0; i < 4; i++) {
      const results = [code(file.write(0, bytes('x'))), code(file.read(0, 1)), code(file.sync())]
      outcomes.push((await Promise.all(results)).filter(result => result !== 'no error').join())
    }
    expect(outcomes).toEqual(['', 'EIO', '', ''])
    expect(disk.counters[counter]).toBe(1)
  })

  test('after a failed sync readers see what the disk may never get, and the next sync does not help', async () => {
    let lost = 0
    for (let seed = 0; seed < 40; seed++) {
      const disk = newDisk(seed)
      const process = disk.process()
      const file = await process.open('/a', { create: true })
      await process.syncFolder('/')
      disk.inject({ type: 'syncError', nth: 1 })
      await file.write(0, bytes('gone'))
      expect(await code(file.sync())).toBe('EIO')
      expect(await read(process, '/a')).toBe('gone')
      await file.write(4, bytes(' here'))
      await file.sync()
      const found = await left(disk, '/a')
      expect(found.size).toBe(1)
      const [content] = [...found]
      expect(content?.slice(4)).toBe(' here')
      if (content !== 'gone here') lost++
    }
    expect(lost).toBeGreaterThan(5)
    expect(lost).toBeLessThan(40)
  })

  test('a lying sync saves nothing, a misdirected write destroys something else', async () => {
    const disk = newDisk()
    const process = disk.process()
    await write(process, '/victim', 'vvvvvvvv', true)
    await process.syncFolder('/')
    disk.inject({ type: 'lyingSync', on: true })
    await write(process, '/victim', 'tail', true)
    expect(await left(disk, '/victim')).toContain('vvvvvvvv')
    disk.inject({ type: 'lyingSync', on: false })
    await write(process, '/victim', '', true)
    disk.inject({ type: 'misdirectedWrite', nth: 1 })
    const file = await process.open('/a', { create: true })
    await process.syncFolder('/')
    await file.write(0, bytes('XX'))
    await file.sync()
    expect(await read(process, '/a')).toBe('XX')
    expect(await left(disk, '/a')).toEqual(new Set(['']))
    expect(await read(process, '/victim')).toContain('X')
    expect(disk.counters).toMatchObject({ syncLies: 1, misdirectedWrites: 1 })
  })

  test('a flipped bit, a read-only remount, an older image, an empty disk', async () => {
    const disk = newDisk()
    const process = disk.process()
    await write(process, '/a', 'a', true)
    await process.syncFolder('/')
    const older: DiskImage = disk.image()
    disk.flipBit('/a', 1)
    expect(await read(process, '/a')).toBe('c')
    expect(await left(disk, '/a')).toEqual(new Set(['c']))
    disk.inject({ type: 'readOnly', on: true })
    for (const change of [
      write(process, '/a', 'x'),
      process.unlink('/a'),
      process.makeFolder('/f'),
      process.rename('/a', '/b')
    ]) {
      expect(await code(change)).toBe('EROFS')
    }
    disk.heal()
    disk.restore(older)
    expect(await read(disk.process(), '/a')).toBe('a')
    expect(disk.files()).toEqual([{ path: '/a', size: 1 }])
    disk.wipe()
    expect(disk.files()).toEqual([])
    expect(disk.counters).toMatchObject({ bitFlips: 1, readOnlyErrors: 4, restores: 1, wipes: 1 })
  })

  test.each([
    { type: 'readError', nth: 0 },
    { type: 'full', bytes: -1 },
    { type: 'latency', msMax: Number.NaN }
  ] satisfies DiskFault[])('%j is refused', fault => {
    expect(() => newDisk().inject(fault)).toThrow(RangeError)
  })
})
