import { expect, test } from 'vitest'
import { syncRound } from './support/exchange.ts'
import { openNode, put, read, remove, TestClock, TestTimers, valuesOf, type Node } from './support/world.ts'

const DAY_MS = 86_400_000
const init = { forgetting: 'byKnown' } as const
const keys = (from: string, count = 5): string[] => Array.from({ length: count }, (_, i) => `${from}${i}`)

class World {
  readonly clock = new TestClock()
  readonly timers = new TestTimers(this.clock)
  readonly nodes: Node[] = []
  #opened = 0

  async open(name: string, log?: Node['log'], forgetting: 'byKnown' | 'byAge' = 'byKnown'): Promise<Node> {
    const { clock, timers } = this
    const seed = `${name}/${++this.#opened}`
    const node = await openNode({
      name,
      clock,
      timers,
      seed,
      init: { ...init, forgetting },
      ...(log === undefined ? {} : { log })
    })
    this.nodes.push(node)
    return node
  }

  async days(count: number): Promise<void> {
    this.clock.ms += count * DAY_MS
    await this.timers.advance(20_000)
  }

  /** Everyone meets everyone, twice. */
  async meet(nodes: readonly Node[]): Promise<void> {
    for (const a of [...nodes, ...nodes]) for (const b of nodes) if (a !== b) await syncRound(a, b)
  }
}

const shownBy = (node: Node): string[] =>
  Array.from(node.replica.entries(), ([key, entry]) => `${key}=${valuesOf(entry).join('|')}`).sort()

test('a cluster that was down for 60 days, its entries a year old, is what it was, whoever starts first', async () => {
  const world = new World()
  const [a, b, c] = [await world.open('a'), await world.open('b'), await world.open('c')]
  await a.replica.commit(keys('k').map(key => put(key, 'v')))
  await world.meet([a, b, c])
  await b.replica.commit([remove('k0'), put('k1', 'w')])
  await world.meet([a, b, c])
  await world.days(365)
  const before = a.replica.root()
  for (const { replica } of [a, b, c]) await replica.close()
  world.clock.ms += 60 * DAY_MS
  const logs = [a, b, c].map(({ log }) => log.reopen())
  const again: Node[] = []
  for (const i of [2, 0, 1]) {
    again.push(await world.open(`again ${i}`, logs[i]))
    await world.meet(again)
  }
  await world.days(2)
  await world.meet(again)
  for (const node of again) {
    expect(node.replica.root()).toEqual(before)
    expect(node.replica.stats().evidence).toBe(0)
    expect(node.replica.status().stale).toBe(0)
  }
})

test('an empty newcomer ends with what everybody has, and knows what everybody knows', async () => {
  const world = new World()
  const [a, b] = [await world.open('a'), await world.open('b')]
  await a.replica.commit(keys('k').map(key => put(key, 'v')))
  await b.replica.commit([put('mine', 'b')])
  await world.meet([a, b])
  await world.days(400)
  const late = await world.open('late')
  await syncRound(late, a)
  expect(late.replica.root()).toEqual(a.replica.root())
  expect(late.replica.stats().knownIds).toBe(a.replica.stats().knownIds)
  // A lone node that has written before it meets its first peer brings that along.
  const lone = await world.open('lone')
  await lone.replica.commit([put('lone', 'v')])
  await world.days(40)
  await syncRound(lone, b)
  await world.meet([a, b, late])
  expect([read(a, 'lone'), read(late, 'lone')]).toEqual(['v', 'v'])
})

