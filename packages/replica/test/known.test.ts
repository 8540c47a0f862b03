import { describe, expect, test } from 'vitest'
import { encodeEntry, putEntry } from '@starling/ormap'
import { EntryPacker } from '../src/frames.ts'
import { syncRound } from './support/exchange.ts'
import type { MemoryLog } from './support/memory-log.ts'
import { bytes, openNode, put, read, remove, settle, TestClock, type Node } from './support/world.ts'

const DAY_MS = 86_400_000
const init = { forgetting: 'byKnown' } as const

/** The ids of the `known` rows on disk, and their stamps; the row about them is left out. */
function knownOnDisk(log: MemoryLog): Map<string, bigint> {
  const rows = [...log.disk.values()].filter(row => row.kind === 'known' && row.key.length === 8)
  return new Map(
    rows.map(({ key, value }) => [Buffer.from(key).toString('hex'), Buffer.from(value).readBigUInt64BE(8)])
  )
}

const idOf = (node: Node): string => node.replica.stats().replica ?? 'none'

describe('what a replica knows', () => {
  test('of itself is in every batch with own writes: the greatest stamp in it', async () => {
    const node = await openNode({ init })
    const [, second] = await node.replica.commit([put('a', '1'), put('b', '2')])
    expect(knownOnDisk(node.log)).toEqual(new Map([[idOf(node), second?.stamp]]))
    expect(node.log.batches).toHaveLength(1)
    const [third] = await node.replica.commit([put('a', '3')])
    expect(knownOnDisk(node.log)).toEqual(new Map([[idOf(node), third?.stamp]]))
    // What is received is no reason.
    const other = await openNode({ name: 'b', init })
    await other.replica.commit([put('c', '1')])
    node.broadcast.deliver(other.broadcast.sent[0] as Uint8Array)
    await settle()
    expect([...knownOnDisk(node.log).keys()]).toEqual([idOf(node)])
  })

  test('of others rises when a whole session has ended, durably, and survives the next opening', async () => {
    const a = await openNode({ name: 'a', init })
    const b = await openNode({ name: 'b', init })
    await a.replica.commit([put('k', '1')])
    await b.replica.commit([put('l', '1')])
    await syncRound(a, b)
    for (const { log } of [a, b]) {
      expect([...knownOnDisk(log).keys()].sort()).toEqual([idOf(a), idOf(b)].sort())
    }
    const batches = [a.log.batches.length, b.log.batches.length]
    const { bytes: cost } = await syncRound(a, b)
    expect([a.log.batches.length, b.log.batches.length]).toEqual(batches)
    expect(cost).toBeLessThan(160)
    const again = await openNode({ log: a.log.reopen(), init, seed: 'again' })
    expect(again.replica.stats().knownIds).toBe(2)
    await again.replica.commit([put('m', '1')])
    expect(again.replica.stats().knownIds).toBe(3)
  })

  test('lets what was removed stay removed where its evidence is gone, whoever brings it', async () => {
    const clock = new TestClock()
    const a = await openNode({ name: 'a', init, clock })
    const b = await openNode({ name: 'b', init, clock, timers: a.timers })
    const away = await openNode({ name: 'away', init, clock, timers: a.timers })
    await a.replica.commit([put('k', 'v'), put('kept', 'v')])
    await syncRound(a, b)
    await syncRound(a, away)
    await a.replica.commit([remove('k')])
    await syncRound(a, b)
    await syncRound(a, b)
    a.clock.ms += DAY_MS
    await a.timers.advance(20_000)
    expect([a.replica.stats().evidence, b.replica.stats().evidence]).toEqual([0, 0])
    expect([...a.log.disk.values()].filter(row => row.kind === 'evidence')).toEqual([])
    // A late broadcast is not believed, and neither is a session; it is answered.
    b.broadcast.deliver(a.broadcast.sent[0] as Uint8Array)
    expect(read(b, 'k')).toBeUndefined()
    await syncRound(away, b)
    expect([read(away, 'k'), read(b, 'k'), read(b, 'kept')]).toEqual([undefined, undefined, 'v'])
    expect(away.replica.root()).toEqual(a.replica.root())
  })

  test('is nothing while forgetting is by age, and no row says otherwise', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await a.replica.commit([put('k', '1')])
    await syncRound(a, b)
    expect([knownOnDisk(a.log).size, knownOnDisk(b.log).size, b.replica.stats().knownIds]).toEqual([0, 0, 0])
    await a.replica.commit([remove('k')])
    a.clock.ms += DAY_MS
    await a.timers.advance(20_000)
    expect([a.replica.stats().evidence, a.replica.stats().entries, a.log.disk.size]).toEqual([0, 0, 0])
  })

  test('of an id that has fallen silent is forgotten after 30 days, once nothing of it is left', async () => {
    const a = await openNode({ name: 'a', init })
    await a.replica.commit([put('k', '1')])
    const log = a.log.reopen()
    const again = await openNode({ log, init, seed: 'again', clock: a.clock, timers: a.timers })
    again.clock.ms += 31 * DAY_MS
    await again.timers.advance(20_000)
    expect(again.replica.stats().knownIds).toBe(1)
    await again.replica.commit([remove('k')])
    again.clock.ms += 2 * DAY_MS
    await again.timers.advance(20_000)
    expect([...knownOnDisk(log).keys()]).toEqual([idOf(again)])
  })
})

