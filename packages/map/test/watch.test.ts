import { ByteWriter, encodeValue } from '@starling/codec'
import { encodeEntry } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { MapClosedError, WatcherLimitError, type MapEvent, type ReplicatedMap } from '@starling/map'
import { gossip, openMap, settle } from './support/open.ts'

/** The events that are there to be read, without waiting for more. */
async function drain<V>(watch: AsyncIterator<MapEvent<V>>, count: number): Promise<MapEvent<V>[]> {
  const events: MapEvent<V>[] = []
  for (let i = 0; i < count; i++) {
    const result = await watch.next()
    if (result.done === true) break
    events.push(result.value)
  }
  return events
}

const brief = (events: readonly MapEvent<unknown>[]): unknown[] =>
  events.map(({ type, key, value, previous, origin }) => [type, key, value, previous, origin])

describe('watch', () => {
  test('from now: what changes after the call, with what was there before', async () => {
    const node = await openMap<number>()
    await node.map.set('a', 1)
    const watch = node.map.watch()
    await node.map.set('a', 2)
    await node.map.set('b', 3)
    expect(brief(await drain(watch, 2))).toEqual([
      ['set', 'a', 2, 1, 'local'],
      ['set', 'b', 3, undefined, 'local']
    ])
    await node.map.delete('a')
    const [deleted] = await drain(watch, 1)
    expect(deleted).toEqual({
      type: 'delete',
      key: 'a',
      value: undefined,
      previous: 2,
      version: undefined,
      origin: 'local'
    })
  })

  test('from a snapshot: everything there is, then what changes, nothing twice and nothing missed', async () => {
    const node = await openMap<number>()
    await node.map.set('a', 1)
    await node.map.set('b', 2)
    await node.map.set('c', 3)
    const watch = node.map.watch({ from: 'snapshot' })
    await node.map.set('b', 20)
    await node.map.delete('c')
    await node.map.set('d', 4)
    expect(brief(await drain(watch, 3))).toEqual([
      ['set', 'a', 1, undefined, 'snapshot'],
      ['set', 'b', 20, undefined, 'snapshot'],
      ['set', 'd', 4, undefined, 'local']
    ])
    await node.map.set('a', 10)
    expect(brief(await drain(watch, 1))).toEqual([['set', 'a', 10, 1, 'local']])
  })

  test('a reader that waits sees every change of one commit group by itself', async () => {
    const node = await openMap<number>()
    const watch = node.map.watch()
    const reads = [watch.next(), watch.next(), watch.next()]
    await Promise.all([node.map.set('k', 1), node.map.set('k', 2), node.map.delete('k')])
    const events = (await Promise.all(reads)).map(result => result.value as MapEvent<number>)
    expect(brief(events)).toEqual([
      ['set', 'k', 1, undefined, 'local'],
      ['set', 'k', 2, 1, 'local'],
      ['delete', 'k', undefined, 2, 'local']
    ])
  })

  test('a reader that is slow gets the newest state of each key, and nothing for what cancelled out', async () => {
    const node = await openMap<number>()
    const watch = node.map.watch()
    for (let i = 0; i < 10; i++) await node.map.set('k', i)
    await node.map.set('gone', 1)
    await node.map.delete('gone')
    await node.map.set('last', 1)
    expect(brief(await drain(watch, 2))).toEqual([
      ['set', 'k', 9, undefined, 'local'],
      ['set', 'last', 1, undefined, 'local']
    ])
  })

  test('concurrent writes are told as a conflict, and their settling as a set', async () => {
    const a = await openMap<string>({ name: 'a' })
    const b = await openMap<string>({ name: 'b', startMs: 1_700_000_000_005 })
    const watch = a.map.watch()
    await a.map.set('k', 'from a')
    await b.map.set('k', 'from b')
    expect(brief(await drain(watch, 1))).toEqual([['set', 'k', 'from a', undefined, 'local']])
    gossip(a, b)
    const [conflict] = await drain(watch, 1)
    expect(brief([conflict as MapEvent<unknown>])).toEqual([['conflict', 'k', 'from b', 'from a', 'remote']])
    expect(conflict?.version).toBe(a.map.getWithVersion('k')?.version)
    await b.map.set('k', 'settled')
    gossip(a, b)
    expect(brief(await drain(watch, 1))).toEqual([['set', 'k', 'settled', 'from b', 'remote']])
  })

  test('a reader slower than its buffer is told to resync: from a snapshot it gets a fresh one', async () => {
    const node = await openMap<number>({ init: { limits: { watchKeysMax: 3 } } })
    const watch = node.map.watch({ from: 'snapshot' })
    const now = node.map.watch()
    // The first two are of one key, and one change of it is left of them.
    for (const i of [0, 0, 1, 2, 3, 4]) await node.map.set(`k${i}`, i)
    expect((await drain(watch, 6)).map(event => [event.type, event.value])).toEqual([
      ['resync', undefined],
      ['set', 0],
      ['set', 1],
      ['set', 2],
      ['set', 3],
      ['set', 4]
    ])
    const [resync] = await drain(now, 1)
    expect(resync).toMatchObject({ type: 'resync', missed: 5 })
    await node.map.set('next', 9)
    expect(brief(await drain(now, 1))).toEqual([['set', 'next', 9, undefined, 'local']])
  })

  test('readers do not share values, and one that throws or stalls disturbs nobody', async () => {
    const node = await openMap<{ list: number[] }>()
    const stalled = node.map.watch()
    const good = node.map.watch()
    const changing = node.map.watch()
    const throwing = (async () => {
      for await (const event of node.map.watch()) {
        if (event.type === 'set') throw new Error('consumer')
      }
    })()
    await node.map.set('k', { list: [1] })
    await expect(throwing).rejects.toThrow('consumer')
    const [mine] = await drain(changing, 1)
    if (mine?.type === 'set') mine.value.list.push(2)
    expect((await drain(good, 1))[0]?.value).toEqual({ list: [1] })
    expect(node.map.get('k')).toEqual({ list: [1] })
    expect(node.map.stats().watchers).toBe(3)
    await stalled.return?.()
    expect(node.map.stats().watchers).toBe(2)
  })

  test('a reader may write to the map it reads', async () => {
    const node = await openMap<number>()
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const event of node.map.watch()) {
        seen.push(event.value)
        if (event.type === 'set' && event.value < 3) await node.map.set('k', event.value + 1)
        else break
      }
    })()
    await node.map.set('k', 1)
    await reading
    expect(seen).toEqual([1, 2, 3])
  })

  test('its signal ends it with the reason, a read that waits included', async () => {
    const node = await openMap<number>()
    const controller = new AbortController()
    const watch = node.map.watch({ signal: controller.signal })
    const waiting = watch.next()
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(watch.next()).rejects.toThrow('enough')
    expect(node.map.stats().watchers).toBe(0)
  })

  test('closing the map ends it after what is buffered', async () => {
    const node = await openMap<number>()
    const watch = node.map.watch()
    const write = node.map.set('k', 1)
    await node.map.close()
    await write
    const seen: unknown[] = []
    for await (const event of watch) seen.push(event.value)
    expect(seen).toEqual([1])
    expect(() => node.map.watch()).toThrow(MapClosedError)
  })

  test('there is a limit to how many there may be', async () => {
    const node = await openMap<number>({ init: { limits: { watchersMax: 1 } } })
    const watch = node.map.watch()
    expect(() => node.map.watch()).toThrow(WatcherLimitError)
    await watch.return?.()
    node.map.watch()
  })

  test('a value that the schema hides is shown as gone', async () => {
    const a = await openMap<unknown>({ name: 'a' })
    const b = await openMap<number>({ name: 'b', init: { schema: value => typeof value === 'number' } })
    const watch = b.map.watch()
    await a.map.set('k', 1)
    gossip(a, b)
    await settle()
    const first = await drain(watch, 1)
    await a.map.set('k', 'text')
    gossip(a, b)
    expect(brief([...first, ...(await drain(watch, 1))])).toEqual([
      ['set', 'k', 1, undefined, 'remote'],
      ['delete', 'k', undefined, 1, 'remote']
    ])
  })

  test('MAP-A2: a map that starts late tells its watcher every key that reaches it', async () => {
    const a = await openMap<number>({ name: 'a' })
    for (let i = 0; i < 20; i++) await a.map.set(`k${i}`, i)
    const late = await openMap<number>({ name: 'late' })
    const watch = late.map.watch({ from: 'snapshot' })
    gossip(a, late)
    const events = await drain(watch, 20)
    expect(new Map(events.map(event => [event.key, event.value]))).toEqual(
      new Map<unknown, unknown>(entriesOf(a.map))
    )
  })
})

