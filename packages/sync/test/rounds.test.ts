import { describe, expect, test } from 'vitest'
import { systemHmac } from '@starling/ports/system'
import { SYNC_TAG, SyncFrameError, type FramedChannel, type SyncOutcome } from '../src/index.ts'
import { topicToken } from '../src/token.ts'
import { encodeData, encodeFrame, encodeHello } from '../src/wire.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, protocol, testNode, type TestNode } from './fixtures.ts'
import { WholeSet } from './protocols.ts'

/** Two connected neighbours; `b` is the greater and opens. */
function pair(seed: number | string = 1): {
  readonly network: FakeNetwork
  readonly a: TestNode
  readonly b: TestNode
} {
  const network = new FakeNetwork(seed)
  return { network, a: testNode(network, 'a', ['b']), b: testNode(network, 'b', ['a']) }
}

async function closeAll(network: FakeNetwork, ...nodes: readonly TestNode[]): Promise<void> {
  await Promise.all([...nodes.map(node => node.sync.close()), network.time.advance(20_000)])
  expect(network.time.pending).toBe(0)
}

describe('rounds', () => {
  test('started by both ends at the same moment, one runs and none overlap', async () => {
    for (let seed = 0; seed < 100; seed++) {
      const { network, a, b } = pair(seed)
      network.latencyMs = () => network.random.below(20)
      const running = { a: 0, b: 0 }
      let overlaps = 0
      const counting = (name: 'a' | 'b', set: WholeSet): ReturnType<typeof protocol> =>
        protocol(async exchange => {
          if (++running[name] > 1) overlaps++
          try {
            return await set.reconcile(exchange)
          } finally {
            running[name]--
          }
        })
      const [left, right] = [new WholeSet(), new WholeSet()]
      const handles = [a.open('t', counting('a', left)), b.open('t', counting('b', right))]
      network.connect('a', 'b')
      await network.time.advance(500)
      left.write('x')
      right.write('y')
      for (const handle of handles) handle.reconcile()
      await network.time.advance(1_000)
      expect(left.state()).toEqual(['x', 'y'])
      expect(right.state()).toEqual(['x', 'y'])
      expect(overlaps).toBe(0)
      expect([...a.rounds, ...b.rounds].filter(event => event.error !== undefined)).toEqual([])
      expect(network.openChannels('a', 'b')).toBe(1)
      await closeAll(network, a, b)
    }
  })

  test('a wish during a round is met by one more round after it', async () => {
    const { network, a, b } = pair()
    let finish = (): void => {}
    const outcome = (): Promise<SyncOutcome> => new Promise(resolve => (finish = () => resolve(DONE)))
    const handle = b.open('t', protocol(outcome))
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(50)
    for (let i = 0; i < 5; i++) handle.reconcile('a')
    finish()
    await network.time.advance(50)
    finish()
    await network.time.advance(50)
    expect(b.rounds.length).toBe(2)
    handle.reconcile('nobody')
    await closeAll(network, a, b)
  })

  test('each periodic round goes to one random neighbour', async () => {
    const network = new FakeNetwork('periodic')
    const names = ['b', 'c', 'd']
    const hub = testNode(network, 'z', names)
    hub.open(
      't',
      protocol(async () => DONE)
    )
    const others = names.map(name => {
      const node = testNode(network, name)
      node.open(
        't',
        protocol(async () => DONE)
      )
      network.connect('z', name)
      return node
    })
    await network.time.advance(100)
    expect(hub.rounds.map(event => event.peer).toSorted()).toEqual(names)
    await network.time.advance(30 * 30_000)
    // Thirty intervals of the hub's and thirty of each other node's.
    const rounds = hub.rounds.length - names.length
    expect(rounds).toBeGreaterThan(4 * 24)
    expect(rounds).toBeLessThan(4 * 40)
    expect(new Set(hub.rounds.slice(3).map(event => event.peer)).size).toBe(3)
    await closeAll(network, hub, ...others)
  })

  test('a protocol that throws ends its round at both ends, is reported, and is tried again with backoff', async () => {
    const { network, a, b } = pair()
    let failures = 0
    b.open(
      't',
      protocol(() => {
        if (failures < 3) {
          failures++
          throw new Error(`defect ${failures}`)
        }
        return Promise.resolve(DONE)
      })
    )
    const waits = protocol(async exchange => {
      for await (const _message of exchange) {
        // Reads to the end.
      }
      return DONE
    })
    a.open('t', waits)
    network.connect('a', 'b')
    await network.time.advance(50)
    expect(b.rounds).toMatchObject([{ peer: 'a', error: { message: 'defect 1' } }])
    expect(a.rounds).toMatchObject([{ peer: 'b', error: { name: 'SyncRoundError', reason: 'peerFailed' } }])
    await network.time.advance(900)
    expect(failures).toBe(1)
    await network.time.advance(14_000)
    expect(b.rounds.length).toBe(4)
    expect(b.rounds.at(-1)).toMatchObject({ outcome: DONE })
    // One session all the while.
    expect(network.ends.length).toBe(2)
    await closeAll(network, a, b)
  })

  test('a protocol or a listener that throws touches no other topic', async () => {
    const { network, a, b } = pair()
    const bad = a.open(
      'bad',
      protocol(() => Promise.reject(new Error('defect')))
    )
    bad.onRound(() => {
      throw new Error('a listener’s defect')
    })
    b.open(
      'bad',
      protocol(async () => DONE)
    )
    const [left, right] = [new WholeSet(), new WholeSet()]
    left.write('x')
    const good = a.open('good', left)
    b.open('good', right)
    network.connect('a', 'b')
    await network.time.advance(40_000)
    expect(right.state()).toEqual(['x'])
    expect(good.sessions()).toMatchObject([{ state: 'live' }])
    expect(a.sync.stats().listenersFailed).toBeGreaterThan(0)
    expect(a.sync.stats().roundsFailed).toBeGreaterThan(1)

    // The bad topic can be closed and opened again, repaired.
    await Promise.all([bad.close(), network.time.advance(3_000)])
    const again = a.open(
      'bad',
      protocol(async () => DONE)
    )
    await network.time.advance(20_000)
    expect(again.sessions()[0]?.rounds).toBeGreaterThan(0)
    await closeAll(network, a, b)
  })

  test('nothing moves: the round and its session are given up, and another follows', async () => {
    const { network, a, b } = pair()
    let calls = 0
    b.open(
      't',
      protocol((_exchange, { signal }) => {
        calls++
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      })
    )
    a.open(
      't',
      protocol(async () => DONE)
    )
    network.connect('a', 'b')
    await network.time.advance(29_900)
    expect(b.rounds).toEqual([])
    await network.time.advance(300)
    expect(b.rounds).toMatchObject([{ error: { name: 'SyncRoundError', reason: 'stalled' } }])
    expect(network.openChannels('a', 'b')).toBe(0)
    await network.time.advance(5_000)
    expect(network.openChannels('a', 'b')).toBe(1)
    expect(calls).toBe(2)
    await closeAll(network, a, b)
  })

  test('a protocol that ignores its signal costs its session, not the topic', async () => {
    const { network, a, b } = pair()
    b.open(
      't',
      protocol(() => new Promise(() => {}))
    )
    a.open(
      't',
      protocol(() => Promise.reject(new Error('no')))
    )
    network.connect('a', 'b')
    await network.time.advance(100)
    expect(a.rounds.length).toBe(1)
    await network.time.advance(5_000)
    expect(b.rounds).toMatchObject([{ error: { reason: 'peerFailed' } }])
    expect(network.ends.length).toBeGreaterThanOrEqual(2)
    await closeAll(network, a, b)
  })

  test('the transport’s end fails the round with its reason', async () => {
    const { network, a, b } = pair()
    const waits = protocol(async exchange => {
      for await (const _message of exchange) {
        // Nothing comes.
      }
      return DONE
    })
    a.open('t', waits)
    b.open('t', waits)
    network.connect('a', 'b')
    await network.time.advance(100)
    network.disconnect('a', 'b')
    await network.time.advance(10)
    for (const node of [a, b]) {
      expect(node.rounds).toMatchObject([{ error: { name: 'SyncRoundError', reason: 'sessionLost' } }])
    }
    await closeAll(network, a, b)
  })
})

