import { describe, expect, test } from 'vitest'
import { systemHmac } from '@starling/ports/system'
import { PUSH_TAG, SyncPushError, type SyncProtocol } from '../src/index.ts'
import { topicToken } from '../src/token.ts'
import { encodePush } from '../src/wire.ts'
import { FakeNetwork } from './fake-network.ts'
import { DONE, closeAll, pair, testNode } from './fixtures.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const text = (of: Uint8Array): string => Buffer.from(of).toString()

/** A protocol whose rounds do nothing, with this answer. */
function answering(answer?: NonNullable<SyncProtocol['answer']>): SyncProtocol {
  const protocol: SyncProtocol = { reconcile: async () => DONE }
  return answer === undefined ? protocol : { ...protocol, answer }
}

/** What a promise comes to while time passes. */
async function during<T>(network: FakeNetwork, promise: Promise<T>, ms: number): Promise<T | Error> {
  const result = promise.catch((error: Error) => error)
  await network.time.advance(ms)
  return await result
}

describe('a push', () => {
  test('is answered by the protocol of its topic, beside a round that runs, all topics on one channel', async () => {
    const { network, a, b } = pair()
    const busy: SyncProtocol = {
      reconcile: (_exchange, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        }),
      answer: async (payload, peer) => bytes(`${peer} said ${text(payload)}`)
    }
    const handles = ['t', 'u'].map(topic => {
      a.open(topic, busy)
      return b.open(topic, busy)
    })
    network.connect('a', 'b')
    await network.time.advance(100)
    expect(b.sync.stats().roundsRunning).toBe(2)
    const rounds = network.ends.length
    const answers = Promise.all(
      handles.flatMap(handle => [1, 2, 3].map(n => handle.push('a', bytes(`${handle.topic}${n}`))))
    )
    expect(((await during(network, answers, 50)) as Uint8Array[]).map(text)).toEqual([
      'b said t1',
      'b said t2',
      'b said t3',
      'b said u1',
      'b said u2',
      'b said u3'
    ])
    expect(network.ends.length).toBe(rounds + 2)
    expect(b.sync.stats().pushes).toEqual({ answered: 6, failed: 0, served: 0, unserved: 0 })
    expect(a.sync.stats().pushes).toEqual({ answered: 0, failed: 0, served: 6, unserved: 0 })
    await closeAll(network, a, b)
  })

  test('answers come as they are ready, and a slow one delays nobody', async () => {
    const { network, a, b } = pair()
    a.open(
      't',
      answering(async payload => {
        const ms = Number(text(payload))
        await new Promise<void>(resolve => void network.time.schedule(ms, resolve))
        return payload
      })
    )
    const handle = b.open('t', answering())
    network.connect('a', 'b')
    await network.time.advance(50)
    const order: string[] = []
    const all = Promise.all(
      ['500', '20', '300'].map(async ms => order.push(text(await handle.push('a', bytes(ms)))))
    )
    await during(network, all, 1_000)
    expect(order).toEqual(['20', '300', '500'])
    await closeAll(network, a, b)
  })

  test.each<[string, SyncProtocol | undefined, string]>([
    ['no such topic', undefined, 'unknownTopic'],
    ['a protocol without answers', answering(), 'unserved'],
    ['an answer that fails', answering(() => Promise.reject(new Error('defect'))), 'failed'],
    [
      'an answer that throws',
      answering(() => {
        throw new Error('defect')
      }),
      'failed'
    ],
    ['an answer that is too long', answering(async () => new Uint8Array(64 * 1024)), 'failed'],
    ['no answer', answering(() => new Promise(() => {})), 'timeout']
  ])('to %s is rejected and says why; the next one is answered', async (_name, protocol, reason) => {
    const { network, a, b } = pair()
    if (protocol !== undefined) a.open('t', protocol)
    a.open(
      'good',
      answering(async payload => payload)
    )
    const handle = b.open('t', answering())
    const good = b.open('good', answering())
    network.connect('a', 'b')
    await network.time.advance(50)
    const error = await during(network, handle.push('a', bytes('x')), 30_100)
    expect(error).toBeInstanceOf(SyncPushError)
    expect(error).toMatchObject({ peer: 'a', reason })
    expect(await during(network, good.push('a', bytes('y')), 100)).toEqual(bytes('y'))
    await closeAll(network, a, b)
  })

  test('to a peer that is not there, that goes, or from a handle that is closed, is rejected', async () => {
    const { network, a, b } = pair()
    a.open(
      't',
      answering(() => new Promise(() => {}))
    )
    const handle = b.open('t', answering())
    await expect(handle.push('a', bytes('x'))).rejects.toMatchObject({ reason: 'lost' })
    expect(handle.peers()).toEqual([])
    network.connect('a', 'b')
    await network.time.advance(50)
    expect(handle.peers()).toEqual(['a'])
    const pushed = handle.push('a', bytes('x')).catch((error: Error) => error)
    await network.time.advance(50)
    network.disconnect('a', 'b')
    expect(handle.peers()).toEqual([])
    expect(await during(network, pushed, 50)).toMatchObject({ name: 'SyncPushError', reason: 'lost' })
    network.connect('a', 'b')
    await network.time.advance(2_000)
    const last = handle.push('a', bytes('x')).catch((error: Error) => error)
    await network.time.advance(50)
    const closing = b.sync.close()
    expect(await during(network, last, 3_000)).toMatchObject({ reason: 'closed' })
    await closing
    await handle.close()
    await expect(handle.push('a', bytes('x'))).rejects.toThrow('closed')
    await closeAll(network, a, b)
  })

  test('ends with its signal, before or after it was sent', async () => {
    const { network, a, b } = pair()
    a.open(
      't',
      answering(() => new Promise(() => {}))
    )
    const handle = b.open('t', answering())
    network.connect('a', 'b')
    await network.time.advance(50)
    const reason = new Error('enough')
    await expect(handle.push('a', bytes('x'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const abort = new AbortController()
    const pushed = handle.push('a', bytes('x'), { signal: abort.signal }).catch((error: Error) => error)
    await network.time.advance(100)
    abort.abort(reason)
    expect(await during(network, pushed, 1)).toBe(reason)
    await closeAll(network, a, b)
  })

  test('too many at once are refused here, and read no faster than they are answered there', async () => {
    const network = new FakeNetwork()
    const a = testNode(network, 'a', ['b'], { pushesPerPeerMax: 4 })
    const b = testNode(network, 'b', ['a'], { pushesPerPeerMax: 10 })
    let running = 0
    let most = 0
    a.open(
      't',
      answering(async payload => {
        most = Math.max(most, ++running)
        await new Promise<void>(resolve => void network.time.schedule(100, resolve))
        running--
        return payload
      })
    )
    const handle = b.open('t', answering())
    network.connect('a', 'b')
    await network.time.advance(50)
    const pushes = Promise.allSettled(Array.from({ length: 15 }, (_, i) => handle.push('a', bytes(`${i}`))))
    const settled = (await during(network, pushes, 1_000)) as PromiseSettledResult<Uint8Array>[]
    expect(settled.map(one => one.status).filter(one => one === 'fulfilled')).toHaveLength(10)
    const refused = settled.filter(one => one.status === 'rejected').map(one => one.reason as SyncPushError)
    expect(new Set(refused.map(error => error.reason))).toEqual(new Set(['busy']))
    expect(most).toBe(4)
    await closeAll(network, a, b)
  })

  test('on a channel that the peer does not read is refused once so many wait for room', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b', ['mallory'], { pushesPerPeerMax: 8 })
    const handle = b.open('t', answering())
    network.node('mallory').handleChannel(PUSH_TAG, () => {})
    network.connect('mallory', 'b')
    await network.time.advance(50)
    const names: string[] = []
    for (let i = 0; i < 24; i++) {
      const abort = new AbortController()
      const pushed = handle.push('mallory', new Uint8Array(30_000), { signal: abort.signal })
      const result = pushed.catch((error: unknown) => error)
      await network.time.advance(20)
      abort.abort('given up')
      names.push(String(((await result) as { reason?: unknown }).reason ?? (await result)))
    }
    expect(names.slice(-8)).toEqual(Array(8).fill('busy'))
    await closeAll(network, b)
  })

  test('that is never answered keeps its place, also on another channel and after its time', async () => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b', [], { pushesPerPeerMax: 4 })
    let running = 0
    b.open(
      't',
      answering(() => {
        running++
        return new Promise(() => {})
      })
    )
    network.connect('mallory', 'b')
    const token = topicToken(systemHmac, 't', 'mallory', 'b')
    for (let i = 0; i < 5; i++) {
      const opening = network.node('mallory').sessions()[0]?.openChannel(PUSH_TAG)
      await network.time.advance(10)
      const channel = await opening
      for (let id = 1; id <= 6; id++) {
        try {
          channel?.send(encodePush({ id, token, payload: bytes('x') }))
        } catch {
          // It has been refused.
        }
      }
      await network.time.advance(40_000)
    }
    expect(running).toBe(4)
    await closeAll(network, b)
  })

  test('of a closed manager opens nothing', async () => {
    const { network, a, b } = pair()
    a.open(
      't',
      answering(async payload => payload)
    )
    const handle = b.open('t', answering())
    network.connect('a', 'b')
    await network.time.advance(50)
    await during(network, b.sync.close(), 3_000)
    const pushed = during(network, handle.push('a', bytes('x')), 100)
    expect(await pushed).toMatchObject({ name: 'SyncPushError', reason: 'closed' })
    expect(network.openChannels('b', 'a')).toBe(0)
    await closeAll(network, a, b)
  })

  test('that is longer than a message is a RangeError', async () => {
    const { network, a, b } = pair()
    a.open(
      't',
      answering(async payload => payload)
    )
    const handle = b.open('t', answering())
    network.connect('a', 'b')
    await network.time.advance(50)
    const error = await during(network, handle.push('a', new Uint8Array(64 * 1024)), 100)
    expect(error).toBeInstanceOf(RangeError)
    const last = await during(network, handle.push('a', bytes('x')), 100)
    expect(last).toEqual(bytes('x'))
    await closeAll(network, a, b)
  })

  test('leaves nothing: its channel ends after a while without any', async () => {
    const { network, a, b } = pair()
    a.open(
      't',
      answering(async payload => payload)
    )
    const handle = b.open('t', answering())
    network.connect('a', 'b')
    await network.time.advance(50)
    await during(network, handle.push('a', bytes('x')), 100)
    expect(network.openChannels('b', 'a')).toBe(1)
    await network.time.advance(31_000)
    expect(network.openChannels('b', 'a')).toBe(0)
    expect(await during(network, handle.push('a', bytes('y')), 100)).toEqual(bytes('y'))
    await closeAll(network, a, b)
  })

  test.each([
    ['an empty one', new Uint8Array(0)],
    ['another type', Uint8Array.of(9, 1)],
    ['a short one', Uint8Array.of(1, 1, 0)]
  ])('that breaks the rules (%s) costs the peer its channel and nobody else', async (_name, message) => {
    const network = new FakeNetwork()
    const b = testNode(network, 'b')
    b.open(
      't',
      answering(async payload => payload)
    )
    network.connect('mallory', 'b')
    const opening = network.node('mallory').sessions()[0]?.openChannel(PUSH_TAG)
    await network.time.advance(10)
    const channel = await opening
    const token = topicToken(systemHmac, 't', 'mallory', 'b')
    channel?.send(encodePush({ id: 1, token, payload: bytes('x') }))
    channel?.send(message)
    await network.time.advance(10)
    expect(network.ends.find(end => end.self === 'b')?.abortReason).toBeInstanceOf(SyncPushError)
    expect(b.sync.stats().pushes.served).toBe(1)
    await closeAll(network, b)
  })
})
