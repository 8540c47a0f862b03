import { systemHash } from '@starling/ports/system'
import type { Change } from '@starling/replica'
import { expect, test } from 'vitest'
import { createMap, type MapEvent } from '@starling/map'
import { gossip, openMap, settle } from './support/open.ts'

test('a value with a time to live is there until then, and nowhere after', async () => {
  const { map, clock } = await openMap<string>()
  await map.set('k', 'v', { ttlMs: 1000 })
  await map.set('stays', 'v')
  clock.ms += 999
  expect([map.get('k'), map.has('k'), map.getWithVersion('k')?.value]).toEqual(['v', true, 'v'])
  clock.ms += 1
  expect([map.get('k'), map.has('k'), map.getWithVersion('k'), map.conflicts('k')]).toEqual([
    undefined,
    false,
    undefined,
    []
  ])
  expect([[...map.keys()], [...map], [...map.range()], [...map.exportLines()].length]).toEqual([
    ['stays'],
    [['stays', 'v']],
    [['stays', 'v']],
    1
  ])
})

test('of two values the one that has not ended is shown', async () => {
  const [a, b] = [await openMap<string>({ name: 'a' }), await openMap<string>({ name: 'b' })]
  await a.map.set('k', 'stays')
  b.clock.ms += 5
  await b.map.set('k', 'ends', { ttlMs: 1000 })
  a.clock.ms += 5
  gossip(a, b)
  expect([a.map.get('k'), a.map.conflicts('k').length]).toEqual(['ends', 2])
  const [ends, stays] = a.map.conflicts('k')
  expect(ends?.expiresAtMs).toBe(a.clock.ms + 1000)
  expect(stays).not.toHaveProperty('expiresAtMs')
  a.clock.ms += 1000
  expect([a.map.get('k'), a.map.conflicts('k').length, a.map.size]).toEqual(['stays', 1, 1])
})

test('the options of a time to live are checked before anything happens', async () => {
  const { map, log } = await openMap<string>()
  const { batches } = log
  for (const ttlMs of [0, -1, Number.NaN, Infinity, '1' as unknown as number]) {
    await expect(map.set('k', 'v', { ttlMs })).rejects.toThrow(RangeError)
    await expect(map.batch([{ type: 'set', key: 'k', value: 'v', ttlMs }])).rejects.toThrow(RangeError)
  }
  await expect(map.set('k', 'v', { renew: true })).rejects.toThrow(TypeError)
  expect([log.batches, map.size]).toEqual([batches, 0])
})

/** A map whose owner's calls come from the test: time that passed is told by the replica. */
async function told(): Promise<{
  node: Awaited<ReturnType<typeof openMap<string>>>
  tell: (changes: readonly Change[], endsToldMs: number) => void
}> {
  const node = await openMap<string>()
  let tell: ((changes: readonly Change[], endsToldMs: number) => void) | undefined
  const map = await createMap<string>({
    clock: node.clock,
    timers: node.clock,
    hash: systemHash,
    open: async owner => {
      tell = (changes, endsToldMs) => owner.applied(changes, endsToldMs)
      return { replica: node.replica }
    }
  })
  if (tell === undefined) throw new Error('not opened')
  return { node: { ...node, map }, tell }
}

