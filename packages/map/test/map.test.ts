import { describe, expect, test } from 'vitest'
import { systemHash } from '@starling/ports/system'
import { createMap, MapClosedError, SchemaError } from '@starling/map'
import { FakeTime } from './support/fake-time.ts'
import { gossip, HeldLog, openMap, settle } from './support/open.ts'

interface Flag {
  on: boolean
  tags?: string[]
}

describe('as an ES Map', () => {
  test('set, get, has, delete, size and the iterators', async () => {
    const { map } = await openMap<Flag>()
    expect([map.size, map.get('a'), map.has('a')]).toEqual([0, undefined, false])
    await map.set('a', { on: true })
    await map.set('b', { on: false })
    expect([map.size, map.get('a'), map.has('b')]).toEqual([2, { on: true }, true])
    expect([...map.keys()].sort()).toEqual(['a', 'b'])
    expect([...map.values()]).toEqual([{ on: true }, { on: false }])
    expect([...map]).toEqual([...map.entries()])
    expect(await map.delete('a')).toBe(true)
    expect(await map.delete('a')).toBe(false)
    expect([map.size, map.has('a'), [...map.keys()]]).toEqual([1, false, ['b']])
  })

  test('every kind of value comes back as it was', async () => {
    const { map } = await openMap<unknown>()
    const values = [
      null,
      0,
      -0,
      1.5,
      2n ** 60n,
      '',
      'ü',
      [1, [2]],
      { a: { b: null } },
      new Uint8Array([1, 2])
    ]
    for (const [i, value] of values.entries()) await map.set(String(i), value)
    for (const [i, value] of values.entries()) expect(map.get(String(i))).toStrictEqual(value)
  })

  test('keys like those of Object.prototype are keys like any other', async () => {
    const { map } = await openMap<number>()
    for (const key of ['__proto__', 'constructor', 'hasOwnProperty', ' ', '\u0000']) {
      expect(map.get(key)).toBeUndefined()
      await map.set(key, 1)
      expect(map.get(key)).toBe(1)
    }
    expect(map.size).toBe(5)
  })
})

describe('values belong to their callers', () => {
  test('changing a value after set, or one that came out, changes nothing here', async () => {
    const { map } = await openMap<Flag>()
    const mine: Flag = { on: true, tags: ['x'] }
    const write = map.set('k', mine)
    mine.on = false
    mine.tags?.push('y')
    await write
    const out = map.get('k')
    expect(out).toEqual({ on: true, tags: ['x'] })
    out?.tags?.push('z')
    expect(map.get('k')).toEqual({ on: true, tags: ['x'] })
    for (const [, value] of map) value.on = false
    for (const { value } of map.conflicts('k')) value.on = false
    const versioned = map.getWithVersion('k')
    if (versioned !== undefined) versioned.value.on = false
    expect(map.get('k')).toEqual({ on: true, tags: ['x'] })
  })

  test('bytes too', async () => {
    const { map } = await openMap<Uint8Array>()
    const bytes = new Uint8Array([1, 2, 3])
    const write = map.set('k', bytes)
    bytes[0] = 9
    await write
    map.get('k')?.fill(7)
    expect(map.get('k')).toEqual(new Uint8Array([1, 2, 3]))
  })
})

describe('durability', () => {
  test('MAP-I3: nothing is visible, watched or sent before it is on disk', async () => {
    const node = await openMap<number>()
    const watch = node.map.watch()
    let seen: unknown
    void watch.next().then(result => (seen = result.value))
    node.log.hold = true
    const write = node.map.set('k', 1)
    await settle()
    expect([node.map.get('k'), node.map.size, seen, node.sent.length]).toEqual([undefined, 0, undefined, 0])
    node.log.release()
    await write
    expect([node.map.get('k'), node.map.size, node.sent.length]).toEqual([1, 1, 1])
    await settle()
    expect(seen).toMatchObject({ type: 'set', key: 'k', value: 1 })
    await watch.return?.()
  })

  test('MAP-I3: a write whose disk fails is never shown', async () => {
    const node = await openMap<number>()
    node.log.hold = true
    const write = node.map.set('k', 1)
    await settle()
    node.log.fail()
    await expect(write).rejects.toMatchObject({ name: 'IndeterminateWriteError', keys: ['k'] })
    await expect(node.map.set('l', 1)).rejects.toMatchObject({ name: 'ReplicaPoisonedError' })
    expect([node.map.get('k'), node.map.size, node.sent.length]).toEqual([undefined, 0, 0])
  })

  test('MAP-I6: a map whose replica does not open is not opened', async () => {
    const refused = new Error('EACCES')
    const time = new FakeTime()
    const open = (): Promise<never> => Promise.reject(refused)
    await expect(createMap({ open, clock: time, timers: time, hash: systemHash })).rejects.toBe(refused)
  })

  test('what was acknowledged is there after opening again', async () => {
    const node = await openMap<number>()
    await node.map.set('a', 1)
    await node.map.set('b', 2)
    await node.map.delete('a')
    await node.map.close()
    const again = await openMap<number>({ name: 'again', log: new HeldLog(node.log.rows) })
    expect([...again.map]).toEqual([['b', 2]])
    expect(again.map.stats().bytes).toBe(2)
  })
})

