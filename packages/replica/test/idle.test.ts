import { expect, test } from 'vitest'
import { syncRound } from './support/exchange.ts'
import { openNode, put, remove, TestClock, TestTimers, type Node } from './support/world.ts'

// Goal: whatever two replicas have been through, three rounds after they are alike nothing but their hellos crosses, and nothing is
// written.

const DAY_MS = 86_400_000
const IDLE_BYTES = 160

async function pair(): Promise<{ a: Node; b: Node; clock: TestClock; timers: TestTimers }> {
  const clock = new TestClock()
  const timers = new TestTimers(clock)
  const init = { forgetting: 'byKnown' } as const
  const a = await openNode({ name: 'a', clock, timers, init })
  const b = await openNode({ name: 'b', clock, timers, init })
  return { a, b, clock, timers }
}

const keys = (name: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${name}${from + i}`)

test.each<[string, (world: Awaited<ReturnType<typeof pair>>) => Promise<readonly [Node, Node]>]>([
  [
    'a lone node that meets its first peer',
    async ({ a, b }) => {
      await a.replica.commit(keys('k', 0, 300).map(key => put(key, 'v')))
      await a.replica.commit(keys('k', 0, 30).map(key => remove(key)))
      return [b, a]
    }
  ],
  [
    'two halves that were apart for three days, and wrote and removed the same keys',
    async ({ a, b, timers }) => {
      await a.replica.commit(keys('k', 0, 300).map(key => put(key, 'v')))
      await syncRound(a, b)
      await a.replica.commit([
        ...keys('k', 0, 50).map(key => remove(key)),
        ...keys('k', 50, 90).map(key => put(key, 'a'))
      ])
      await b.replica.commit([
        ...keys('k', 30, 70).map(key => put(key, 'b')),
        ...keys('k', 80, 99).map(key => remove(key))
      ])
      await timers.advance(3 * DAY_MS)
      return [a, b]
    }
  ],
  [
    'a cluster that was down for six weeks',
    async ({ a, b, clock, timers }) => {
      await a.replica.commit(keys('k', 0, 300).map(key => put(key, 'v')))
      await syncRound(a, b)
      await b.replica.commit(keys('k', 0, 20).map(key => remove(key)))
      await Promise.all([a.replica.close(), b.replica.close()])
      clock.ms += 42 * DAY_MS
      const init = { forgetting: 'byKnown' } as const
      const again = (name: string, { log }: Node): Promise<Node> =>
        openNode({ name, seed: `${name} again`, log: log.reopen(), clock, timers, init })
      const opened = [await again('a', a), await again('b', b)] as const
      await opened[0].replica.commit([put('new', 'v')])
      return opened
    }
  ]
])('%s: sync falls silent within three rounds', async (_story, prepare) => {
  const world = await pair()
  const [a, b] = await prepare(world)
  for (let round = 0; round < 3; round++) await syncRound(a, b)
  expect(a.replica.root()).toEqual(b.replica.root())
  const batches = (): number => a.log.batches.length + b.log.batches.length
  const before = batches()
  for (const sides of [
    [a, b],
    [b, a],
    [a, b]
  ] as const) {
    const { outcomes, bytes } = await syncRound(...sides)
    expect(bytes).toBeLessThan(IDLE_BYTES)
    expect(outcomes.map(one => [one.complete, one.entriesSent, one.entriesReceived])).toEqual([
      [true, 0, 0],
      [true, 0, 0]
    ])
  }
  expect(batches()).toBe(before)
})