describe('a doubt takes away everything that is known, and the id', () => {
  /** A node that knows of a former id of its own and of a peer. */
  async function knowing(): Promise<Node> {
    const before = await openNode({ init })
    const peer = await openNode({ name: 'peer', init })
    await before.replica.commit([put('k', '1')])
    await peer.replica.commit([put('l', '1')])
    await syncRound(before, peer)
    const node = await openNode({ log: before.log.reopen(), init, seed: 'second', clock: before.clock })
    await node.replica.commit([put('m', '1')])
    expect(node.replica.stats().knownIds).toBe(3)
    return node
  }

  test.each([
    ['a damaged row', (log: MemoryLog) => log.damaged([{ kind: 'evidence', key: Uint8Array.of(1) }])],
    [
      'a row that cannot be read',
      (log: MemoryLog) => {
        const row = {
          kind: 'live',
          key: Uint8Array.of(1),
          value: Uint8Array.of(9),
          hash: new Uint8Array(32)
        } as const
        log.recovered = { ...log.recovered, rows: [...log.recovered.rows, row] }
        return log
      }
    ],
    [
      'a log that is not whole',
      (log: MemoryLog) => {
        log.recovered = { ...log.recovered, damaged: new Error('a row is missing') }
        return log
      }
    ]
  ])('%s', async (_name, harm) => {
    const node = await knowing()
    const log = harm(node.log.reopen())
    const doubtful = await openNode({ log, init, seed: 'third', clock: node.clock })
    expect(doubtful.replica.stats()).toMatchObject({ knownIds: 0, replica: undefined })
    await doubtful.replica.commit([put('n', '1')])
    expect([...knownOnDisk(log).keys()]).toEqual([idOf(doubtful)])
    const again = await openNode({ log: log.reopen(), init, seed: 'fourth', clock: node.clock })
    expect(again.replica.stats().knownIds).toBe(1)
  })

  test('somebody else under the own id, and what he wrote is kept', async () => {
    const node = await knowing()
    const id = idOf(node)
    const write = putEntry(undefined, id, BigInt(node.clock.ms + 5) << 16n, bytes('a twin’s'))
    const packer = new EntryPacker('broadcast', 1 << 20)
    packer.add(encodeEntry('twin', write))
    node.broadcast.deliver(packer.flush() as Uint8Array, 'twin')
    expect(node.events.at(-1)).toEqual({ type: 'identityDuplicate', peer: 'twin', replica: id })
    expect(node.replica.stats()).toMatchObject({ knownIds: 0, replica: undefined })
    expect(read(node, 'twin')).toBe('a twin’s')
  })

  test('somebody else under the own id whose write seems long dead: it is not', async () => {
    const node = await knowing()
    const id = idOf(node)
    const [last] = await node.replica.commit([put('m', '2')])
    const write = putEntry(undefined, id, (last?.stamp as bigint) - 1n, bytes('a twin’s'))
    const packer = new EntryPacker('broadcast', 1 << 20)
    packer.add(encodeEntry('twin', write))
    node.broadcast.deliver(packer.flush() as Uint8Array, 'twin')
    expect(node.events.at(-1)).toMatchObject({ type: 'identityDuplicate', replica: id })
    expect(read(node, 'twin')).toBe('a twin’s')
  })

  test('wall and monotonic time that part, as after a sleep or in a copy that was resumed', async () => {
    const clock = new TestClock()
    let jumpMs = 0
    const wall = { wallMs: () => clock.ms + jumpMs, monotonicMs: () => clock.ms }
    const node = await openNode({ init, clock: Object.assign(clock, wall) })
    await node.replica.commit([put('k', '1')])
    const id = idOf(node)
    jumpMs += 60_000
    await node.replica.commit([put('k', '2')])
    expect(idOf(node)).toBe(id)
    jumpMs += 60_001
    const [third] = await node.replica.commit([put('k', '3')])
    expect(idOf(node)).not.toBe(id)
    expect(node.events.at(-1)).toEqual({ type: 'clockParted' })
    expect(knownOnDisk(node.log)).toEqual(new Map([[idOf(node), third?.stamp]]))
    jumpMs -= 60_001
    await node.timers.advance(10_000)
    expect(node.events.filter(event => event.type === 'clockParted')).toHaveLength(2)
  })
})