describe('MAP-I1: read your writes', () => {
  test('a write is seen once, and its own broadcast coming back is not', async () => {
    const node = await openMap<number>()
    const watch = node.map.watch()
    await node.map.set('k', 1)
    for (const message of node.sent) node.deliver(message)
    await node.map.set('k', 2)
    for (const message of node.sent) node.deliver(message)
    expect(node.map.get('k')).toBe(2)
    await node.map.close()
    const seen: unknown[] = []
    for await (const event of watch) seen.push(event.value)
    expect(seen).toEqual([2])
  })
})

describe('conflicts', () => {
  async function conflicting() {
    const a = await openMap<string>({ name: 'a' })
    const b = await openMap<string>({ name: 'b', startMs: 1_700_000_000_005 })
    await a.map.set('k', 'from a')
    await b.map.set('k', 'from b')
    gossip(a, b)
    return { a, b }
  }

  test('concurrent writes are both kept, and every node shows the same one', async () => {
    const { a, b } = await conflicting()
    expect([a.map.get('k'), b.map.get('k')]).toEqual(['from b', 'from b'])
    expect(a.map.conflicts('k').map(({ value }) => value)).toEqual(['from b', 'from a'])
    expect(a.map.conflicts('k')).toEqual(b.map.conflicts('k'))
    expect(a.map.getWithVersion('k')?.version).toBe(b.map.getWithVersion('k')?.version)
    expect(a.map.conflicts('absent')).toEqual([])
    expect([a.map.size, a.map.stats().conflicts, b.map.stats().conflicts]).toEqual([1, 1, 1])
  })

  test('the next write settles them everywhere', async () => {
    const { a, b } = await conflicting()
    await a.map.set('k', 'settled')
    gossip(a, b)
    expect(b.map.conflicts('k').map(({ value }) => value)).toEqual(['settled'])
    expect(a.map.conflicts('k')).toHaveLength(1)
    expect([a.map.stats().conflicts, b.map.stats().conflicts]).toEqual([0, 0])
  })

  test('a delete removes what it had seen, and a write it had not seen survives it', async () => {
    const { a, b } = await conflicting()
    await b.map.set('k', 'unseen')
    await a.map.delete('k')
    expect(a.map.has('k')).toBe(false)
    gossip(a, b)
    expect([a.map.get('k'), b.map.get('k')]).toEqual(['unseen', 'unseen'])
    expect(a.map.conflicts('k')).toHaveLength(1)
  })

  test('equal stamps are decided by the replica id, alike on both sides', async () => {
    const a = await openMap<string>({ name: 'a' })
    const b = await openMap<string>({ name: 'b' })
    await a.map.set('k', 'from a')
    await b.map.set('k', 'from b')
    gossip(a, b)
    const [first, second] = a.map.conflicts('k')
    expect(first?.stamp).toBe(second?.stamp)
    expect((first?.replica ?? '') > (second?.replica ?? '')).toBe(true)
    expect(a.map.get('k')).toBe(first?.value)
    expect(b.map.get('k')).toBe(first?.value)
  })
})

