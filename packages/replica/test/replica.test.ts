import { encodeEntry, liveDots, putEntry, winner } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import {
  IndeterminateWriteError,
  ReplicaClosedError,
  ReplicaPoisonedError,
  ValueTooLargeError,
  VersionMismatchError,
  WriteQueueFullError
} from '../src/index.ts'
import { EntryPacker } from '../src/frames.ts'
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

describe('a local write', () => {
  test('is on disk before it is applied, broadcast and acknowledged', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    const fate = watchFate(node.replica.commit([put('k', '1')]))
    await settle()
    expect(log.pending).toHaveLength(1)
    expect([read(node, 'k'), node.changes.length, node.broadcast.sent.length, fate.state()]).toEqual([
      undefined,
      0,
      0,
      'pending'
    ])
    log.succeed()
    await settle()
    expect([read(node, 'k'), node.changes.length, node.broadcast.sent.length, fate.state()]).toEqual([
      '1',
      1,
      1,
      'resolved'
    ])
  })

  test('is told to the owner before the broadcast, and both before the caller', async () => {
    const order: string[] = []
    const node = await openNode({ init: { owner: { applied: () => void order.push('applied') } } })
    node.broadcast.onSend = () => order.push('broadcast')
    await node.replica.commit([put('k', '1')])
    order.push('resolved')
    expect(order).toEqual(['applied', 'broadcast', 'resolved'])
  })

  test('REP-A1: put, put and remove in one turn make three changes, three versions and one batch', async () => {
    const node = await openNode()
    const results = await Promise.all([
      node.replica.commit([put('k', 'a')]),
      node.replica.commit([put('k', 'b')]),
      node.replica.commit([remove('k')])
    ])
    expect(node.changes.map(change => valuesOf(change.entry))).toEqual([['a'], ['b'], []])
    expect(node.log.batches).toHaveLength(1)
    expect(node.broadcast.sent).toHaveLength(1)
    expect(new Set(results.map(([result]) => result?.version)).size).toBe(3)
    const stamps = results.map(([result]) => result?.stamp as bigint)
    expect(stamps).toEqual([...stamps].sort((x, y) => (x < y ? -1 : 1)))
    expect([...node.log.disk.values()].map(row => row.kind)).toEqual(['evidence'])
  })

  test('a remove of an absent key writes nothing and sends nothing', async () => {
    const node = await openNode()
    const [result] = await node.replica.commit([remove('k')])
    expect(result).toEqual({ key: 'k', changed: false, stamp: undefined, version: undefined })
    expect([node.log.batches.length, node.broadcast.sent.length, node.changes.length]).toEqual([0, 0, 0])
    expect(node.replica.stats().replica).toBeUndefined()
  })

  test('a remove right after an unfinished put removes, and one after that waits for it', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    const set = node.replica.commit([put('k', '1')])
    await settle()
    const removed = node.replica.commit([remove('k')])
    const again = node.replica.commit([remove('k')])
    const fate = watchFate(again)
    log.succeed()
    await settle()
    expect(fate.state()).toBe('pending')
    log.succeed()
    await set
    expect((await removed)[0]?.changed).toBe(true)
    expect((await again)[0]?.changed).toBe(false)
    expect(read(node, 'k')).toBeUndefined()
  })

  test('several operations are one batch and one step for the owner', async () => {
    const steps: number[] = []
    const node = await openNode({ init: { owner: { applied: list => void steps.push(list.length) } } })
    await node.replica.commit([put('a', '1'), put('b', '2'), put('a', '3'), remove('b')])
    expect(steps).toEqual([4])
    expect([read(node, 'a'), read(node, 'b')]).toEqual(['3', undefined])
    expect(node.log.batches).toHaveLength(1)
  })

  test('its encoded bytes are those on disk and those broadcast', async () => {
    const node = await openNode()
    await node.replica.commit([put('k', 'value')])
    const live = [...node.log.disk.values()].find(row => row.kind === 'live')
    const message = Buffer.from(first(node.broadcast.sent))
    expect(message.includes(Buffer.from(live?.value ?? []))).toBe(true)
    const entry = node.replica.entry('k')
    expect(message.includes(Buffer.from(encodeEntry('k', entry as never)))).toBe(true)
  })

  test('a version that was expected and is not there stops the whole commit', async () => {
    const node = await openNode()
    const [written] = await node.replica.commit([put('k', '1')])
    const stale = { ...put('k', '2'), expected: { version: undefined } }
    await expect(node.replica.commit([put('other', 'x'), stale])).rejects.toThrow(VersionMismatchError)
    expect(read(node, 'other')).toBeUndefined()
    const fresh = { ...put('k', '2'), expected: { version: written?.version } }
    await node.replica.commit([fresh])
    expect(read(node, 'k')).toBe('2')
  })
})