test('that a value has ended is an event, once, for watchers and listeners', async () => {
  const { node, tell } = await told()
  const { map, clock, replica } = node
  await replica.commit([
    { type: 'put', key: 'k', value: new Uint8Array([0x61, 0x76]), expiresAtMs: clock.ms + 1000 }
  ])
  const entry = replica.entry('k')
  if (entry === undefined) throw new Error('not written')
  const watch = map.watch()
  const heard: MapEvent<string>[] = []
  map.onChange(event => void heard.push(event))
  tell([{ key: 'k', previous: undefined, entry, origin: 'local', cause: 'written' }], clock.ms)
  clock.ms += 1000
  tell([{ key: 'k', previous: entry, entry, origin: 'local', cause: 'expired' }], clock.ms - 1000)
  clock.ms += 60_000
  const over = {
    items: entry.items.map(({ replica: id, stamp }) => ({ replica: id, stamp, value: undefined }))
  }
  tell([{ key: 'k', previous: entry, entry: over, origin: 'local', cause: 'expired' }], clock.ms - 60_000)
  expect(heard.map(({ type, value, previous }) => [type, value, previous])).toEqual([
    ['set', 'v', undefined],
    ['expired', undefined, 'v']
  ])
  // A reader that comes late is spared what has cancelled out.
  await settle()
  let later: unknown
  void watch.next().then(result => (later = result))
  await settle()
  expect(later).toBeUndefined()
  await watch.return?.()
})

test('a listener that throws is counted, and the others are called', async () => {
  const { map } = await openMap<number>()
  const heard: string[] = []
  const stop = map.onChange(() => {
    throw new Error('mine')
  })
  map.onChange(event => void heard.push(`${event.type} ${event.key}`))
  await map.set('a', 1)
  stop()
  await map.delete('a')
  expect([heard, map.stats().listenersFailed]).toEqual([['set a', 'delete a'], 1])
  await map.close()
  expect(() => map.onChange(() => {})).toThrow('closed')
})

test('a listener whose promise rejects is counted, and one that writes, listens or stops while it is called harms nobody', async () => {
  const { map } = await openMap<number>()
  const heard: string[] = []
  map.onChange(() => Promise.reject(new Error('mine')) as never)
  const stop = map.onChange(({ key }) => {
    stop()
    if (key === 'a') void map.set('b', 2)
    map.onChange(event => void heard.push(event.key ?? ''))
  })
  await map.set('a', 1)
  await settle()
  expect([heard, map.get('b'), map.stats().listenersFailed]).toEqual([['b'], 2, 2])
})

test('time alone ends a value, tells it once, and turns it into evidence one drift bound later', async () => {
  const { map, clock, replica } = await openMap<string>()
  const heard: string[] = []
  map.onChange(({ type, key }) => void heard.push(`${type} ${key}`))
  await map.set('k', 'v', { ttlMs: 1000 })
  await clock.advance(2000)
  expect([heard, map.size, replica.size]).toEqual([['set k', 'expired k'], 0, 1])
  await expect(map.setIf('k', 'w', undefined)).resolves.toBeDefined()
  await map.delete('k')
  await clock.advance(120_000)
  expect([heard, map.size, replica.size]).toEqual([['set k', 'expired k', 'set k', 'delete k'], 0, 0])
})

test('that a value has ended is told also when nobody looked for longer than the drift bound', async () => {
  const { map, clock } = await openMap<string>()
  const heard: string[] = []
  map.onChange(({ type, key, previous }) => void heard.push(`${type} ${key} ${previous}`))
  const watch = map.watch()
  await map.set('k', 'v', { ttlMs: 1000 })
  await watch.next()
  // The process stood still.
  clock.ms += 200_000
  await clock.advance(0)
  expect(heard).toEqual(['set k undefined', 'expired k v'])
  expect((await watch.next()).value).toMatchObject({ type: 'expired', key: 'k', previous: 'v' })
})

test('that a key is gone is told when it is removed between its end and the look at it', async () => {
  const [a, b] = [await openMap<string>({ name: 'a' }), await openMap<string>({ name: 'b' })]
  await a.map.set('k', 'v', { ttlMs: 1000 })
  gossip(a, b)
  const heard: string[] = []
  b.map.onChange(({ type, key, previous }) => void heard.push(`${type} ${key} ${previous}`))
  a.clock.ms += 900
  await a.map.delete('k')
  b.clock.ms += 1001
  gossip(a, b)
  await b.clock.advance(100_000)
  expect(heard).toEqual(['delete k v'])
})
