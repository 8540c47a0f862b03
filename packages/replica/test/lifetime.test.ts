import { encodeEntry, putEntry, winner } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { IndeterminateWriteError, ReplicaClosedError, ReplicaPoisonedError } from '../src/index.ts'
import { EntryPacker } from '../src/frames.ts'
import { syncRound } from './support/exchange.ts'
import { MemoryLog } from './support/memory-log.ts'
import {
  bytes,
  first,
  openNode,
  put,
  read,
  remove,
  settle,
  TestClock,
  valuesOf,
  watchFate
} from './support/world.ts'

/** A broadcast message with one remote write. */
function remoteMessage(key: string, value: string, wallMs: number, replica = 'ffffffffffffffff'): Uint8Array {
  const packer = new EntryPacker('broadcast', 1 << 20)
  packer.add(encodeEntry(key, putEntry(undefined, replica, BigInt(wallMs) << 16n, bytes(value))))
  return packer.flush() as Uint8Array
}

describe('a log that fails', () => {
  test('the batch in flight is indeterminate, what waits fails cleanly, nothing is applied, reads go on', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    const kept = node.replica.commit([put('old', '1')])
    await settle()
    log.succeed()
    await kept
    const inFlight = watchFate(node.replica.commit([put('k', '1')]))
    await settle()
    const waiting = watchFate(node.replica.commit([put('l', '2')]))
    log.fail(false)
    await settle()
    expect(inFlight.error()).toBeInstanceOf(IndeterminateWriteError)
    expect(inFlight.error()).toMatchObject({ keys: ['k'] })
    expect(waiting.error()).toBeInstanceOf(ReplicaPoisonedError)
    await expect(node.replica.commit([put('m', '3')])).rejects.toThrow(ReplicaPoisonedError)
    expect([read(node, 'k'), read(node, 'l'), read(node, 'old')]).toEqual([undefined, undefined, '1'])
    expect([log.pending.length, log.batches.length, node.broadcast.sent.length]).toEqual([0, 2, 1])
    expect(node.replica.stats().state).toBe('poisoned')
    expect(node.events.at(-1)?.type).toBe('poisoned')
  })

  test('incoming entries are held off', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    const failing = watchFate(node.replica.commit([put('k', '1')]))
    await settle()
    log.fail(false)
    await settle()
    node.broadcast.deliver(remoteMessage('r', 'remote', node.clock.ms))
    expect(failing.state()).toBe('rejected')
    expect(node.replica.entry('r')).toBeUndefined()
    expect(node.replica.stats().dropped.unavailable).toBe(1)
    await node.replica.close()
    expect(log.closed).toBe(true)
  })
})

describe('close', () => {
  test('writes what waits, then closes the log; later calls reject', async () => {
    const node = await openNode()
    const write = node.replica.commit([put('k', '1')])
    const [closed] = [node.replica.close(), node.replica.close()]
    await expect(node.replica.commit([put('l', '1')])).rejects.toThrow(ReplicaClosedError)
    await closed
    await write
    expect(node.log.closed).toBe(true)
    expect(read(node, 'k')).toBe('1')
    node.broadcast.deliver(remoteMessage('r', 'remote', node.clock.ms))
    expect(node.replica.entry('r')).toBeUndefined()
  })

  test('by whoever is told of a change writes what this turn still changes, and leaves no timer', async () => {
    let close: (() => void) | undefined
    const owner = { applied: () => close?.() }
    const node = await openNode({ init: { owner, evidenceMs: 0, lingerMs: 10 } })
    await node.replica.commit([{ ...put('ends', '1'), expiresAtMs: node.clock.ms + 10_000 }, put('k', '1')])
    await node.replica.commit([remove('k')])
    expect(node.log.disk.size).toBe(2)
    close = () => void node.replica.close()
    await node.timers.advance(10_000)
    await node.timers.advance(1_000)
    expect(node.log.closed).toBe(true)
    expect(node.events.map(({ type }) => type)).toEqual(['recovered'])
    expect([node.replica.stats().evidence, node.log.disk.size]).toEqual([0, 1])
    expect(node.timers.size).toBe(0)
  })
})

describe('destroy', () => {
  test('closes, and deletes everything; a log that cannot is left alone', async () => {
    const node = await openNode()
    await node.replica.commit([put('k', '1')])
    await node.replica.destroy()
    expect([node.log.closed, node.log.destroyed, node.timers.size]).toEqual([true, true, 0])
    const other = await openNode({ log: Object.assign(new MemoryLog(), { destroy: undefined }) })
    await expect(other.replica.destroy()).rejects.toThrow(TypeError)
    expect(other.log.closed).toBe(false)
  })

  test('deletes everything also after closing has failed, and can be tried again', async () => {
    const log = new MemoryLog()
    const failing = Object.assign(log, { close: () => Promise.reject(new Error('EIO')) })
    const node = await openNode({ log: failing })
    await node.replica.commit([put('k', '1')])
    await expect(node.replica.close()).rejects.toThrow('EIO')
    expect(node.replica.status().state).toBe('closed')
    const { destroy } = log
    log.destroy = () => Promise.reject(new Error('EROFS'))
    await expect(node.replica.destroy()).rejects.toThrow('EROFS')
    log.destroy = destroy
    await node.replica.destroy()
    expect([log.destroyed, log.disk.size, node.timers.size]).toEqual([true, 0, 0])
  })
})