describe('setIf, deleteIf and batch', () => {
  test('setIf writes only at the version it was given', async () => {
    const { map } = await openMap<number>()
    const { version } = await map.setIf('k', 1, undefined)
    await expect(map.setIf('k', 2, undefined)).rejects.toMatchObject({ name: 'VersionMismatchError' })
    expect(map.getWithVersion('k')).toEqual({ value: 1, version })
    await map.setIf('k', 2, version)
    await expect(map.setIf('k', 3, version)).rejects.toMatchObject({
      name: 'VersionMismatchError',
      expected: version
    })
    expect(map.get('k')).toBe(2)
  })

  test('two setIf at once: one of them wins', async () => {
    const { map } = await openMap<number>()
    const outcomes = await Promise.allSettled([map.setIf('k', 1, undefined), map.setIf('k', 2, undefined)])
    expect(outcomes.map(outcome => outcome.status)).toEqual(['fulfilled', 'rejected'])
    expect(map.get('k')).toBe(1)
  })

  test('deleteIf removes only at the version it was given', async () => {
    const { map } = await openMap<number>()
    await expect(map.deleteIf('k', 'no version')).rejects.toMatchObject({ name: 'VersionMismatchError' })
    const { version } = await map.set('k', 1)
    await expect(map.deleteIf('k', undefined)).rejects.toMatchObject({
      name: 'VersionMismatchError',
      expected: undefined,
      actual: version
    })
    const { version: newer } = await map.set('k', 2)
    await expect(map.deleteIf('k', version)).rejects.toMatchObject({ name: 'VersionMismatchError' })
    expect(map.get('k')).toBe(2)
    await expect(map.deleteIf('k', newer)).resolves.toBe(true)
    expect(map.has('k')).toBe(false)
    await expect(map.deleteIf('k', undefined)).resolves.toBe(false)
  })

  test('deleteIf sees what this node has on its way', async () => {
    const log = new HeldLog()
    const node = await openMap<number>({ log })
    const { version } = await node.map.set('k', 1)
    log.hold = true
    const second = node.map.set('k', 2)
    expect(node.map.getWithVersion('k')).toEqual({ value: 1, version })
    const outcomes = Promise.allSettled([second, node.map.deleteIf('k', version)])
    log.release()
    expect((await outcomes).map(outcome => outcome.status)).toEqual(['fulfilled', 'rejected'])
    expect(node.map.get('k')).toBe(2)
  })

  test('deleteIf settles a conflict only for who has seen all of it', async () => {
    const a = await openMap<string>({ name: 'a' })
    const b = await openMap<string>({ name: 'b' })
    const { version: own } = await a.map.set('k', 'a')
    await b.map.set('k', 'b')
    gossip(a, b)
    expect(a.map.conflicts('k')).toHaveLength(2)
    await expect(a.map.deleteIf('k', own)).rejects.toMatchObject({ name: 'VersionMismatchError' })
    await expect(a.map.deleteIf('k', a.map.getWithVersion('k')?.version)).resolves.toBe(true)
    gossip(a, b)
    expect([a.map.has('k'), b.map.has('k')]).toEqual([false, false])
  })

  test('a batch is all or nothing', async () => {
    const node = await openMap<number>({ init: { schema: value => typeof value === 'number' } })
    await node.map.set('old', 1)
    await node.map.batch([
      { type: 'set', key: 'a', value: 1 },
      { type: 'delete', key: 'old' }
    ])
    expect([...node.map]).toEqual([['a', 1]])
    const before = node.log.batches
    const bad = node.map.batch([
      { type: 'set', key: 'b', value: 1 },
      { type: 'set', key: 'c', value: 'no' as never }
    ])
    await expect(bad).rejects.toBeInstanceOf(SchemaError)
    expect([node.map.has('b'), node.log.batches]).toEqual([false, before])
  })
})

describe('close', () => {
  test('is idempotent, keeps reads, and refuses the rest', async () => {
    const node = await openMap<number>()
    const write = node.map.set('k', 1)
    let over = false
    void node.map.closed.then(() => (over = true))
    await settle()
    expect(over).toBe(false)
    await Promise.all([node.map.close(), node.map.close(), node.map[Symbol.asyncDispose]()])
    await Promise.all([write, node.map.closed])
    expect(node.map.get('k')).toBe(1)
    await expect(node.map.set('k', 2)).rejects.toBeInstanceOf(MapClosedError)
    await expect(node.map.delete('k')).rejects.toBeInstanceOf(MapClosedError)
    expect(() => node.map.watch()).toThrow(MapClosedError)
  })
})
