import { describe, expect, test } from 'vitest'
import { pick } from '@starling/ports'
import { systemHmac } from '@starling/ports/system'
import { SYNC_TAG, SyncHandshakeError } from '../src/index.ts'
import { topicToken } from '../src/token.ts'
import { encodeHello } from '../src/wire.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, protocol, testNode } from './fixtures.ts'
import { WholeSet } from './protocols.ts'

describe('exactly one session', () => {
  test('both ends open at the same moment, a hundred times, with any delays: one channel stays', async () => {
    for (let seed = 0; seed < 100; seed++) {
      const network = new FakeNetwork(seed)
      network.latencyMs = () => network.random.below(20)
      const init = { passiveOpenDelayMs: 0 }
      const [a, b] = [testNode(network, 'a', ['b'], init), testNode(network, 'b', ['a'], init)]
      const [left, right] = [new WholeSet(), new WholeSet()]
      left.write('a')
      right.write('b')
      a.open('t', left)
      b.open('t', right)
      network.connect('a', 'b')
      await network.time.advance(500)
      expect(network.openChannels('a', 'b')).toBe(1)
      expect(network.openChannels('b', 'a')).toBe(1)
      expect(left.state()).toEqual(['a', 'b'])
      expect(right.state()).toEqual(['a', 'b'])
      // No later event changes it.
      await network.time.advance(20_000)
      expect(network.openChannels('a', 'b')).toBe(1)
      expect(a.sync.stats().sessions + b.sync.stats().sessions).toBe(2)
      await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
    }
  })

  test('the greater peer id opens at once, the lesser only when nothing came', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a', ['b']), testNode(network, 'b')]
    a.open(
      't',
      protocol(async () => DONE)
    )
    b.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    // b does not see a as a neighbour, so it does not open, and a waits its delay first.
    await network.time.advance(990)
    expect(network.ends.length).toBe(0)
    await network.time.advance(50)
    expect(network.openChannels('a', 'b')).toBe(1)
    // b holds the session though it never wanted one.
    expect(b.sync.stats().sessions).toBe(1)

    const other = new FakeNetwork()
    const [c, d] = [testNode(other, 'c', ['d']), testNode(other, 'd', ['c'])]
    c.open(
      't',
      protocol(async () => DONE)
    )
    d.open(
      't',
      protocol(async () => DONE)
    )
    other.connect('c', 'd')
    await other.time.advance(50)
    expect(other.openChannels('c', 'd')).toBe(1)
    expect(other.ends.length).toBe(2)
    await Promise.all(
      [a, b, c, d]
        .map(node => node.sync.close())
        .concat(network.time.advance(5_000), other.time.advance(5_000))
    )
  })

  test('after ten thousand neighbour flaps the sessions are the neighbours', async () => {
    const network = new FakeNetwork('flaps')
    const names = ['b', 'c', 'd', 'e', 'f']
    const hub = testNode(network, 'a')
    hub.open(
      't',
      protocol(async () => DONE)
    )
    const spokes = names.map(name => {
      const node = testNode(network, name)
      node.open(
        't',
        protocol(async () => DONE)
      )
      network.connect('a', name)
      return node
    })
    for (let i = 0; i < 10_000; i++) {
      hub.neighbors.set(pick(network.random, names) ?? 'b', network.random.below(2) === 0)
      if (i % 500 === 0) await network.time.advance(network.random.below(2_000))
    }
    await network.time.advance(120_000)
    for (const name of names) {
      expect(network.openChannels('a', name)).toBe(hub.neighbors.neighbors().includes(name) ? 1 : 0)
    }
    expect([...hub.sessions.wanted.keys()].toSorted()).toEqual(hub.neighbors.neighbors().toSorted())
    expect(hub.sync.stats().links).toBe(hub.neighbors.neighbors().length)
    await Promise.all([hub, ...spokes].map(node => node.sync.close()).concat(network.time.advance(5_000)))
    expect(network.time.pending).toBe(0)
  })

  test('a session with a peer that started anew replaces the one before', async () => {
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
    for (let i = 0; i < 5; i++) {
      network.connect('a', 'b')
      await network.time.advance(50)
      expect(network.openChannels('a', 'b')).toBe(1)
      expect(a.rounds.length).toBe(i + 1)
    }
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })
})

