import { afterEach, describe, expect, test } from 'vitest'
import { AdmissionError, type Session } from '../src/index.ts'
import { TrafficTap } from '../src/traffic-tap.ts'
import { CLUSTER, isDown, isFailed, isUp, startQuicNode, type QuicNode } from './quic-node.ts'

const nodes: QuicNode[] = []

async function node(...args: Parameters<typeof startQuicNode>): Promise<QuicNode> {
  const started = await startQuicNode(...args)
  nodes.push(started)
  return started
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(each => each.stop()))
})

function connections(each: QuicNode): number {
  return each.libp2p.getConnections().length
}

describe('over QUIC', () => {
  test('one wants the other: one session at each end, one connection, channels both ways', async () => {
    const a = await node()
    const b = await node()
    const got: string[] = []
    const heard = new Promise<void>(resolve => {
      b.peers.handleChannel('chat', (channel, session) => {
        void (async () => {
          for await (const bytes of channel) got.push(`${session.peer} ${Buffer.from(bytes).toString()}`)
          await channel.end()
          resolve()
        })()
      })
    })
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: b.addresses })
    const up = await a.seen(isUp)
    const { session } = up as { session: Session }
    expect(session.peer).toBe(b.peers.self)
    expect(session.initiator).toBe(true)
    const channel = await session.openChannel('chat')
    channel.send(Buffer.from('hello'))
    await channel.end()
    await heard
    expect(got).toEqual([`${a.peers.self} hello`])
    expect(b.peers.sessions()).toHaveLength(1)
    expect(b.peers.sessions()[0]?.initiator).toBe(false)
    expect(connections(a)).toBe(1)
    expect(connections(b)).toBe(1)
    expect(b.peers.peers()[0]).toMatchObject({ status: 'connected', direction: 'inbound', wanted: 'none' })
  })

  test('both dial at once, 20 times: exactly one connection and one session each', async () => {
    for (let round = 0; round < 20; round++) {
      const a = await node()
      const b = await node()
      a.peers.want(b.peers.self, { mode: 'continuous', addresses: b.addresses })
      b.peers.want(a.peers.self, { mode: 'continuous', addresses: a.addresses })
      await Promise.all([a.seen(isUp), b.seen(isUp)])
      await quiet(a, b)
      expect([connections(a), connections(b)]).toEqual([1, 1])
      expect([a.peers.sessions().length, b.peers.sessions().length]).toEqual([1, 1])
      expect(a.peers.sessions()[0]?.initiator).toBe(!b.peers.sessions()[0]?.initiator)
      await Promise.all([a.stop(), b.stop()])
      nodes.length = 0
    }
  })

  test('a wrong secret: a typed error at both ends, no session event, the connection closed', async () => {
    const a = await node({ cluster: { name: 'test', secrets: ['another secret, long enough'] } })
    const b = await node()
    a.peers.want(b.peers.self, { mode: 'once', addresses: b.addresses })
    const [failed, rejected] = await Promise.all([a.seen(isFailed), b.rejected()])
    expect(failed).toMatchObject({ type: 'failed', peer: b.peers.self, reason: 'AdmissionError' })
    expect(rejected.peer).toBe(a.peers.self)
    expect(rejected.error).toBeInstanceOf(AdmissionError)
    expect((rejected.error as AdmissionError).reason).toBe('proof')
    await Promise.all([noConnection(a), noConnection(b)])
    expect(a.events.filter(event => event.type !== 'failed')).toEqual([])
    expect(b.events).toEqual([])
  })

  test('a restarted peer with the same key replaces the old session at once', async () => {
    const a = await node()
    const b = await node()
    b.peers.want(a.peers.self, { mode: 'continuous', addresses: a.addresses })
    await a.seen(isUp)
    // The first process says nothing and its connection stays open, as after a power cut.
    const again = await node({}, { key: b.key })
    again.peers.want(a.peers.self, { mode: 'continuous', addresses: a.addresses })
    const down = await a.seen(isDown)
    expect(down).toMatchObject({ type: 'down', reason: 'replaced' })
    expect(a.events.map(event => event.type)).toEqual(['up', 'down', 'up'])
    expect(a.peers.sessions()).toHaveLength(1)
  })

  test('a lost connection is dialled again', async () => {
    const a = await node()
    const b = await node()
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: b.addresses })
    await a.seen(isUp)
    await b.seen(isUp)
    const twice = new Promise<void>(resolve => {
      let ups = 0
      a.peers.onSession(event => {
        if (event.type === 'up' && ++ups === 1) resolve()
      })
    })
    for (const connection of a.libp2p.getConnections()) connection.abort(new Error('cable cut'))
    await twice
    expect(a.events.map(event => event.type)).toEqual(['up', 'down', 'up'])
    expect(a.peers.sessions()).toHaveLength(1)
  })

  test('stop says goodbye, leaves no connection, and settles in time', async () => {
    const a = await node()
    const b = await node()
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: b.addresses })
    await Promise.all([a.seen(isUp), b.seen(isUp)])
    const before = performance.now()
    await a.peers.stop()
    expect(performance.now() - before).toBeLessThan(1_500)
    expect(connections(a)).toBe(0)
    const down = await b.seen(isDown)
    expect(down).toMatchObject({ type: 'down', reason: 'goodbye' })
    expect(a.events.at(-1)).toMatchObject({ type: 'down', reason: 'stopped' })
    await noConnection(b)
    expect(a.peers.peers()).toEqual([])
    expect(a.peers.stats()).toMatchObject({ sessions: 0, connections: 0, goodbyesForced: 0 })
  })

  test('a revoked peer: nothing in flight is delivered, and its connection is closed', async () => {
    const a = await node()
    const b = await node()
    const got: number[] = []
    const first = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const over = Promise.withResolvers<unknown>()
    b.peers.handleChannel('work', channel => {
      void (async () => {
        for await (const bytes of channel) {
          got.push(bytes[0] as number)
          first.resolve()
          await go.promise
        }
      })().catch(over.resolve)
    })
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: b.addresses })
    const { session } = (await a.seen(isUp)) as { session: Session }
    const channel = await session.openChannel('work')
    for (let n = 0; n < 8; n++) channel.send(new Uint8Array(16_000).fill(n))
    await first.promise
    b.peers.revoke(a.peers.self)
    go.resolve()
    expect(await over.promise).toBeInstanceOf(AdmissionError)
    await noConnection(b)
    expect(got).toEqual([0])
    expect(b.events.at(-1)).toMatchObject({ type: 'down', reason: 'revoked' })
    await a.seen(isDown)
  })

  test('a secret taken away: the session is proven with the new one, on the same connection', async () => {
    const [older, newer] = ['the older secret 1234', 'the newer secret 1234']
    const a = await node({ cluster: { name: 'test', secrets: [older, newer] } })
    const b = await node({ cluster: { name: 'test', secrets: [older, newer] } })
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: b.addresses })
    await Promise.all([a.seen(isUp), b.seen(isUp)])
    for (const each of [a, b]) each.peers.setSecrets([newer])
    const { session } = a.events[0] as { session: Session }
    // The answers to the challenges are on the same connection, and before this.
    const answered = new Promise<void>(resolve => b.peers.handleChannel('after', () => resolve()))
    await session.openChannel('after')
    await answered
    expect([...a.events, ...b.events].map(event => event.type)).toEqual(['up', 'up'])
    expect([a.peers.stats().revocations, b.peers.stats().revocations]).toEqual([0, 0])
  })

  test('a tap on every stream, again and again, changes no byte of what its reader gets', async () => {
    const a = await node()
    const b = await node()
    const sums: Promise<number>[] = []
    b.peers.handleChannel('bulk', channel => {
      sums.push(
        (async () => {
          let sum = 0
          for await (const bytes of channel) for (const byte of bytes) sum += byte
          await channel.end()
          return sum
        })()
      )
    })
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: b.addresses })
    const { session } = (await a.seen(isUp)) as { session: Session }
    await b.seen(isUp)
    let heard = 0
    const taps = b.libp2p.getConnections().map(connection => new TrafficTap(connection, () => heard++))
    let expected = 0
    for (let round = 0; round < 20; round++) {
      for (const tap of taps) tap.arm()
      const channel = await session.openChannel('bulk')
      for (let n = 0; n < 20; n++) {
        for (const tap of taps) tap.arm()
        const message = new Uint8Array(10_000).fill(round + n)
        expected += 10_000 * (round + n)
        if (!channel.send(message)) await channel.drained()
      }
      await channel.end()
    }
    const total = (await Promise.all(sums)).reduce((sum, each) => sum + each, 0)
    expect(total).toBe(expected)
    expect(heard).toBeGreaterThan(20)
  })

  test('what was sent before a stop arrives, a mebibyte of it, whichever end stops', async () => {
    for (const stopper of [0, 1]) {
      const a = await node()
      const b = await node()
      const whole = Promise.withResolvers<number>()
      b.peers.handleChannel('work', channel => {
        void (async () => {
          let bytes = 0
          for await (const message of channel) bytes += message.length
          whole.resolve(bytes)
          await channel.end()
        })().catch(whole.reject)
      })
      a.peers.want(b.peers.self, { mode: 'continuous', addresses: b.addresses })
      const { session } = (await a.seen(isUp)) as { session: Session }
      const channel = await session.openChannel('work')
      for (let sent = 0; sent < 1_048_576; sent += 8_192) {
        if (!channel.send(new Uint8Array(8_192))) await channel.drained()
      }
      const ended = channel.end()
      const stopping = (stopper === 0 ? a : b).peers.stop()
      expect(await whole.promise).toBe(1_048_576)
      await ended
      await stopping
      expect([a.peers.stats().goodbyesForced, b.peers.stats().goodbyesForced]).toEqual([0, 0])
    }
  })

  test('an open cluster name keeps two clusters apart', async () => {
    const a = await node({ cluster: { ...CLUSTER, name: 'other' } })
    const b = await node()
    a.peers.want(b.peers.self, { mode: 'once', addresses: b.addresses })
    const [failed, rejected] = await Promise.all([a.seen(isFailed), b.rejected()])
    expect(failed).toMatchObject({ reason: 'ClusterMismatchError' })
    expect(rejected.error.name).toBe('ClusterMismatchError')
  })
})

/** Resolves when neither end has more than one connection, or after the longest goodbye. */
async function quiet(...all: QuicNode[]): Promise<void> {
  await Promise.all(
    all.map(each => until(each, () => connections(each) === 1 && each.peers.stats().connections === 1))
  )
}

async function noConnection(each: QuicNode): Promise<void> {
  await until(each, () => connections(each) === 0)
}

/** Waits for a condition that changes only when a connection opens or closes. */
function until(each: QuicNode, condition: () => boolean): Promise<void> {
  if (condition()) return Promise.resolve()
  return new Promise(resolve => {
    const check = (): void => {
      // libp2p's own bookkeeping runs on the same event; look when it is done.
      queueMicrotask(() => {
        if (!condition()) return
        each.libp2p.removeEventListener('connection:close', check)
        each.libp2p.removeEventListener('connection:open', check)
        resolve()
      })
    }
    each.libp2p.addEventListener('connection:close', check)
    each.libp2p.addEventListener('connection:open', check)
  })
}
