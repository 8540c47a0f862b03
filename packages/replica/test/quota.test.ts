import { REFUSAL_PAUSE_MS } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { syncRound } from './support/exchange.ts'
import { MemoryLog } from './support/memory-log.ts'
import {
  openNode,
  put,
  read,
  remove,
  settle,
  TestClock,
  TestTimers,
  valuesOf,
  watchFate,
  type Node
} from './support/world.ts'

describe('a quota', () => {
  test('refuses a local write that would exceed it, own writes in flight included, and has no effect then', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log, init: { quota: { entriesMax: 2 } } })
    const first = node.replica.commit([put('a', '1'), put('b', '2')])
    await expect(node.replica.commit([put('c', '3')])).rejects.toMatchObject({
      name: 'QuotaExceededError',
      part: 'entries'
    })
    await settle()
    log.succeed()
    await first
    const overwrite = watchFate(node.replica.commit([put('a', '4'), remove('b')]))
    await settle()
    log.succeed()
    await settle()
    expect(overwrite.state()).toBe('resolved')
    expect([read(node, 'a'), read(node, 'b'), read(node, 'c')]).toEqual(['4', undefined, undefined])
    expect(node.replica.status().overQuota).toBe(false)
  })

  test('is free again for what a failed write would have taken', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log, init: { quota: { entriesMax: 1 } } })
    const failing = watchFate(node.replica.commit([put('a', '1')]))
    await settle()
    log.fail(false)
    await settle()
    expect(failing.state()).toBe('rejected')
    await node.replica.reopen()
    const write = node.replica.commit([put('b', '1')])
    await settle()
    log.succeed()
    await write
    expect(read(node, 'b')).toBe('1')
  })

  test('refuses received entries whole, is shown, and a whole session with room settles it', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b', init: { quota: { bytesMax: 150 } } })
    await a.replica.commit([put('small', 'v'), put('large', 'v'.repeat(200))])
    const { outcomes } = await syncRound(a, b)
    expect(outcomes.map(one => one.complete)).toEqual([true, false])
    expect([read(b, 'small'), read(b, 'large')]).toEqual(['v', undefined])
    expect(b.replica.status()).toMatchObject({
      overQuota: true,
      refused: { future: 0, quota: 1, rowTooLong: 0 }
    })
    // Until the pause is over it is not fetched again, and the round is complete but for it.
    const second = await syncRound(a, b)
    expect(second.outcomes.map(one => [one.entriesSent, one.entriesReceived])).toEqual([
      [0, 0],
      [0, 0]
    ])
    expect(second.outcomes[1].complete).toBe(false)
    await a.replica.commit([remove('large')])
    for (const { clock } of [a, b]) clock.ms += REFUSAL_PAUSE_MS
    await syncRound(a, b)
    expect(b.replica.status().overQuota).toBe(false)
    expect(a.replica.root()).toEqual(b.replica.root())
  })

  test('keeps the room of own writes on their way from what is received meanwhile', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log, init: { quota: { entriesMax: 1 } } })
    const other = await openNode({ name: 'other' })
    await other.replica.commit([put('theirs', 'v')])
    const write = node.replica.commit([put('ours', 'v')])
    node.broadcast.deliver(other.broadcast.sent[0] as Uint8Array)
    await settle()
    log.succeed()
    await write
    expect([node.replica.size, read(node, 'ours'), node.replica.status().overQuota]).toEqual([1, 'v', true])
  })

  test('has room again as soon as a key is removed, also while the removal is on its way', async () => {
    const log = new MemoryLog('manual')
    const node = await openNode({ log, init: { quota: { entriesMax: 2 } } })
    const written = node.replica.commit([put('a', '1'), put('b', '2')])
    await settle()
    log.succeed()
    await written
    const fates = [[remove('a')], [put('a', '3')], [remove('a'), put('c', '3')]].map(operations =>
      watchFate(node.replica.commit(operations))
    )
    await expect(node.replica.commit([put('d', '4')])).rejects.toMatchObject({ part: 'entries', max: 2 })
    await settle()
    log.succeed()
    await settle()
    expect(fates.map(fate => fate.state())).toEqual(['resolved', 'resolved', 'resolved'])
    expect([...node.replica.entries()].map(([key]) => key)).toEqual(['b', 'c'])
  })

  test('that is exceeded by keys of several nodes settles once enough of them are removed', async () => {
    const clock = new TestClock()
    const timers = new TestTimers(clock)
    const init = { forgetting: 'byKnown', evidenceMs: 0, quota: { entriesMax: 4 } } as const
    const [a, b] = (await Promise.all(['a', 'b'].map(name => openNode({ name, clock, timers, init })))) as [
      Node,
      Node
    ]
    await a.replica.commit(['a1', 'a2', 'a3'].map(key => put(key, 'v')))
    await b.replica.commit(['b1', 'b2', 'b3'].map(key => put(key, 'v')))
    await syncRound(a, b)
    expect([a, b].map(({ replica }) => replica.status().overQuota)).toEqual([true, true])
    await a.replica.commit([remove('a1'), remove('a2')])
    for (let i = 0; i < 4; i++) {
      await timers.advance(REFUSAL_PAUSE_MS)
      await syncRound(a, b)
    }
    expect([...a.replica.entries()].map(([key]) => key).sort()).toEqual(['a3', 'b1', 'b2', 'b3'])
    expect(a.replica.root()).toEqual(b.replica.root())
    expect([a, b].map(({ replica }) => replica.status().overQuota)).toEqual([false, false])
    expect([a, b].map(({ replica }) => replica.stats().evidence)).toEqual([0, 0])
  })

  test('says that it has converged as soon as what was refused is not there any more', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b', init: { quota: { entriesMax: 1 } } })
    const c = await openNode({ name: 'c' })
    await a.replica.commit([put('k', 'v'), put('l', 'v')])
    await syncRound(a, b)
    expect(b.replica.status().refused.quota).toBe(1)
    // Who never had it says nothing about it.
    await syncRound(c, b)
    expect(b.replica.status().refused.quota).toBe(1)
    await a.replica.commit([remove('l')])
    await syncRound(a, b)
    expect(b.replica.status()).toMatchObject({ refused: { quota: 0 }, overQuota: false })
  })

  test('refused, an entry takes nothing away: what it replaces stays until there is room for what replaces it', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b', init: { quota: { bytesMax: 220 } } })
    const c = await openNode({ name: 'c' })
    await a.replica.commit([put('k', 'old'), put('l', 'v'.repeat(60))])
    await syncRound(a, b)
    await syncRound(a, c)
    await c.replica.commit([put('k', 'n'.repeat(100))])
    b.broadcast.deliver(c.broadcast.sent.at(-1) as Uint8Array)
    expect([valuesOf(b.replica.entry('k')), b.replica.status().refused.quota]).toEqual([['old'], 1])
    // By reconciliation neither.
    b.clock.ms += REFUSAL_PAUSE_MS
    await syncRound(c, b)
    expect(valuesOf(b.replica.entry('k'))).toEqual(['old'])
    await c.replica.commit([remove('l')])
    for (let i = 0; i < 3; i++) {
      b.clock.ms += 2 * REFUSAL_PAUSE_MS
      await syncRound(c, b)
    }
    expect([b, c].map(node => read(node, 'k'))).toEqual(['n'.repeat(100), 'n'.repeat(100)])
    expect(b.replica.status()).toMatchObject({ overQuota: false, refused: { quota: 0 } })
  })

  test('lets removals through', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b', init: { quota: { bytesMax: 60 } } })
    await a.replica.commit([put('k', 'v'.repeat(20))])
    await syncRound(a, b)
    expect(read(b, 'k')).toBe('v'.repeat(20))
    await a.replica.commit([remove('k')])
    await syncRound(a, b)
    expect([b.replica.size, b.replica.status().overQuota]).toEqual([0, false])
  })
})