describe('handshake', () => {
  test('a peer without the topic learns no name, says so, and is not asked again before the backoff', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a', ['b']), testNode(network, 'b', ['a'])]
    b.open(
      'secret topic',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(900)
    expect(a.sync.stats().refused.unknownTopic).toBe(1)
    expect(b.sync.stats().sessions).toBe(0)
    await network.time.advance(60_000)
    // 1, 2, 4, 8, 16, 32 s and their jitter: not one in each of the sixty seconds.
    expect(a.sync.stats().refused.unknownTopic).toBeLessThanOrEqual(8)

    // a subscribes late, and opens itself: no waiting for b's backoff.
    const handle = a.open(
      'secret topic',
      protocol(async () => DONE)
    )
    await network.time.advance(1_100)
    expect(network.openChannels('a', 'b')).toBe(1)
    expect(handle.sessions()).toMatchObject([{ peer: 'b', state: 'live', rounds: 1 }])
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })

  test('a token is good for one pair in one role only, and the name is nowhere on the wire', async () => {
    const token = topicToken(systemHmac, 'secret topic', 'a', 'b')
    expect(Buffer.from(token)).not.toEqual(Buffer.from(topicToken(systemHmac, 'secret topic', 'b', 'a')))
    expect(Buffer.from(token)).not.toEqual(Buffer.from(topicToken(systemHmac, 'secret topic', 'a', 'c')))
    expect(Buffer.from(token)).not.toEqual(Buffer.from(topicToken(systemHmac, 'secret topid', 'a', 'b')))
    expect(Buffer.from(encodeHello(token)).toString('latin1')).not.toContain('secret')

    const network = new FakeNetwork()
    const b = testNode(network, 'b')
    b.open(
      'secret topic',
      protocol(async () => DONE)
    )
    network.connect('mallory', 'b')
    const [session] = network.node('mallory').sessions()
    for (const stolen of [token, topicToken(systemHmac, 'secret topic', 'b', 'mallory')]) {
      const opening = session?.openChannel(SYNC_TAG)
      await network.time.advance(10)
      const channel = await opening
      channel?.send(encodeHello(stolen))
      const reply = channel?.[Symbol.asyncIterator]().next()
      await network.time.advance(10)
      expect((await reply)?.value).toEqual(Uint8Array.of(2, 1))
    }
    expect(b.sync.stats()).toMatchObject({ sessions: 0, links: 0 })
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
  })

  test('peers that connect and say nothing are dropped at the deadline, and keep nobody else out', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a', ['b']), testNode(network, 'b', ['a'])]
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('mallory', 'a')
    const [session] = network.node('mallory').sessions()
    for (let i = 0; i < 1_000; i++) void session?.openChannel(SYNC_TAG)
    await network.time.advance(10)
    expect(a.sync.stats().handshakesPending).toBe(128)
    expect(a.sync.stats().refused.busy).toBe(1_000 - 128)

    b.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(50)
    expect(network.openChannels('a', 'b')).toBe(1)

    await network.time.advance(5_000)
    expect(a.sync.stats().handshakesPending).toBe(0)
    expect(a.sync.stats().refused.timeout).toBe(128)
    expect(network.openChannels('a', 'mallory')).toBe(0)
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })

  test('an acceptor that never answers costs one attempt at a time, each with its deadline', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b', ['a'])
    const handle = b.open(
      't',
      protocol(async () => DONE)
    )
    network.node('a').handleChannel(SYNC_TAG, () => {})
    network.connect('a', 'b')
    await network.time.advance(4_000)
    expect(handle.sessions()).toMatchObject([{ state: 'opening' }])
    await network.time.advance(1_100)
    expect(handle.sessions()).toMatchObject([{ state: 'backoff' }])
    await network.time.advance(60_000)
    expect(network.ends.length).toBeLessThanOrEqual(2 * 6)
    for (const end of network.ends.filter(one => one.self === 'b' && !one.open)) {
      expect(end.abortReason).toBeInstanceOf(SyncHandshakeError)
      expect(end.abortReason).toMatchObject({ reason: 'timeout', peer: 'a' })
    }
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
    expect(network.time.pending).toBe(0)
  })

  test.each([
    ['empty', new Uint8Array(0)],
    ['a reply', Uint8Array.of(2, 0)],
    ['short', Uint8Array.of(1, 1, 0)],
    ['long', new Uint8Array(40).fill(1)]
  ])('a malformed first message (%s) ends its channel and is counted', async (_name, message) => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b')
    b.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('mallory', 'b')
    const opening = network.node('mallory').sessions()[0]?.openChannel(SYNC_TAG)
    await network.time.advance(10)
    const channel = await opening
    channel?.send(message)
    await network.time.advance(10)
    await channel?.closed
    expect(b.sync.stats().refused).toMatchObject({ malformed: 1 })
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
  })

  test('another version is told so', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b')
    b.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('later', 'b')
    const opening = network.node('later').sessions()[0]?.openChannel(SYNC_TAG)
    await network.time.advance(10)
    const channel = await opening
    channel?.send(Uint8Array.of(1, 2, 9, 9, 9))
    const reply = channel?.[Symbol.asyncIterator]().next()
    await network.time.advance(10)
    expect((await reply)?.value).toEqual(Uint8Array.of(2, 3))
    expect(b.sync.stats().refused.version).toBe(1)
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
  })
})

describe('letting go', () => {
  test('a neighbour that goes keeps its session for the grace period, and a running round to its end', async () => {
    const network = new FakeNetwork()
    const [a, b] = [testNode(network, 'a'), testNode(network, 'b', ['a'])]
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
    // Past the grace period, but the round runs; it stays within its stall limit only by finishing now.
    await network.time.advance(9_000)
    finish()
    await network.time.advance(500)
    expect(b.rounds).toMatchObject([{ peer: 'a', outcome: DONE }])
    expect(handle.sessions()).toMatchObject([{ state: 'grace' }])
    await network.time.advance(1_000)
    expect(handle.sessions()).toEqual([])
    expect(network.openChannels('a', 'b')).toBe(0)
    expect(b.sessions.wanted.size).toBe(0)
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
    expect(network.ends.length).toBe(2)
    expect(network.openChannels('a', 'b')).toBe(1)
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
    expect(b.rounds).toMatchObject([{ error: { name: 'SyncRoundError', reason: 'sessionLost', peer: 'a' } }])
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
    expect(network.time.pending).toBe(0)
  })
})

test('names, numbers and settings beyond their limits are refused', async () => {
  const network = new FakeNetwork()
  const node = testNode(network, 'a', [], { topicsMax: 1 })
  const any = protocol(async () => DONE)
  for (const bad of ['', 'x'.repeat(256)]) expect(() => node.open(bad, any)).toThrow(RangeError)
  for (const bad of ['\ud800', 7 as unknown as string]) expect(() => node.open(bad, any)).toThrow(TypeError)
  node.open('x'.repeat(255), any)
  expect(() => node.open('second', any)).toThrow(RangeError)
  expect(() => testNode(network, 'b', [], { handshakeMs: 0 })).toThrow(RangeError)
  expect(() => testNode(network, 'b', [], { backoffMsMax: 10 })).toThrow(RangeError)
  await node.sync.close()
})
