import { describe, expect, test } from 'vitest'
import { FakeNetwork } from './fake-network.ts'
import { DONE, protocol, testNode } from './fixtures.ts'

describe('letting go', () => {
  test('a neighbour that goes keeps its session for the grace period, and a running round to its end', async () => {
    const network = new FakeNetwork()
    const patient = { roundStallMs: 300_000 }
    const [a, b] = [testNode(network, 'a', [], patient), testNode(network, 'b', ['a'], patient)]
    let finish = (): void => {}
    const gate = new Promise<void>(resolve => (finish = resolve))
    const slow = protocol(async () => {
      await gate
      return DONE
    })
    const handle = b.open('t', slow)
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(50)
    b.neighbors.set('a', false)
    await network.time.advance(20_000)
    expect(handle.sessions()).toMatchObject([{ state: 'syncing' }])
    expect(b.sessions.wanted.size).toBe(1)
    // Past the grace period, but the round runs.
    await network.time.advance(40_000)
    expect(handle.sessions()).toMatchObject([{ state: 'syncing' }])
    expect(network.openChannels('a', 'b')).toBe(1)
    finish()
    await network.time.advance(100)
    expect(b.rounds).toMatchObject([{ peer: 'a', outcome: DONE }])
    expect(handle.sessions()).toEqual([])
    expect(network.openChannels('a', 'b')).toBe(0)
    expect(b.sessions.wanted.size).toBe(0)
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })

  test('an idle session of a lost neighbour ends with the grace period', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a'), testNode(network, 'b', ['a'])]
    const handle = b.open(
      't',
      protocol(async () => DONE)
    )
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(50)
    b.neighbors.set('a', false)
    await network.time.advance(29_900)
    expect(handle.sessions()).toMatchObject([{ state: 'grace' }])
    await network.time.advance(200)
    expect(handle.sessions()).toEqual([])
    expect(network.openChannels('a', 'b')).toBe(0)
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })

  test('a neighbour that comes back within the grace period keeps its session', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a', ['b']), testNode(network, 'b', ['a'])]
    a.open(
      't',
      protocol(async () => DONE)
    )
    b.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(50)
    for (const node of [a, b]) node.neighbors.set(node.name === 'a' ? 'b' : 'a', false)
    await network.time.advance(29_000)
    for (const node of [a, b]) node.neighbors.set(node.name === 'a' ? 'b' : 'a', true)
    await network.time.advance(60_000)
    for (const node of [a, b]) expect(node.sync.stats()).toMatchObject({ sessions: 1, sessionsStarted: 1 })
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })

  test('the last of several handles ends the topic, and everything is as it was', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a', ['b']), testNode(network, 'b', ['a'])]
    const same = protocol(async () => DONE)
    const first = a.open('t', same)
    const second = a.open('t', same)
    b.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(50)
    expect(a.rounds.length).toBe(2)
    expect(() =>
      a.open(
        't',
        protocol(async () => DONE)
      )
    ).toThrow(TypeError)

    await first.close()
    await first.close()
    expect(first.sessions()).toEqual([])
    expect(() => first.reconcile()).toThrow('closed')
    second.reconcile()
    await network.time.advance(50)
    expect(a.rounds.length).toBe(3)
    expect(second.sessions()).toMatchObject([{ peer: 'b', rounds: 2 }])

    await Promise.all([second.close(), network.time.advance(3_000)])
    expect(a.sync.stats()).toMatchObject({ topics: 0, links: 0, sessions: 0 })
    expect(a.neighbors.listeners.size).toBe(0)
    expect(a.sessions.wanted.size).toBe(0)
    expect(network.openChannels('a', 'b')).toBe(0)

    // It can be opened again.
    const third = a.open('t', same)
    await network.time.advance(5_000)
    expect(third.sessions()).toMatchObject([{ peer: 'b', state: 'live' }])
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
    expect(network.time.pending).toBe(0)
    for (const node of [a, b]) {
      expect(node.sessions.listeners.size).toBe(0)
      expect(node.sessions.handlers.size).toBe(0)
      expect(() => node.open('t', same)).toThrow('closed')
    }
  })

  test('closing during a sync ends both sides within the deadline, also when neither protocol moves', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a', ['b']), testNode(network, 'b', ['a'])]
    const hangs = protocol(
      (_exchange, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
    )
    a.open('t', hangs)
    b.open('t', hangs)
    network.connect('a', 'b')
    await network.time.advance(100)
    let closed = false
    void a.sync.close().then(() => (closed = true))
    await network.time.advance(2_100)
    expect(closed).toBe(true)
    expect(network.openChannels('a', 'b')).toBe(0)
    expect(a.rounds).toMatchObject([{ error: { name: 'SyncRoundError', reason: 'closed' } }])
    expect(b.rounds).toMatchObject([{ error: { name: 'SyncRoundError', reason: 'peerFailed', peer: 'a' } }])
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
    expect(network.time.pending).toBe(0)
  })
})