describe('an entry refused for its time', () => {
  test('is fetched at once when a clock that was behind is set', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    b.clock.ms -= 3_600_000
    await a.replica.commit([put('k', 'now')])
    for (let i = 0; i < 5; i++) await syncRound(a, b)
    expect(read(b, 'k')).toBe(undefined)
    b.clock.ms += 3_600_000
    await syncRound(a, b)
    expect(read(b, 'k')).toBe('now')
  })

  test('is remembered, not fetched for a while, and taken in when its time has come', async () => {
    const a = await openNode({ name: 'a' })
    const b = await openNode({ name: 'b' })
    a.clock.ms += 61_000
    await a.replica.commit([put('k', 'ahead')])
    const first = await syncRound(a, b)
    expect(first.outcomes.map(one => one.complete)).toEqual([true, false])
    expect(b.replica.status().refused).toEqual({ future: 1, quota: 0, rowTooLong: 0 })
    expect(b.replica.skew()[0]).toMatchObject({ source: 'a', refused: 1, lastAheadMs: 61_000 })
    b.clock.ms += REFUSAL_PAUSE_MS
    await syncRound(a, b)
    expect(read(b, 'k')).toBe('ahead')
    await syncRound(a, b)
    expect(b.replica.status().refused.future).toBe(0)
    expect(b.replica.skew()[0]).toMatchObject({ accepted: 1 })
  })
})
