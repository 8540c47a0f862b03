import { describe, expect, test } from 'vitest'
import { systemHmac } from '@starling/ports/system'
import { SYNC_TAG, SyncHandshakeError } from '../src/index.ts'
import { topicToken } from '../src/token.ts'
import { encodeHello } from '../src/wire.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, protocol, testNode } from './fixtures.ts'

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
    expect(b.sync.stats()).toMatchObject({ sessions: 1, roundsCompleted: 1 })

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
    ['short', Uint8Array.of(1, 2, 0)],
    ['long', Uint8Array.of(1, 2, ...new Uint8Array(40))]
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
    channel?.send(Uint8Array.of(1, 3, 9, 9, 9))
    const reply = channel?.[Symbol.asyncIterator]().next()
    await network.time.advance(10)
    expect((await reply)?.value).toEqual(Uint8Array.of(2, 3))
    expect(b.sync.stats().refused.version).toBe(1)
    await Promise.all([b.sync.close(), network.time.advance(5_000)])
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
