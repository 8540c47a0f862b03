import { replicaIdOf } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { FakeState } from './support/fake-exchange-state.ts'
import { FRAME, framesByType, side, wholeRound, type Side } from './support/range-talk.ts'

/** A hash, and one that is greater by so much. */
function hashOf(n: number, more = 0): Uint8Array {
  const hash = new Uint8Array(32).fill(n)
  hash[31] = (hash[31] as number) + more
  return hash
}

/**
 * Two replicas with other values under two keys, whose item hashes are made such that their sums are equal: 1 + 3 = 2 + 2, as it
 * were. It takes an insider about 2^32 work to find such entries; here the hash is bent instead.
 */
function collidingPair(others: number): readonly [Side, Side] {
  const [a, b] = [1, 2].map(n => new FakeState(replicaIdOf(new Uint8Array(8).fill(n)))) as [
    FakeState,
    FakeState
  ]
  const bent: ReadonlyMap<FakeState, Readonly<Record<string, Uint8Array>>> = new Map([
    [a, { x: hashOf(4, 1), y: hashOf(9, 3) }],
    [b, { x: hashOf(4, 2), y: hashOf(9, 2) }]
  ])
  for (const state of [a, b]) {
    for (const key of ['x', 'y']) state.put(key, `of ${state.id}`)
    state.itemHash = key => bent.get(state)?.[key] ?? state.map.itemHash(key)
  }
  for (let i = 0; i < others; i++) {
    a.put(`k${i}`, 'same')
    b.map.join(`k${i}`, a.map.get(`k${i}`) as never)
  }
  return [side('a', a), side('b', b)]
}

describe('sums that somebody made equal', () => {
  test.each([0, 1])(
    'are found by the slice and compared in order in the same round, whoever begins (%i)',
    async first => {
      const pair = collidingPair(0)
      const sides = first === 0 ? pair : ([pair[1], pair[0]] as const)
      const { talk, outcomes } = await wholeRound(sides)
      for (const { state } of sides) {
        expect(state.collisions).toBe(1)
        expect(state.map.get('x')?.items).toHaveLength(2)
        expect(state.map.get('y')?.items).toHaveLength(2)
        expect(state.ends).toEqual([{ wholeRange: true, refused: 0 }])
      }
      expect(outcomes).toMatchObject([
        { complete: true, entriesSent: 2 },
        { complete: true, entriesSent: 2 }
      ])
      expect(framesByType(talk).get(FRAME.comparison)?.count).toBeGreaterThan(3)
    }
  )

  test('among many equal items are found in some round, since the slice is another each time', async () => {
    const sides = collidingPair(100)
    let rounds = 0
    while (sides[0].state.collisions === 0 && rounds < 2000) {
      await wholeRound(sides)
      rounds++
    }
    // One item of 102 is looked at in each round, and two of them differ.
    expect(rounds).toBeGreaterThan(1)
    expect(rounds).toBeLessThan(600)
    expect(sides[0].state.map.get('x')).toEqual(sides[1].state.map.get('x'))
  })

  test('are not sought by rounds whose slices agree: nothing is sent and nothing reported', async () => {
    const sides = collidingPair(0)
    await wholeRound(sides)
    for (const { state } of sides) state.itemHash = key => state.map.itemHash(key)
    const { outcomes } = await wholeRound(sides)
    expect(outcomes.map(one => one.entriesSent)).toEqual([0, 0])
    expect(sides.map(({ state }) => state.collisions)).toEqual([1, 1])
  })
})

describe('a frame that is too small for all that differs', () => {
  test('leaves the rest to more rounds, each of which finds some of it', async () => {
    const [a, b] = [1, 2].map(n => new FakeState(replicaIdOf(new Uint8Array(8).fill(n)))) as [
      FakeState,
      FakeState
    ]
    for (let i = 0; i < 20_000; i++) {
      a.put(`k${i}`, 'x')
      if (i % 8 !== 0) b.map.join(`k${i}`, a.map.get(`k${i}`) as never)
    }
    const sides = [side('a', a), side('b', b)] as const
    const left: number[] = []
    for (;;) {
      const { outcomes } = await wholeRound(sides, { messageBytesMax: 8192 })
      left.push(a.map.size - b.map.size)
      expect(outcomes[0].more).toBe(outcomes[1].more)
      expect(outcomes[0].complete).toBe(!outcomes[0].more)
      if (!outcomes[0].more) break
    }
    expect(left.length).toBeGreaterThan(1)
    expect(left.length).toBeLessThan(25)
    expect(left).toEqual([...left].sort((x, y) => y - x))
    expect(left.at(-1)).toBe(0)
    expect(b.picture()).toBe(a.picture())
    expect(b.ends.slice(0, -1).every(end => !end.wholeRange)).toBe(true)
  })
})