describe('rows', () => {
  test('only those that changed are written, each with what it replaces', async () => {
    const node = await openNode()
    node.broadcast.deliver(remoteMessage('k', 'remote', node.clock.ms - 1))
    await node.replica.commit([put('k', '1')])
    await node.replica.commit([put('k', '2')])
    await node.replica.commit([remove('k')])
    const kinds = node.log.batches.map(batch =>
      batch.rows.map(row => `${row.kind} ${row.value === undefined ? '-' : '+'}`)
    )
    expect(kinds).toEqual([['live +', 'evidence +'], ['live +'], ['live -', 'evidence +']])
    const marks = node.log.batches.map(batch => batch.clockMark)
    expect(marks).toEqual([...marks].sort((x, y) => (x < y ? -1 : 1)))
    expect(marks.at(-1)).toBe(node.replica.stats().clock)
  })
})

describe('bad input', () => {
  test.each([
    ['a key that is no string', [{ ...put('k', 'v'), key: 7 as never }], TypeError],
    ['an empty key', [put('', 'v')], RangeError],
    ['a long key', [put('k'.repeat(1025), 'v')], RangeError],
    ['a long key in bytes', [put('ü'.repeat(513), 'v')], RangeError],
    ['a lone surrogate', [put('\ud800', 'v')], TypeError],
    ['a value that is no bytes', [{ ...put('k', 'v'), value: 'v' as never }], TypeError],
    ['a long value', [{ ...put('k', 'v'), value: new Uint8Array(65_537) }], ValueTooLargeError],
    ['an unknown operation', [{ type: 'clear', key: 'k' } as never], TypeError],
    ['too many operations', Array.from({ length: 4097 }, () => put('k', 'v')), RangeError]
  ])('%s is refused before anything happens', async (_name, operations, error) => {
    const node = await openNode()
    await expect(node.replica.commit([put('good', 'v'), ...operations])).rejects.toThrow(error)
    await settle()
    expect([node.log.batches.length, node.broadcast.sent.length, node.changes.length]).toEqual([0, 0, 0])
    await node.replica.commit([put('k'.repeat(1024), 'v')])
    expect(node.replica.size).toBe(1)
  })

  test('more waiting bytes than the queue holds are refused', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log, init: { limits: { queueBytesMax: 100 } } })
    const one = node.replica.commit([put('k', 'v'.repeat(200))])
    await settle()
    await expect(node.replica.commit([put('l', 'v')])).rejects.toThrow(WriteQueueFullError)
    log.succeed()
    await one
    const second = node.replica.commit([put('l', 'v')])
    await settle()
    log.succeed()
    await second
  })

  test('a limit that is none is refused', async () => {
    await expect(openNode({ init: { limits: { groupRowsMax: 0 } } })).rejects.toThrow(RangeError)
  })
})

