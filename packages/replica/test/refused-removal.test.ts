import { expect, test } from 'vitest'
import { syncRound } from './support/exchange.ts'
import { openNode, put, read, remove, TestClock, TestTimers, valuesOf } from './support/world.ts'

test('what is known of a removal goes out also when the entry that asks for it is refused', async () => {
  const a = await openNode({ name: 'a' })
  const full = await openNode({ name: 'full', init: { quota: { bytesMax: 150 } } })
  await a.replica.commit([put('k', 'old')])
  await syncRound(a, full)
  await full.replica.commit([remove('k')])
  // Beside the old value there is one now for which there is no room.
  const other = await openNode({ name: 'other' })
  await other.replica.commit([put('k', 'v'.repeat(200))])
  a.broadcast.deliver(other.broadcast.sent[0] as Uint8Array)
  const { outcomes } = await syncRound(a, full)
  expect(outcomes[1].complete).toBe(false)
  expect(read(a, 'k')).toBe('v'.repeat(200))
  expect(a.replica.entry('k')?.items.filter(({ value }) => value !== undefined)).toHaveLength(1)
  expect(full.replica.size).toBe(0)
})

test('a replica without room still says what it knows to be long dead', async () => {
  const clock = new TestClock()
  const timers = new TestTimers(clock)
  const init = { forgetting: 'byKnown', evidenceMs: 0 } as const
  const full = await openNode({ name: 'full', clock, timers, init: { ...init, quota: { bytesMax: 150 } } })
  const third = await openNode({ name: 'third', clock, timers, init })
  const away = await openNode({ name: 'away', clock, timers, init })
  await third.replica.commit([put('k', 'dead')])
  await syncRound(third, away)
  await syncRound(third, full)
  await full.replica.commit([remove('k')])
  await syncRound(full, third)
  await syncRound(third, full)
  await timers.advance(20_000)
  expect(full.replica.stats().entries).toBe(0)
  // Beside the dead value there is one now for which there is no room.
  const other = await openNode({ name: 'other', clock, timers, init })
  await other.replica.commit([put('k', 'v'.repeat(200))])
  away.broadcast.deliver(other.broadcast.sent[0] as Uint8Array)
  const { outcomes } = await syncRound(away, full)
  expect(outcomes[1].complete).toBe(false)
  expect(valuesOf(away.replica.entry('k'))).toEqual(['v'.repeat(200)])
  expect(full.replica.status()).toMatchObject({ overQuota: true, refused: { quota: 1 } })
})
