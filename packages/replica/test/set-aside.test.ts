import { SILENCE_MS, STALE_DOTS_MAX } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import type { OnStale } from '@starling/ormap'
import type { Change } from '../src/index.ts'
import { syncRound } from './support/exchange.ts'
import {
  openNode,
  put,
  read,
  remove,
  settle,
  TestClock,
  TestTimers,
  valuesOf,
  type Node
} from './support/world.ts'

const NOBODY_TOLD = (): void => undefined

const keys = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${i}`)

/**
 * Two nodes that know of a removal whose evidence is gone, and one that was away meanwhile and still shows the values.
 */
async function apart(
  count: number,
  onStale?: OnStale,
  told: (change: Change, away: () => Node) => void = NOBODY_TOLD
): Promise<{ here: Node; away: Node }> {
  const clock = new TestClock()
  const timers = new TestTimers(clock)
  const init = {
    forgetting: 'byKnown',
    evidenceMs: 0,
    limits: { queueBytesMax: 1000 },
    ...(onStale === undefined ? {} : { onStale })
  } as const
  const [here, other, away] = (await Promise.all(
    ['here', 'other', 'away'].map(name => {
      const applied = (changes: readonly Change[]): void => {
        if (name === 'away') for (const change of changes) told(change, () => away)
      }
      return openNode({
        name,
        clock,
        timers,
        init: told === NOBODY_TOLD ? init : { ...init, owner: { applied } }
      })
    })
  )) as [Node, Node, Node]
  await here.replica.commit(keys(count).map(key => put(key, `value of ${key}`)))
  await syncRound(here, away)
  await syncRound(here, other)
  await here.replica.commit(keys(count).map(key => remove(key)))
  await syncRound(here, other)
  await syncRound(other, here)
  await timers.advance(20_000)
  expect([here.replica.stats().evidence, other.replica.stats().evidence]).toEqual([0, 0])
  return { here, away }
}

describe('a value that a peer knows to be long dead', () => {
  test('is set aside: hidden, listed, kept on disk and told in one event', async () => {
    const { here, away } = await apart(3)
    const before = away.changes.length
    await syncRound(away, here)
    expect([away.replica.size, away.replica.status().stale]).toEqual([0, 3])
    expect(
      away.replica
        .stale()
        .map(({ key }) => key)
        .sort()
    ).toEqual(keys(3))
    expect(away.changes.slice(before).map(({ cause }) => cause)).toEqual(['setAside', 'setAside', 'setAside'])
    expect(away.events.filter(event => event.type === 'setAside')).toEqual([
      { type: 'setAside', peer: 'here', count: 3, forgotten: 0 }
    ])
    const again = await openNode({ log: away.log.reopen(), clock: away.clock, seed: 'again' })
    expect(again.replica.stale()).toEqual(away.replica.stale())
    again.clock.ms += SILENCE_MS
    await again.timers.advance(20_000)
    expect(again.replica.status().stale).toBe(0)
    expect([...again.log.disk.values()].filter(row => row.kind === 'setAside')).toEqual([])
  })

  test('is written again where the owner keeps such values, and comes back everywhere', async () => {
    const { here, away } = await apart(2, 'keep')
    await syncRound(away, here)
    await settle()
    expect([read(away, 'k0'), away.replica.status().stale]).toEqual(['value of k0', 0])
    await syncRound(away, here)
    expect([read(here, 'k0'), read(here, 'k1')]).toEqual(['value of k0', 'value of k1'])
    expect(valuesOf(here.replica.entry('k0'))).toHaveLength(1)
    expect(here.replica.root()).toEqual(away.replica.root())
  })

  test('of which there are too many stops the session, and every other, until the owner has decided', async () => {
    const { here, away } = await apart(STALE_DOTS_MAX + 6)
    await expect(syncRound(away, here)).rejects.toMatchObject({ name: 'StaleConflictError' })
    expect(away.replica.status().staleConflict).toMatchObject({ max: STALE_DOTS_MAX })
    expect(away.replica.size).toBe(6)
    await expect(syncRound(away, here)).rejects.toMatchObject({ name: 'StaleConflictError' })
    expect(away.events.filter(event => event.type === 'staleConflict')).toHaveLength(1)
    expect(() => away.replica.decideStale('drop' as never)).toThrow(TypeError)
    away.replica.decideStale('keep')
    expect(away.replica.status().staleConflict).toBeUndefined()
    await syncRound(away, here)
    await settle()
    await syncRound(away, here)
    expect([away.replica.size, here.replica.size]).toEqual([6, 6])
    expect(away.replica.status().stale).toBe(STALE_DOTS_MAX)
  })

  test('that is to be kept and cannot be written again stays set aside, also over a crash before it is', async () => {
    const { here, away } = await apart(2, 'keep')
    // Nothing can be written while the clock is ahead of the wall.
    away.clock.ms += 3_600_000
    await away.replica.commit([put('other', 'of the future')])
    away.clock.ms -= 3_600_000
    await syncRound(away, here)
    await settle()
    expect([
      read(away, 'k0'),
      away.replica
        .stale()
        .map(({ key }) => key)
        .sort()
    ]).toEqual([undefined, ['k0', 'k1']])
    const again = await openNode({ log: away.log.reopen(), clock: away.clock, seed: 'again' })
    expect(again.replica.status().stale).toBe(2)
  })

  test('that is to be kept gives way to what the owner writes when it is told, and stays set aside', async () => {
    const { here, away } = await apart(2, 'keep', ({ key, cause }, node) => {
      if (cause === 'setAside' && key === 'k0') void node().replica.commit([put('k0', 'newer')])
    })
    await syncRound(away, here)
    await settle()
    expect([read(away, 'k0'), read(away, 'k1')]).toEqual(['newer', 'value of k1'])
    expect(away.replica.stale().map(({ key }) => key)).toEqual(['k0'])
  })

  test('is written again however many there are, as the queue takes them', async () => {
    const { here, away } = await apart(60, 'keep')
    const append = away.log.append.bind(away.log)
    away.log.append = async batch => {
      await settle(200)
      await append(batch)
    }
    await syncRound(away, here)
    await away.replica.close()
    expect([away.replica.size, away.replica.status().stale]).toEqual([60, 0])
  })
})