describe('a received entry', () => {
  test('is shown at once, and its row joins the next batch', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    node.broadcast.deliver(remoteMessage('k', 'remote', node.clock.ms))
    expect(read(node, 'k')).toBe('remote')
    expect(node.changes.map(change => change.origin)).toEqual(['remote'])
    await settle()
    expect(log.pending).toHaveLength(1)
    log.succeed()
    await node.replica.close()
    expect(log.disk.size).toBe(1)
  })

  test('that changes nothing costs no disk write, no event and no broadcast', async () => {
    const node = await openNode()
    const message = remoteMessage('k', 'remote', node.clock.ms)
    node.broadcast.deliver(message)
    await settle()
    const before = [node.log.batches.length, node.changes.length]
    for (let i = 0; i < 5; i++) node.broadcast.deliver(message)
    await settle()
    expect([node.log.batches.length, node.changes.length]).toEqual(before)
    expect(node.broadcast.sent).toEqual([])
    expect(node.replica.stats().receivedUnchanged).toBe(5)
  })

  test('own messages that come back change nothing', async () => {
    const node = await openNode()
    await node.replica.commit([put('k', 'a')])
    await node.replica.commit([remove('k')])
    for (const message of node.broadcast.sent) node.broadcast.deliver(message)
    expect(node.changes).toHaveLength(2)
    expect(read(node, 'k')).toBeUndefined()
  })

  test('too far in the future is refused whole, counted and charged to the peer', async () => {
    const node = await openNode()
    node.broadcast.deliver(remoteMessage('k', 'future', node.clock.ms + 60_001), 'mallory')
    expect(node.replica.entry('k')).toBeUndefined()
    expect(node.replica.stats().rejected).toEqual({ future: 1 })
    expect(node.events.at(-1)).toEqual({
      type: 'rejected',
      peer: 'mallory',
      reasons: new Map([['future', 1]])
    })
    const [result] = await node.replica.commit([put('k', 'mine')])
    expect((result?.stamp ?? 0n) >> 16n).toBe(BigInt(node.clock.ms))
  })

  test('bad bytes are dropped and counted, and a good entry beside a bad one is taken', async () => {
    const node = await openNode()
    for (const bad of [
      new Uint8Array(0),
      new Uint8Array([9]),
      new Uint8Array([1, 5, 1]),
      new Uint8Array([1, 0])
    ]) {
      node.broadcast.deliver(bad)
    }
    expect(node.replica.stats().dropped.malformed).toBe(4)
    const packer = new EntryPacker('broadcast', 1 << 20)
    packer.add(new Uint8Array([1, 2, 3]))
    packer.add(
      encodeEntry('k', putEntry(undefined, 'ffffffffffffffff', BigInt(node.clock.ms) << 16n, bytes('good')))
    )
    node.broadcast.deliver(packer.flush() as Uint8Array)
    expect(read(node, 'k')).toBe('good')
    expect(node.replica.stats().rejected).toEqual({ malformed: 1 })
  })

  test('that would make a row too long is refused', async () => {
    const node = await openNode({ init: { limits: { rowBytesMax: 100 } } })
    node.broadcast.deliver(remoteMessage('k', 'v'.repeat(30), node.clock.ms, '0000000000000001'))
    node.broadcast.deliver(remoteMessage('k', 'v'.repeat(30), node.clock.ms, '0000000000000002'))
    expect(liveDots(node.replica.entry('k') as never)).toHaveLength(1)
    expect(node.replica.stats().rejected).toEqual({ rowTooLong: 1 })
    await settle()
  })

  test('raises the clock, so that the next write exceeds it', async () => {
    const node = await openNode()
    node.broadcast.deliver(remoteMessage('k', 'ahead', node.clock.ms + 30_000))
    await node.replica.commit([put('k', 'mine')])
    expect(read(node, 'k')).toBe('mine')
    expect(valuesOf(node.replica.entry('k'))).toEqual(['mine'])
  })

  test('is dropped when too much waits for the disk already', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log, init: { limits: { backlogBytesMax: 100 } } })
    node.broadcast.deliver(remoteMessage('a', 'v'.repeat(200), node.clock.ms))
    node.broadcast.deliver(remoteMessage('b', 'v'.repeat(200), node.clock.ms))
    expect([read(node, 'a') !== undefined, read(node, 'b')]).toEqual([true, undefined])
    expect(node.replica.stats().dropped.backlog).toBe(1)
    await settle()
    log.succeed()
  })

  test('under our own id that we never wrote is reported, and the next write has a new id', async () => {
    const node = await openNode()
    await node.replica.commit([put('k', 'mine')])
    const id = node.replica.stats().replica as string
    node.broadcast.deliver(remoteMessage('other', 'forged', node.clock.ms + 10, id), 'twin')
    expect(node.events.at(-1)).toEqual({ type: 'identityDuplicate', peer: 'twin', replica: id })
    await node.replica.commit([put('k', 'again')])
    expect(node.replica.stats().replica).not.toBe(id)
  })

  test('that supersedes our own dot is no sign of a duplicate', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await a.replica.commit([put('k', 'mine')])
    b.broadcast.deliver(first(a.broadcast.sent))
    await b.replica.commit([put('k', 'theirs')])
    a.broadcast.deliver(first(b.broadcast.sent))
    expect(read(a, 'k')).toBe('theirs')
    expect(a.events.map(event => event.type)).toEqual(['recovered'])
  })
})

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

describe('neighbours in the process', () => {
  test('an owner or an event listener that throws disturbs nobody', async () => {
    const reported: string[] = []
    const node = await openNode({
      init: {
        owner: {
          applied() {
            throw new Error('owner')
          }
        },
        onEvent(event) {
          reported.push(event.type)
          throw new Error('listener')
        }
      }
    })
    await node.replica.commit([put('k', '1')])
    expect(read(node, 'k')).toBe('1')
    expect(reported).toEqual(['recovered', 'ownerFailed'])
    expect(node.broadcast.sent).toHaveLength(1)
  })

  test('a broadcast that throws is reported and the write stands', async () => {
    const node = await openNode()
    node.broadcast.onSend = () => {
      throw new Error('left')
    }
    await node.replica.commit([put('k', '1')])
    expect(node.events.at(-1)?.type).toBe('broadcastFailed')
  })

  test('a group longer than one message is split, and an entry longer than one is left to reconciliation', async () => {
    const node = await openNode({ init: { limits: { broadcastBytesMax: 300 } } })
    await node.replica.commit([
      put('a', 'v'.repeat(100)),
      put('b', 'v'.repeat(100)),
      put('c', 'v'.repeat(100)),
      put('d', 'v'.repeat(400))
    ])
    expect(node.broadcast.sent).toHaveLength(2)
    expect(node.broadcast.sent.every(message => message.length <= 300)).toBe(true)
    expect(node.replica.stats().broadcastOversize).toBe(1)
    const other = await openNode({ name: 'b' })
    for (const message of node.broadcast.sent) other.broadcast.deliver(message)
    expect(['a', 'b', 'c', 'd'].map(key => read(other, key)?.length)).toEqual([100, 100, 100, undefined])
    await settle()
  })
})
