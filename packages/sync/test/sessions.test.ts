import { describe, expect, test } from 'vitest'
import { pick } from '@starling/ports'
import { systemHmac } from '@starling/ports/system'
import { SYNC_TAG } from '../src/index.ts'
import { topicToken } from '../src/token.ts'
import { encodeHello } from '../src/wire.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, protocol, testNode } from './fixtures.ts'
import { WholeSet } from './protocols.ts'

describe('exactly one session', () => {
  test('both ends begin at the same moment, a hundred times, with any delays: one session, and no round beside another', async () => {
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
      expect(left.state()).toEqual(['a', 'b'])
      expect(right.state()).toEqual(['a', 'b'])
      // No later event changes it.
      await network.time.advance(20_000)
      for (const node of [a, b]) {
        expect(node.sync.stats()).toMatchObject({ sessions: 1, sessionsStarted: 1, roundsFailed: 0 })
        expect(node.rounds.length).toBeLessThanOrEqual(2)
      }
      expect(network.openChannels('a', 'b')).toBe(0)
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
    expect(network.ends.length).toBe(2)
    // b has the session though it never wanted one.
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
    expect(other.ends.map(end => end.self)).toEqual(['d', 'c'])
    expect(d.rounds.length).toBe(1)
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
    expect(hub.sync.stats().sessions).toBe(hub.neighbors.neighbors().length)
    for (const name of names) expect(network.openChannels('a', name)).toBe(0)
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
      expect(a.sync.stats()).toMatchObject({ sessions: 1, sessionsStarted: i + 1 })
      expect(a.rounds.length).toBe(i + 1)
    }
    await Promise.all([a.sync.close(), b.sync.close(), network.time.advance(5_000)])
  })
})

describe('attempts that come too late', () => {
  test('an answer to an opening that was given up starts nothing', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b', ['a'])
    const handle = b.open(
      't',
      protocol(async () => DONE)
    )
    network.node('a').handleChannel(SYNC_TAG, () => {})
    network.connect('a', 'b')
    await network.time.advance(10)
    const end = network.ends.find(one => one.self === 'b')
    // The answer and the end of the transport arrive in one turn.
    end?.receive({ type: 'message', bytes: Uint8Array.of(2, 0) })
    network.disconnect('a', 'b')
    await network.time.advance(10)
    expect(b.sync.stats()).toMatchObject({ sessions: 0, sessionsStarted: 0 })
    expect(handle.sessions()).toMatchObject([{ state: 'waiting' }])
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
    expect(network.time.pending).toBe(0)
  })

  test('a round offered while another with that peer runs waits for its end, and is busy when that takes too long', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b')
    let finish = (): void => {}
    const handle = b.open(
      't',
      protocol(async () => {
        await new Promise<void>(resolve => (finish = resolve))
        return DONE
      })
    )
    network.connect('c', 'b')
    const replies: (Promise<IteratorResult<Uint8Array>> | undefined)[] = []
    const channels = []
    for (let i = 0; i < 3; i++) {
      const opening = network.node('c').sessions()[0]?.openChannel(SYNC_TAG)
      await network.time.advance(10)
      const channel = await opening
      channel?.send(encodeHello(topicToken(systemHmac, 't', 'c', 'b')))
      const reply = channel?.[Symbol.asyncIterator]().next()
      reply?.catch(() => {})
      replies.push(reply)
      channels.push(channel)
      await network.time.advance(10)
      expect(handle.sessions()).toMatchObject([{ peer: 'c', state: 'syncing' }])
    }
    expect((await replies[0])?.value).toEqual(Uint8Array.of(2, 0))
    // The first ends, and one of those that wait is next; the other waits on, in vain.
    void channels[0]?.end()
    finish()
    await network.time.advance(10)
    expect((await replies[1])?.value).toEqual(Uint8Array.of(2, 0))
    expect(b.sync.stats()).toMatchObject({ sessions: 1, sessionsStarted: 1, links: 1, roundsRunning: 1 })
    await network.time.advance(5_100)
    await expect(replies[2]).rejects.toThrow()
    expect(b.sync.stats().refused.timeout).toBe(1)
    finish()
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
    expect(network.time.pending).toBe(0)
  })
})
