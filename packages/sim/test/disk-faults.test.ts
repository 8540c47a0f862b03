import { describe, expect, test } from 'vitest'
import { createSimulation, SimDisk, type DiskFault, type DiskImage } from '../src/index.ts'
import { bytes, code, left, newDisk, read, write } from './disk-fixtures.ts'

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

  test('latency passes in virtual time, and operations of one process may overtake each other', async () => {
    const simulation = createSimulation({ seed: 1 })
    const { random, timers } = simulation.ports('disk')
    const disk = new SimDisk({ random, timers })
    disk.inject({ type: 'latency', msMax: 2_000 })
    const order: number[] = []
    const writes = async (): Promise<void> => {
      const file = await disk.process().open('/a', { create: true })
      const all = Array.from({ length: 8 }, (_, i) => file.write(i, bytes('x')).then(() => order.push(i)))
      await Promise.all(all)
    }
    await simulation.runAsync(writes, { hop: () => new Promise(resolve => void setImmediate(resolve)) })
    expect(simulation.nowMs).toBeGreaterThan(500)
    expect(simulation.nowMs).toBeLessThanOrEqual(4_000)
    expect(order.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(order).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7])
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
