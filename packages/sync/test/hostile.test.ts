import { describe, expect, test } from 'vitest'
import { systemHmac } from '@starling/ports/system'
import { SYNC_TAG, SyncFrameError, type FramedChannel } from '../src/index.ts'
import { topicToken } from '../src/token.ts'
import { encodeData, encodeFrame, encodeHello } from '../src/wire.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, closeAll, protocol, testNode } from './fixtures.ts'

describe('a peer that breaks the rules', () => {
  /** A hand-driven peer on topic `t` of node `b`, after the handshake. */
  async function mallory(network: FakeNetwork): Promise<FramedChannel> {
    network.connect('mallory', 'b')
    const opening = network.node('mallory').sessions()[0]?.openChannel(SYNC_TAG)
    await network.time.advance(10)
    const channel = await opening
    if (channel === undefined) throw new Error('no channel')
    channel.send(encodeHello(topicToken(systemHmac, 't', 'mallory', 'b')))
    const reply = channel[Symbol.asyncIterator]().next()
    await network.time.advance(10)
    expect((await reply).value).toEqual(Uint8Array.of(2, 0))
    return channel
  }

  const own = { number: 1, byOpener: true }
  test.each([
    ['an empty frame', [new Uint8Array(0)]],
    ['an unknown frame', [Uint8Array.of(9, 1)]],
    ['a frame with something after it', [Uint8Array.of(3, 3, 0)]],
    ['an endless number', [Uint8Array.of(3, 255, 255, 255, 255, 255, 255, 255, 255)]],
    ['a round in our name', [encodeFrame('begin', { number: 1, byOpener: false })]],
    ['the same round twice', [encodeFrame('begin', own), encodeFrame('begin', own)]],
    ['a round inside its own', [encodeFrame('begin', own), encodeFrame('begin', { ...own, number: 2 })]]
  ])('%s ends its session with the reason, and nobody else’s', async (_name, frames) => {
    const network = new FakeNetwork()
    const [b, c] = [testNode(network, 'b', ['c']), testNode(network, 'c', ['b'])]
    const waits = protocol(
      (_exchange, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
    )
    b.open('t', waits)
    c.open('t', waits)
    network.connect('b', 'c')
    await network.time.advance(50)
    const channel = await mallory(network)
    for (const frame of frames) channel.send(frame)
    await network.time.advance(10)
    const end = network.ends.find(one => one.self === 'b' && one.peer === 'mallory')
    expect(end?.abortReason).toBeInstanceOf(SyncFrameError)
    expect(end?.abortReason?.message).toContain('mallory')
    expect(network.openChannels('b', 'c')).toBe(1)
    await closeAll(network, b, c)
  })

  test('the next round may follow at once on the end of the one before, however that ended', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b')
    let running = 0
    let overlaps = 0
    let calls = 0
    b.open(
      't',
      protocol(async (_exchange, { signal }) => {
        const kind = ++calls % 3
        if (++running > 1) overlaps++
        try {
          if (kind === 0) throw new Error('defect')
          // Comes to rest a while after its signal.
          if (kind === 1) await new Promise<void>(resolve => void network.time.schedule(50, resolve))
          signal.throwIfAborted()
          return DONE
        } finally {
          running--
        }
      })
    )
    const channel = await mallory(network)
    const send = (type: 'begin' | 'end' | 'abort', number: number): boolean =>
      channel.send(encodeFrame(type, { number, byOpener: true }))
    send('begin', 1)
    for (let number = 1; number <= 30; number++) {
      await network.time.advance(10)
      // The first of three is given up by its starter, the second ends well, the third has failed at the other end.
      if (number % 3 === 1) send('abort', number)
      else if (number % 3 === 2) {
        await network.time.advance(60)
        send('end', number)
      }
      if (number < 30) send('begin', number + 1)
    }
    await network.time.advance(1_000)
    expect(calls).toBe(30)
    expect(overlaps).toBe(0)
    expect(b.rounds.map(event => event.outcome?.complete ?? event.error?.message).slice(0, 3)).toEqual([
      expect.stringContaining('peerFailed'),
      true,
      'defect'
    ])
    expect(b.rounds.length).toBe(30)
    expect(network.openChannels('b', 'mallory')).toBe(1)
    // A number that was used is not used again.
    send('begin', 30)
    await network.time.advance(10)
    expect(network.openChannels('b', 'mallory')).toBe(0)
    await closeAll(network, b)
  })

  test('frames of rounds that are over are dropped, up to a limit', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b', [], { strayFramesMax: 100 })
    b.open(
      't',
      protocol(async () => DONE)
    )
    const channel = await mallory(network)
    channel.send(encodeFrame('begin', own))
    channel.send(encodeFrame('end', own))
    for (let i = 0; i < 100; i++) channel.send(encodeData(own, new Uint8Array(10)))
    await network.time.advance(100)
    expect(b.rounds).toMatchObject([{ peer: 'mallory', outcome: DONE }])
    expect(network.openChannels('b', 'mallory')).toBe(1)
    channel.send(encodeData(own, new Uint8Array(10)))
    await network.time.advance(10)
    expect(network.openChannels('b', 'mallory')).toBe(0)
    await closeAll(network, b)
  })
})
