import { expect, test } from 'vitest'
import { gossip, openMap } from './support/open.ts'

test('a renewed value lives as long as its node has the map open', async () => {
  const { map, clock, log } = await openMap<string>()
  await map.set('presence/a', 'here', { ttlMs: 3000, renew: true })
  await clock.advance(60_000)
  expect([map.get('presence/a'), map.stats().renewals]).toEqual(['here', 1])
  expect(log.batches).toBeGreaterThan(50)
  await map.close()
  expect([map.get('presence/a'), clock.pending]).toEqual([undefined, 0])
})

test('a node that dies leaves a value that ends by itself', async () => {
  const [a, b] = [await openMap<string>({ name: 'a' }), await openMap<string>({ name: 'b' })]
  await a.map.set('presence/a', 'here', { ttlMs: 3000, renew: true })
  gossip(a, b)
  await a.clock.advance(30_000)
  b.clock.ms += 30_000
  gossip(a, b)
  expect(b.map.get('presence/a')).toBe('here')
  b.clock.ms += 3000
  expect([b.map.get('presence/a'), b.map.has('presence/a')]).toEqual([undefined, false])
})

test('whoever writes or removes the key ends its renewal', async () => {
  for (const end of ['set', 'delete', 'batch'] as const) {
    const { map, clock } = await openMap<string>()
    await map.set('k', 'mine', { ttlMs: 3000, renew: true })
    if (end === 'set') await map.set('k', 'other', { ttlMs: 3000 })
    if (end === 'delete') await map.delete('k')
    if (end === 'batch') await map.batch([{ type: 'delete', key: 'k' }])
    expect(map.stats().renewals).toBe(0)
    await clock.advance(10_000)
    expect(map.get('k')).toBeUndefined()
  }
  const [a, b] = [await openMap<string>({ name: 'a' }), await openMap<string>({ name: 'b' })]
  await a.map.set('k', 'mine', { ttlMs: 3000, renew: true })
  gossip(a, b)
  b.clock.ms += 10
  a.clock.ms += 10
  await b.map.set('k', 'theirs')
  gossip(a, b)
  await a.clock.advance(10_000)
  expect([a.map.get('k'), a.map.stats().renewals]).toEqual(['theirs', 0])
  await a.map.close()
  expect(a.map.get('k')).toBe('theirs')
})

test('the one of two writers whose value is shown goes on', async () => {
  const [a, b] = [await openMap<string>({ name: 'a' }), await openMap<string>({ name: 'b' })]
  await a.map.set('k', 'first', { ttlMs: 3000, renew: true })
  b.clock.ms += 10
  await b.map.set('k', 'second', { ttlMs: 3000, renew: true })
  gossip(a, b)
  for (let i = 0; i < 10; i++) {
    await Promise.all([a.clock.advance(1000), b.clock.advance(1000)])
    gossip(a, b)
  }
  expect([a.map.get('k'), b.map.get('k'), a.map.stats().renewals, b.map.stats().renewals]).toEqual([
    'second',
    'second',
    0,
    1
  ])
})

test('a renewal whose disk fails is tried again', async () => {
  const node = await openMap<string>()
  await node.map.set('k', 'v', { ttlMs: 3000, renew: true })
  node.log.hold = true
  await node.clock.advance(1000)
  node.log.fail()
  await node.clock.advance(0)
  expect(node.map.stats().renewals).toBe(1)
  await node.map.close()
})

test('so many keys are renewed and no more', async () => {
  const { map } = await openMap<number>({ init: { limits: { renewalsMax: 2 } } })
  const renew = { ttlMs: 1000, renew: true }
  await map.set('a', 1, renew)
  await map.set('b', 1, renew)
  await expect(map.set('c', 1, renew)).rejects.toMatchObject({ name: 'RenewalLimitError', renewalsMax: 2 })
  await map.set('a', 2, renew)
  await map.delete('b')
  await map.set('c', 1, renew)
  expect(map.stats().renewals).toBe(2)
})

test('a write that is refused neither ends a renewal nor begins one', async () => {
  const { map, clock } = await openMap<string>()
  await map.set('mine', 'v', { ttlMs: 3000, renew: true })
  await expect(map.setIf('mine', 'w', undefined)).rejects.toMatchObject({ name: 'VersionMismatchError' })
  expect(map.stats().renewals).toBe(1)
  await clock.advance(10_000)
  expect(map.get('mine')).toBe('v')
  await map.set('kept', 'same')
  const refused = map.setIf('kept', 'same', undefined, { ttlMs: 3000, renew: true })
  await expect(refused).rejects.toMatchObject({ name: 'VersionMismatchError' })
  expect(map.stats().renewals).toBe(1)
  await clock.advance(10_000)
  await map.close()
  expect([map.get('mine'), map.get('kept')]).toEqual([undefined, 'same'])
})

