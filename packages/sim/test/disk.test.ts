import { describe, expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import { crashImages, drawCrashImage, imageKey, SimDisk } from '../src/index.ts'
import { bytes, code, left, newDisk, random, read, write } from './disk-fixtures.ts'

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
    expect(written.some(content => content.length === 9000 && !content.includes(1))).toBe(true)
    await file.sync()
    await file.write(100, new Uint8Array(2000).fill(2))
    const over = crashImages(disk.state(), random).images.map(image => [...image.files.values()][0])
    expect(over.some(content => content?.[100] === 1 && content[511] === 1 && content[512] === 2)).toBe(true)
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
