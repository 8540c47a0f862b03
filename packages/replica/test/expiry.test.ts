import { encodeEntry, putEntry } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { EntryPacker } from '../src/frames.ts'
import { syncRound } from './support/exchange.ts'
import { bytes, openNode, put, remove, settle, valuesOf, type Node } from './support/world.ts'

const DRIFT_MS = 60_000

/** What the owner was told since `from`: cause and the values that are left. */
const told = (node: Node, from = 0): string[] =>
  node.changes.slice(from).map(({ cause, previous, entry }) => {
    const moved = previous === entry ? 'same' : 'changed'
    return `${cause} ${moved} ${valuesOf(entry).join()}`
  })

const ending = (node: Node, key: string, value: string, inMs: number) => ({
  ...put(key, value),
  expiresAtMs: node.clock.ms + inMs
})

describe('a value that ends', () => {
  test('is reported when its time has come, and is gone one drift bound later, on disk too', async () => {
    const node = await openNode()
    await node.replica.commit([ending(node, 'k', 'v', 5000), put('other', 'w')])
    await node.timers.advance(4999)
    expect(told(node, 2)).toEqual([])
    await node.timers.advance(1)
    expect(told(node, 2)).toEqual(['expired same v'])
    await node.timers.advance(DRIFT_MS - 1)
    expect(told(node, 3)).toEqual([])
    await node.timers.advance(1)
    expect(told(node, 3)).toEqual(['expired changed '])
    expect([...node.log.disk.values()].map(row => row.kind).sort()).toEqual(['evidence', 'live'])
    expect(node.broadcast.sent).toHaveLength(1)
  })

  test('that was renewed ends at the later time only', async () => {
    const node = await openNode()
    await node.replica.commit([ending(node, 'k', 'v', 5000)])
    await node.timers.advance(3000)
    await node.replica.commit([ending(node, 'k', 'w', 5000)])
    await node.timers.advance(4999)
    expect(told(node, 2)).toEqual([])
    await node.timers.advance(1)
    expect(told(node, 2)).toEqual(['expired same w'])
  })

  test('no longer counts for versions and removals, though peers may still show it', async () => {
    const node = await openNode()
    const [written] = await node.replica.commit([ending(node, 'k', 'v', 5000)])
    expect(written?.version).toMatch(/^[0-9a-f]{32}$/u)
    await node.timers.advance(5000)
    const entry = node.replica.entry('k')
    expect(entry && node.replica.versionOf(entry)).toBeUndefined()
    const [removed] = await node.replica.commit([remove('k')])
    expect(removed?.changed).toBe(false)
    const [again] = await node.replica.commit([{ ...put('k', 'w'), expected: { version: undefined } }])
    expect(again?.changed).toBe(true)
    expect(valuesOf(node.replica.entry('k'))).toEqual(['w'])
  })

  test('that arrives over is taken as evidence, and costs no second event', async () => {
    const node = await openNode()
    const stamp = BigInt(node.clock.ms - 100_000) << 16n
    const entry = putEntry(undefined, 'f'.repeat(16), stamp, bytes('old'), node.clock.ms - DRIFT_MS)
    const packer = new EntryPacker('broadcast', 1 << 20)
    packer.add(encodeEntry('k', entry))
    node.broadcast.deliver(packer.flush() as Uint8Array)
    expect(valuesOf(node.replica.entry('k'))).toEqual([])
    expect(told(node)).toEqual(['written changed '])
    await node.timers.advance(DRIFT_MS)
    expect(node.changes).toHaveLength(1)
  })

  test('ends after a restart as well, and peers agree without a message', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await a.replica.commit([ending(a, 'k', 'v', 5000)])
    await syncRound(a, b)
    await a.replica.close()
    const again = await openNode({ name: 'a', log: a.log.reopen(), seed: 'again' })
    const sent = b.broadcast.sent.length
    await again.timers.advance(5000 + DRIFT_MS)
    await b.timers.advance(5000 + DRIFT_MS)
    expect([again.replica.size, b.replica.size]).toEqual([0, 0])
    expect(again.replica.root()).toEqual(b.replica.root())
    expect([again.broadcast.sent.length, b.broadcast.sent.length]).toEqual([0, sent])
    await settle()
  })

  test('that a peer pushed is reported in time too', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    await b.timers.advance(1)
    await a.replica.commit([ending(a, 'k', 'v', 5000)])
    await b.replica.protocol.answer?.(a.broadcast.sent[0] as Uint8Array, 'a')
    await b.timers.advance(4999)
    expect(told(b)).toEqual(['written changed v', 'expired same v'])
  })

  test('a time that is none is refused before anything happens', async () => {
    const node = await openNode()
    for (const expiresAtMs of [-1, 1.5, Number.NaN, '5' as never]) {
      await expect(node.replica.commit([{ ...put('k', 'v'), expiresAtMs }])).rejects.toThrow(RangeError)
    }
    expect(node.log.batches).toEqual([])
  })
})
