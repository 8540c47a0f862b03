import { decodeRows, encodeEntry, liveDots, putEntry, REFUSAL_PAUSE_MS, type Entry } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { EntryPacker } from '../src/frames.ts'
import type { Replica } from '../src/index.ts'
import { syncRound } from './support/exchange.ts'
import { MemoryLog } from './support/memory-log.ts'
import { bytes, first, openNode, put, read, remove, settle, valuesOf } from './support/world.ts'

/** A broadcast message with one remote write. */
function remoteMessage(key: string, value: string, wallMs: number, replica = 'ffffffffffffffff'): Uint8Array {
  const packer = new EntryPacker('broadcast', 1 << 20)
  packer.add(encodeEntry(key, putEntry(undefined, replica, BigInt(wallMs) << 16n, bytes(value))))
  return packer.flush() as Uint8Array
}

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

  test('is on disk with its evidence, and with what joined it meanwhile', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log })
    const wall = BigInt(node.clock.ms) << 16n
    const deliver = (entry: Entry): void => {
      const packer = new EntryPacker('broadcast', 1 << 20)
      packer.add(encodeEntry('k', entry))
      node.broadcast.deliver(packer.flush() as Uint8Array)
    }
    const seen = putEntry(undefined, 'aaaaaaaaaaaaaaaa', wall, bytes('seen'))
    deliver(putEntry(seen, 'bbbbbbbbbbbbbbbb', wall + 1n, bytes('new')))
    await settle()
    deliver(putEntry(undefined, 'cccccccccccccccc', wall + 2n, bytes('beside')))
    log.succeed()
    await settle()
    log.succeed()
    await node.replica.close()
    const rowOf = (kind: string) => [...log.disk.values()].find(row => row.kind === kind)?.value
    expect(decodeRows(rowOf('live'), rowOf('evidence'))).toEqual(node.replica.entry('k'))
    expect(node.replica.entry('k')?.items).toHaveLength(3)
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

  test('that would make a row too long leaves both sides unconverged, which says so, until somebody writes the key', async () => {
    const init = { limits: { rowBytesMax: 220 } }
    const [a, b] = [await openNode({ name: 'a', init }), await openNode({ name: 'b', init })]
    const writers = await Promise.all(['x', 'y', 'z'].map(name => openNode({ name })))
    for (const { name, replica } of writers) await replica.commit([put('k', name.repeat(60))])
    const [x, y, z] = writers.map(({ broadcast }) => broadcast.sent[0] as Uint8Array)
    for (const message of [x, y]) a.broadcast.deliver(message as Uint8Array)
    for (const message of [y, z]) b.broadcast.deliver(message as Uint8Array)
    await syncRound(a, b)
    for (const { replica } of [a, b]) expect(replica.status().refused.rowTooLong).toBe(1)
    for (const node of [a, b]) {
      node.clock.ms += 10
      await node.replica.commit([put('k', `settled by ${node.name}`)])
      node.clock.ms += REFUSAL_PAUSE_MS
    }
    await syncRound(a, b)
    await syncRound(b, a)
    expect(valuesOf(a.replica.entry('k'))).toEqual(['settled by a', 'settled by b'])
    expect(a.replica.root()).toEqual(b.replica.root())
    for (const { replica } of [a, b]) expect(replica.status().refused.rowTooLong).toBe(0)
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

  test('that conflicts once too often is reported, once, and kept', async () => {
    const node = await openNode()
    for (let i = 0; i < 66; i++) {
      node.broadcast.deliver(remoteMessage('k', 'v', node.clock.ms, i.toString(16).padStart(16, '0')))
    }
    expect(valuesOf(node.replica.entry('k'))).toHaveLength(66)
    const overflows = node.events.filter(event => event.type === 'conflictOverflow')
    expect(overflows).toEqual([{ type: 'conflictOverflow', key: 'k', dots: 65 }])
    await settle()
  })

  test('with another value under a stamp that is known is counted, and all choose the same', async () => {
    const one = await openNode()
    const other = await openNode({ name: 'b' })
    const [x, y] = [remoteMessage('k', 'x', one.clock.ms), remoteMessage('k', 'y', one.clock.ms)]
    for (const message of [x, y]) one.broadcast.deliver(message)
    for (const message of [y, x]) other.broadcast.deliver(message)
    expect([read(one, 'k'), read(other, 'k')]).toEqual(['y', 'y'])
    expect(one.replica.stats().clashes).toBe(1)
    await settle()
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

  test('nor does one whose promise rejects, or a callback of a commit that throws', async () => {
    const reported: string[] = []
    const node = await openNode({
      init: {
        owner: {
          applied: () => Promise.reject(new Error('owner')) as never,
          custom: () => Promise.reject(new Error('custom')) as never
        },
        onEvent: event => {
          reported.push(event.type)
          return Promise.reject(new Error('listener')) as never
        }
      }
    })
    const onDurable = (): never => {
      throw new Error('mine')
    }
    const results = await node.replica.commit([put('k', '1')], { onDurable })
    expect(results).toMatchObject([{ key: 'k', changed: true }])
    const other = await openNode({ name: 'other' })
    other.replica.broadcastCustom(bytes('hint'))
    await other.replica.commit([put('l', '2')])
    for (const message of other.broadcast.sent) node.broadcast.deliver(message)
    await settle()
    expect([read(node, 'k'), read(node, 'l')]).toEqual(['1', '2'])
    expect(reported.filter(type => type === 'ownerFailed')).toHaveLength(4)
  })

  test('an owner that writes whenever it is told of something is told of its own writes, one after the other', async () => {
    let replica: Replica | undefined
    const told: string[] = []
    const node = await openNode({
      init: {
        owner: {
          applied(changes) {
            for (const { key } of changes) {
              told.push(key)
              if (key.length < 5) void replica?.commit([put(`${key}+`, 'v')])
            }
          }
        }
      }
    })
    replica = node.replica
    await node.replica.commit([put('k', 'v')])
    await settle(200)
    expect(told).toEqual(['k', 'k+', 'k++', 'k+++', 'k++++'])
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
