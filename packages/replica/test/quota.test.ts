import { REFUSAL_PAUSE_MS } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { syncRound } from './support/exchange.ts'
import { MemoryLog } from './support/memory-log.ts'
import { openNode, put, read, remove, settle, watchFate } from './support/world.ts'

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
    expect(b.replica.status().refused.future).toBe(1)
    expect(b.replica.skew()[0]).toMatchObject({ accepted: 1 })
  })
})