test('two halves that were apart for three days, with removals, overwrites and new keys, lose nothing and revive nothing', async () => {
  const world = new World()
  const nodes = await Promise.all(['a', 'b', 'c', 'd'].map(name => world.open(name)))
  const [a, b, c, d] = nodes as [Node, Node, Node, Node]
  await a.replica.commit(
    [...keys('removed'), ...keys('overwritten'), ...keys('both')].map(key => put(key, 'old'))
  )
  await world.meet(nodes)
  await a.replica.commit(keys('removed').map(key => remove(key)))
  await a.replica.commit([...keys('overwritten'), ...keys('both')].map(key => put(key, 'left')))
  await c.replica.commit(keys('both').map(key => put(key, 'right')))
  await c.replica.commit(keys('new').map(key => put(key, 'right')))
  for (let day = 0; day < 3; day++) {
    await world.meet([a, b])
    await world.meet([c, d])
    await world.days(1)
  }
  await world.meet(nodes)
  const expected = [
    ...keys('overwritten').map(key => `${key}=left`),
    ...keys('both').map(key => `${key}=left|right`),
    ...keys('new').map(key => `${key}=right`)
  ].sort()
  for (const node of nodes) expect(shownBy(node)).toEqual(expected)
  // Nothing more crosses, whenever each of them collects.
  for (let round = 0; round < 10; round++) {
    await world.days(round / 4)
    const batches = nodes.map(({ log }) => log.batches.length)
    const { outcomes, bytes } = await syncRound(nodes[round % 4] as Node, nodes[(round + 1) % 4] as Node)
    expect(outcomes.map(({ entriesSent }) => entriesSent)).toEqual([0, 0])
    expect(bytes).toBeLessThan(1024)
    if (round > 4) expect(nodes.map(({ log }) => log.batches.length)).toEqual(batches)
  }
  await world.days(1)
  for (const { replica } of nodes) expect(replica.stats().evidence).toBe(0)
})

test('replicas that collect at different moments do not send each other what the other has collected', async () => {
  const [a, b] = [await openNode({ name: 'a', init }), await openNode({ name: 'b', init })]
  await a.replica.commit([put('k', 'v'), put('l', 'v')])
  await syncRound(a, b)
  await b.replica.commit([remove('k')])
  await syncRound(a, b)
  await syncRound(a, b)
  a.clock.ms += DAY_MS
  await a.timers.advance(20_000)
  b.clock.ms = a.clock.ms
  expect([a.replica.stats().evidence, b.replica.stats().evidence]).toEqual([0, 2])
  const before = [a.log.batches.length, b.log.batches.length]
  for (let round = 0; round < 10; round++) {
    const { outcomes } = await syncRound(a, b)
    expect(outcomes.map(({ complete, entriesSent }) => [complete, entriesSent])).toEqual([
      [true, 0],
      [true, 0]
    ])
  }
  expect([a.log.batches.length, b.log.batches.length]).toEqual(before)
})

test('by age the limit is as documented: after a separation longer than evidence lives a removed key comes back', async () => {
  const world = new World()
  const a = await world.open('a', undefined, 'byAge')
  const within = await world.open('within', undefined, 'byAge')
  const beyond = await world.open('beyond', undefined, 'byAge')
  await a.replica.commit([put('k', 'v')])
  await world.meet([a, within, beyond])
  await a.replica.commit([remove('k')])
  await world.days(0.9)
  await syncRound(within, a)
  expect([read(a, 'k'), read(within, 'k')]).toEqual([undefined, undefined])
  await world.days(0.2)
  await syncRound(beyond, a)
  expect([read(a, 'k'), read(beyond, 'k')]).toEqual(['v', 'v'])
})

test('a removal from the far future is refused like any write, and freezes nothing', async () => {
  const [ahead, node] = [await openNode({ name: 'ahead' }), await openNode({ name: 'b' })]
  await node.replica.commit([put('k', 'v')])
  await syncRound(ahead, node)
  ahead.clock.ms += 365 * DAY_MS
  await ahead.replica.commit([remove('k')])
  for (const message of ahead.broadcast.sent) node.broadcast.deliver(message)
  expect([read(node, 'k'), node.replica.stats().rejected]).toEqual(['v', { future: 1 }])
  await node.replica.commit([put('k', 'w')])
  expect(read(node, 'k')).toBe('w')
})