describe('damaged keys', () => {
  test('are listed until a peer or a write brings them back', async () => {
    const opened = await openNode()
    const peer = await openNode({ name: 'peer' })
    await opened.replica.commit([put('a', '1'), put('b', '2'), put('c', '3')])
    await syncRound(opened, peer)
    const log = opened.log.reopen()
    const rows = [...log.disk].filter(([, row]) => row.kind === 'live')
    for (const [at] of rows) log.disk.delete(at)
    log.recovered = { ...log.recovered, rows: [...log.disk.values()] }
    const node = await openNode({ log: log.damaged(rows.map(([, row]) => row)), seed: 'second' })
    expect(node.replica.status().damagedKeys).toEqual(['a', 'b', 'c'])
    await node.replica.commit([put('b', 'new')])
    expect(node.replica.status().damagedKeys).toEqual(['a', 'c'])
    await syncRound(node, peer)
    expect(node.replica.status().damagedKeys).toEqual([])
    expect([read(node, 'a'), valuesOf(node.replica.entry('b')), read(node, 'c')]).toEqual([
      '1',
      ['2', 'new'],
      '3'
    ])
  })

  test('that no peer has are told, once everything has been compared with one, and listed no longer', async () => {
    const peer = await openNode({ name: 'peer' })
    const lost = { kind: 'live', key: new TextEncoder().encode('nowhere else') } as const
    const node = await openNode({ log: new MemoryLog().damaged([lost]), seed: 'second' })
    await peer.replica.commit([put('k', 'v')])
    await syncRound(node, peer)
    await syncRound(node, peer)
    expect(node.replica.status().damagedKeys).toEqual([])
    expect(node.events.filter(({ type }) => type === 'damagedMissing')).toEqual([
      { type: 'damagedMissing', peer: 'peer', keys: ['nowhere else'] }
    ])
  })
})

describe('opening', () => {
  test('brings back the state, and stamps go on above all of it', async () => {
    const clock = new TestClock()
    const opened = await openNode({ clock })
    await opened.replica.commit([put('a', '1'), put('b', '2')])
    await opened.replica.commit([remove('b')])
    opened.broadcast.deliver(remoteMessage('c', 'remote', clock.ms + 50_000))
    await opened.replica.close()
    const second = await openNode({ clock, log: opened.log.reopen(), seed: 'second' })
    expect([read(second, 'a'), read(second, 'b'), read(second, 'c')]).toEqual(['1', undefined, 'remote'])
    expect(second.changes.map(change => change.origin)).toEqual(['recovery', 'recovery', 'recovery'])
    expect(Buffer.from(second.replica.root().sum)).toEqual(Buffer.from(opened.replica.root().sum))
    expect(second.replica.stats().replica).toBeUndefined()
    const [result] = await second.replica.commit([put('c', 'mine')])
    expect(result?.stamp as bigint).toBeGreaterThan(opened.replica.stats().clock)
    expect(second.replica.stats().replica).not.toBe(opened.replica.stats().replica)
    expect(winner(second.replica.entry('c') as never)?.stamp).toBe(result?.stamp)
  })

  test('stamps go on above the clock mark also where no row is left that shows it', async () => {
    const clock = new TestClock()
    const opened = await openNode({ clock })
    const [written] = await opened.replica.commit([put('k', '1')])
    clock.ms -= 30_000
    const rowless = new MemoryLog('auto', new Map(), opened.log.reopen().recovered.clockMark)
    const second = await openNode({ clock, log: rowless, seed: 'second' })
    const [after] = await second.replica.commit([put('k', '2')])
    expect(after?.stamp).toBeGreaterThan(written?.stamp ?? 0n)
  })

  test('without its clock mark, stamps still go on above every row', async () => {
    const clock = new TestClock()
    const opened = await openNode({ clock })
    await opened.replica.commit([put('k', '1')])
    clock.ms -= 30_000
    const markless = new MemoryLog('auto', opened.log.disk)
    const second = await openNode({ clock, log: markless, seed: 'second' })
    await second.replica.commit([put('k', '2')])
    expect(valuesOf(second.replica.entry('k'))).toEqual(['2'])
  })

  test('reports rows it cannot read and goes on, and the next write of the key replaces them', async () => {
    const opened = await openNode()
    await opened.replica.commit([put('a', '1'), put('b', '2')])
    const log = opened.log.reopen()
    const rows = [...log.disk.entries()]
    const [at, row] = first(rows)
    log.disk.set(at, { ...row, value: new Uint8Array([255]) })
    const broken = log.reopen()
    const second = await openNode({ log: broken, seed: 'second' })
    expect(second.events[0]).toEqual({
      type: 'recovered',
      keys: 1,
      badRows: 1,
      quarantined: 0,
      damaged: undefined
    })
    await second.replica.commit([put('a', '3'), put('b', '4')])
    expect([read(second, 'a'), read(second, 'b')]).toEqual(['3', '4'])
  })

  test('a clock that runs too far ahead of the wall refuses writes', async () => {
    const clock = new TestClock()
    const opened = await openNode({ clock })
    await opened.replica.commit([put('k', '1')])
    clock.ms -= 120_000
    await expect(opened.replica.commit([put('k', '2')])).rejects.toMatchObject({ name: 'ClockAheadError' })
    clock.ms += 90_000
    await opened.replica.commit([put('k', '2')])
    expect(read(opened, 'k')).toBe('2')
  })
})
