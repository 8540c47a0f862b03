import { describe, expect, test } from 'vitest'
import type { SyncExchange } from '../src/index.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, closeAll, pair, protocol, testNode } from './fixtures.ts'
import { WholeSet } from './protocols.ts'

describe('many topics', () => {
  test('between two peers all converge, with no more channels than the limit at any moment', async () => {
    const { network, a, b } = pair()
    const topics = Array.from({ length: 600 }, (_, i) => `topic ${i}`)
    const sets = topics.map(topic => {
      const [left, right] = [new WholeSet(), new WholeSet()]
      left.write('left')
      right.write('right')
      a.open(topic, left)
      b.open(topic, right)
      return [left, right] as const
    })
    let most = 0
    const watch = (): void => {
      most = Math.max(most, network.openChannels('a', 'b'), network.openChannels('b', 'a'))
      network.time.schedule(1, watch)
    }
    watch()
    network.connect('a', 'b')
    await network.time.advance(3_000)
    for (const [left, right] of sets) expect(left.state()).toEqual(right.state())
    expect(most).toBeGreaterThan(8)
    expect(most).toBeLessThanOrEqual(16)
    expect(a.sync.stats()).toMatchObject({ sessions: 600, roundsFailed: 0, roundsWaiting: 0 })
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })

  test('take turns: topics that always want another round do not keep one out that wants its first', async () => {
    const network = new FakeNetwork()
    const init = { roundsPerPeerMax: 2 }
    const [a, b] = [testNode(network, 'a', ['b'], init), testNode(network, 'b', ['a'], init)]
    const order: string[] = []
    const greedy = (topic: string): ReturnType<typeof protocol> =>
      protocol(async () => {
        order.push(topic)
        return { ...DONE, entriesSent: 1, more: true }
      })
    const calm = protocol(async () => DONE)
    for (const topic of ['g1', 'g2', 'g3', 'g4']) {
      b.open(topic, greedy(topic))
      a.open(topic, calm)
    }
    network.connect('a', 'b')
    await network.time.advance(500)
    expect(order.length).toBeGreaterThan(20)
    const counts = ['g1', 'g2', 'g3', 'g4'].map(topic => order.filter(one => one === topic).length)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    const before = order.length
    b.open(
      'late',
      protocol(async () => {
        order.push('late')
        return DONE
      })
    )
    a.open('late', calm)
    await network.time.advance(200)
    expect(order.indexOf('late')).toBeGreaterThan(0)
    // Those that were waiting before it had their turn, and nobody twice.
    expect(order.indexOf('late') - before).toBeLessThanOrEqual(6)
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })

  test('a topic that does not read holds up none of the others with that peer', async () => {
    const { network, a, b } = pair()
    const flood = protocol(async (exchange: SyncExchange, { signal }) => {
      for (;;) {
        signal.throwIfAborted()
        await exchange.send(new Uint8Array(1_000))
      }
    })
    const deaf = protocol(
      (_exchange, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
    )
    for (const topic of ['s1', 's2', 's3']) {
      b.open(topic, flood)
      a.open(topic, deaf)
    }
    const [left, right] = [new WholeSet(), new WholeSet()]
    left.write('x')
    a.open('good', left)
    b.open('good', right)
    network.connect('a', 'b')
    await network.time.advance(1_000)
    expect(right.state()).toEqual(['x'])
    expect(b.sync.stats()).toMatchObject({ roundsRunning: 3, roundsCompleted: 1 })
    await closeAll(network, a, b)
  })
})

describe('how far behind', () => {
  test('a peer is: what is known to differ, and the last complete round', async () => {
    const network = new FakeNetwork()
    const init = { backoffMsMin: 1_000, backoffMsMax: 1_000 }
    const [a, b] = [testNode(network, 'a', ['b'], init), testNode(network, 'b', ['a'], init)]
    let step = 0
    const handle = b.open(
      't',
      protocol(async (_exchange, { progress }) => {
        step++
        progress({ toSend: 10, toReceive: 7 })
        if (step === 1) throw new Error('defect')
        await new Promise<void>(resolve => void network.time.schedule(100, resolve))
        progress({ toSend: 3, toReceive: 0 })
        await new Promise<void>(resolve => void network.time.schedule(100, resolve))
        return DONE
      })
    )
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(50)
    expect(handle.sessions()).toMatchObject([
      { lastCompleteMs: undefined, failures: 1, outstanding: { toSend: 10, toReceive: 7 } }
    ])
    const since = handle.sessions()[0]?.differsSinceMs
    expect(since).toBeLessThanOrEqual(50)
    await network.time.advance(1_120)
    expect(handle.sessions()).toMatchObject([
      { state: 'syncing', outstanding: { toSend: 3, toReceive: 0 }, differsSinceMs: since }
    ])
    await network.time.advance(500)
    const [info] = handle.sessions()
    expect(info).toMatchObject({
      state: 'live',
      rounds: 1,
      failures: 0,
      outstanding: { toSend: 0, toReceive: 0 },
      differsSinceMs: undefined
    })
    expect(info?.lastCompleteMs).toBeGreaterThan(1_000)
    await closeAll(network, a, b)
  })

  test('what a round left over follows at once, unless the round moved nothing', async () => {
    const { network, a, b } = pair()
    let left = 5
    b.open(
      't',
      protocol(async () => {
        left--
        return { complete: left <= 0, entriesSent: left > 0 ? 1 : 0, entriesReceived: 0, more: true }
      })
    )
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(200)
    expect(left).toBe(0)
    await network.time.advance(5_000)
    expect(left).toBe(0)
    await closeAll(network, a, b)
  })
})