function entriesOf<V>(map: ReplicatedMap<V>): [string, V][] {
  return [...map].map(([key, value]) => [key, value])
}

test('a value that a broken peer changed under its stamp is told, though the version is the same', async () => {
  const node = await openMap<string>()
  const listened: string[] = []
  node.map.onChange(({ value }) => void listened.push(value ?? ''))
  const item = { replica: 'ffffffffffffffff', stamp: BigInt(node.clock.ms) << 16n }
  const forge = (value: string): void => {
    const entry = encodeEntry('k', { items: [{ ...item, value: encodeValue(value) }] })
    node.deliver(new ByteWriter(64).u8(1).bytes(entry).finish())
  }
  for (const value of ['a', 'b', 'a', 'b']) forge(value)
  expect([node.map.get('k'), listened]).toEqual(['b', ['a', 'b']])
  const version = node.map.getWithVersion('k')?.version
  const watch = node.map.watch()
  forge('c')
  expect((await watch.next()).value).toMatchObject({ value: 'c', previous: 'b', version })
})

test('a listener that another one takes away is not called any more, and one that it adds is told of what comes next', async () => {
  const node = await openMap<number>()
  const told: string[] = []
  node.map.onChange(({ value }) => {
    told.push(`first ${value}`)
    stop()
    if (value === 1) node.map.onChange(event => void told.push(`third ${event.value}`))
  })
  const stop = node.map.onChange(({ value }) => void told.push(`second ${value}`))
  await node.map.set('k', 1)
  await node.map.set('k', 2)
  expect(told).toEqual(['first 1', 'first 2', 'third 2'])
})