test('who could not renew for longer than the value lives renews it afterwards, unless it is another’s by then', async () => {
  for (const removed of [false, true]) {
    const [a, b] = [await openMap<string>({ name: 'a' }), await openMap<string>({ name: 'b' })]
    await a.map.set('k', 'v', { ttlMs: 3000, renew: true })
    gossip(a, b)
    b.clock.ms += 10
    if (removed) await b.map.delete('k')
    // The process stood still, far beyond the time at which every node takes the value for gone.
    a.clock.ms += 200_000
    gossip(a, b)
    await a.clock.advance(4000)
    expect([a.map.get('k'), a.map.stats().renewals]).toEqual(removed ? [undefined, 0] : ['v', 1])
  }
})

test('a renewal that waits for a slow disk is made once, and goes on', async () => {
  const node = await openMap<string>()
  const { map, log, clock } = node
  await map.set('slow', 'v', { ttlMs: 30_000, renew: true })
  const acknowledged = map.set('other', 'v', { ttlMs: 3000, renew: true, replicas: 2, timeoutMs: 10_500 })
  const refused = expect(acknowledged).rejects.toMatchObject({ name: 'ReplicationTimeoutError' })
  await clock.advance(9000)
  log.hold = true
  await clock.advance(1400)
  // The other one is renewed from now on, while the first waits for the disk.
  await clock.advance(200)
  await refused
  log.release()
  await clock.advance(60_000)
  expect([map.get('slow'), map.stats().renewals]).toEqual(['v', 2])
})

test('writes that begin together keep to the limit as well', async () => {
  const { map } = await openMap<number>({ init: { limits: { renewalsMax: 2 } } })
  const sets = ['a', 'b', 'c'].map(key => map.set(key, 1, { ttlMs: 1000, renew: true }))
  expect((await Promise.allSettled(sets)).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected'
  ])
})

test('a value that lives longer than a timer of the platform is not looked at all the time', async () => {
  const { map, clock } = await openMap<string>()
  const delays: number[] = []
  const schedule = clock.schedule.bind(clock)
  clock.schedule = (delayMs, run) => {
    delays.push(delayMs)
    return schedule(delayMs, run)
  }
  await map.set('k', 'v', { ttlMs: 365 * 86_400_000, renew: true })
  expect(Math.max(...delays)).toBeLessThan(2 ** 31)
})

test('a renewal begins when the write is durable, not when others have answered', async () => {
  const { map, clock } = await openMap<string>()
  const shown: (string | undefined)[] = []
  const set = map.set('k', 'v', { ttlMs: 1000, renew: true, replicas: 2, timeoutMs: 5000 })
  const refused = expect(set).rejects.toMatchObject({ name: 'ReplicationTimeoutError' })
  for (let i = 0; i < 6; i++) {
    await clock.advance(999)
    shown.push(map.get('k'))
  }
  await refused
  expect(shown).toEqual(['v', 'v', 'v', 'v', 'v', 'v'])
})

test('a write that is durable but lacks answers ends the renewal of what it replaced, like one that succeeds', async () => {
  const { map, clock } = await openMap<string>()
  await map.set('k', 'renewed', { ttlMs: 30_000, renew: true })
  const replaced = map.set('k', 'plain', { replicas: 2, timeoutMs: 1000 })
  const refused = expect(replaced).rejects.toMatchObject({ name: 'ReplicationTimeoutError' })
  await clock.advance(1500)
  await refused
  // Its turn, a third of the time to live, has not come.
  expect([map.get('k'), map.stats().renewals]).toEqual(['plain', 0])
})

test('a renewal that the disk took although it failed goes on, and whose it is stays known', async () => {
  const node = await openMap<string>()
  const { map, log, clock } = node
  await map.set('k', 'v', { ttlMs: 30_000, renew: true })
  for (let i = 0; i < 2; i++) {
    log.hold = true
    await clock.advance(10_000)
    log.failAfterWriting()
    await clock.advance(3000)
    expect([map.health().ok, map.stats().renewals]).toEqual([true, 1])
  }
  await clock.advance(100_000)
  expect([map.get('k'), map.stats().renewals]).toEqual(['v', 1])
  await map.close()
  expect(map.get('k')).toBeUndefined()
})

test('a repaired clock ends no renewal: what is written again is renewed as before', async () => {
  const { map, clock, replica } = await openMap<string>()
  await map.set('other', 'v')
  clock.wrongMs = 3_600_000
  await map.set('presence/a', 'here', { ttlMs: 3000, renew: true })
  clock.wrongMs = 0
  expect(map.health().states).toContain('clock-ahead')
  await map.repairClock()
  expect(map.stats().renewals).toBe(1)
  await clock.advance(60_000)
  expect([map.get('presence/a'), map.stats().renewals, map.health().ok]).toEqual(['here', 1, true])
  const end = replica.entry('presence/a')?.items.find(({ value }) => value !== undefined)?.expiresAtMs
  expect(end).toBeLessThanOrEqual(clock.ms + 3000)
})
