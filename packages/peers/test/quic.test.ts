import { afterEach, describe, expect, test } from 'vitest'
import { AdmissionError, type Session } from '../src/index.ts'
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