describe('bounds', () => {
  test('a pipe over a stalled channel holds at most its window, and the sender waits', async () => {
    const { network, a, b } = pair()
    let sent = 0
    b.open(
      't',
      protocol(async (exchange, { signal }) => {
        for (;;) {
          signal.throwIfAborted()
          await exchange.send(new Uint8Array(1_000))
          sent++
        }
      })
    )
    a.open(
      't',
      protocol(
        (_exchange, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          })
      )
    )
    network.connect('a', 'b')
    await network.time.advance(20_000)
    const charged = 1_000 + 128 + 4
    expect(sent).toBeLessThanOrEqual((network.windowBytes + network.queueBytes) / charged + 1)
    expect(sent).toBeGreaterThan(network.windowBytes / (2 * charged))
    for (const end of network.ends) expect(end.unreadPeak).toBeLessThanOrEqual(network.windowBytes)
    await network.time.advance(12_000)
    expect(b.rounds[0]).toMatchObject({ error: { reason: 'stalled' } })
    await closeAll(network, a, b)
  })

  test('a slow reader slows its sender and gets every message once, in order', async () => {
    const { network, a, b } = pair()
    const count = 500
    b.open(
      't',
      protocol(async exchange => {
        for (let i = 0; i < count; i++) await exchange.send(new Uint8Array(1_000).fill(i % 256))
        return DONE
      })
    )
    const got: number[] = []
    a.open(
      't',
      protocol(async exchange => {
        for await (const message of exchange) {
          got.push(...message.subarray(0, 1))
          await new Promise<void>(resolve => void network.time.schedule(20, resolve))
        }
        return DONE
      })
    )
    network.connect('a', 'b')
    await network.time.advance(20_000)
    expect(got).toEqual(Array.from({ length: count }, (_, i) => i % 256))
    expect(a.rounds).toMatchObject([{ outcome: DONE }])
    for (const end of network.ends) expect(end.unreadPeak).toBeLessThanOrEqual(network.windowBytes)
    await closeAll(network, a, b)
  })

  test('an exchange refuses what is too large, too much at once, and anything after its round', async () => {
    const { network, a, b } = pair()
    let late: (() => Promise<void>) | undefined
    const errors: unknown[] = []
    b.open(
      't',
      protocol(async exchange => {
        late = () => exchange.send(new Uint8Array(1))
        const tooLarge = exchange.send(new Uint8Array(exchange.messageBytesMax + 1))
        const many = Array.from({ length: 65 }, () => exchange.send(new Uint8Array(1)))
        for (const one of await Promise.allSettled([tooLarge, ...many])) {
          if (one.status === 'rejected') errors.push((one.reason as Error).name)
        }
        await exchange.send(new Uint8Array(exchange.messageBytesMax))
        return DONE
      })
    )
    let received = 0
    a.open(
      't',
      protocol(async exchange => {
        for await (const _message of exchange) received++
        return DONE
      })
    )
    network.connect('a', 'b')
    await network.time.advance(200)
    expect(errors).toEqual(['RangeError', 'RangeError'])
    expect(received).toBe(65)
    await expect(late?.()).rejects.toThrow(TypeError)
    await closeAll(network, a, b)
  })
})

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
