import { encodeEntry, putEntry } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { ValueTooLargeError, VersionMismatchError, WriteQueueFullError } from '../src/index.ts'
import { EntryPacker } from '../src/frames.ts'
import { MemoryLog } from './support/memory-log.ts'
import { bytes, first, openNode, put, read, remove, settle, valuesOf, watchFate } from './support/world.ts'

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
