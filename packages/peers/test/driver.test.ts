import { afterEach, describe, expect, test } from 'vitest'
import { ClockSkewError, HandshakeTimeoutError, type PeersInit } from '../src/index.ts'
import { FakeNet, type FakeNode } from './fake-net.ts'

const nets: FakeNet[] = []

function newNet(seed?: number): FakeNet {
  const net = new FakeNet(seed)
  nets.push(net)
  return net
}

afterEach(async () => {
  for (const net of nets.splice(0)) {
    await net.stop()
    for (const node of net.nodes) {
      expect([...node.connections]).toEqual([])
      expect(node.listenerCount).toBe(0)
      expect(node.handlers.size).toBe(0)
    }
    // Whatever was in flight between the nodes has landed; no timer of a manager is left.
    await net.time.advance(1_000)
    expect(net.time.pending).toBe(0)
  }
})

async function pair(init: Partial<PeersInit> = {}): Promise<{ net: FakeNet; a: FakeNode; b: FakeNode }> {
  const net = newNet()
  return { net, a: await net.add(init), b: await net.add(init) }
}

function mute(...nodes: FakeNode[]): void {
  for (const node of nodes) for (const connection of node.connections) connection.mute = true
}

describe('liveness', () => {
  test('a silent peer is suspected after 2.5 s, down after 5 s, and dialled again', async () => {
    const { net, a, b } = await pair()
    a.want(b)
    await net.time.advance(3_000)
    expect(a.story).toEqual(['up'])
    expect(a.peers.peers()[0]).toMatchObject({ status: 'connected', direction: 'outbound' })
    expect(a.peers.peers()[0]?.rttMs).toBeGreaterThanOrEqual(0)
    mute(a, b)
    await net.time.advance(3_500)
    expect(a.peers.peers()[0]).toMatchObject({ status: 'suspect' })
    expect(a.story).toEqual(['up'])
    await net.time.advance(2_500)
    expect(a.story.slice(0, 2)).toEqual(['up', 'down silent'])
    await net.time.advance(3_000)
    expect(a.story).toEqual(['up', 'down silent', 'up'])
    expect(a.peers.stats()).toMatchObject({ suspicions: 1, silences: 1, sessions: 1, connections: 1 })
  })

  test('a node that stalled itself gives its peers a new grace', async () => {
    const { net, a, b } = await pair()
    a.want(b)
    await net.time.advance(2_000)
    net.time.freeze(20_000)
    await net.time.advance(4_000)
    expect(a.story).toEqual(['up'])
    expect(b.story).toEqual(['up'])
    expect(a.peers.stats().selfStalls).toBe(1)
  })
})

describe('intents', () => {
  test('once: one dial, one failed event, no redial; another wish dials again', async () => {
    const { net, a, b } = await pair()
    b.listening = 'refuse'
    const intent = a.want(b, 'once')
    await net.time.advance(600_000)
    expect(a.story).toEqual(['failed DialError'])
    expect(net.dials).toHaveLength(1)
    intent.release()
    expect(a.peers.peers()).toEqual([])
    b.listening = 'connect'
    a.want(b, 'once')
    await net.time.advance(1_000)
    expect(a.story).toEqual(['failed DialError', 'up'])
  })

  test('continuous: redialled for ever, ever more rarely, and at once when the peer is back', async () => {
    const { net, a, b } = await pair()
    b.listening = 'refuse'
    a.want(b)
    await net.time.advance(3_600_000)
    const { length } = net.dials
    expect(length).toBeGreaterThan(60)
    expect(length).toBeLessThan(400)
    b.listening = 'connect'
    await net.time.advance(61_000)
    expect(a.story.at(-1)).toBe('up')
  })

  test('a wish that is given up leaves no timer', async () => {
    const { net, a, b } = await pair()
    b.listening = 'refuse'
    const intent = a.want(b)
    await net.time.advance(60_000)
    expect(net.time.pending).toBe(1)
    intent.release()
    expect(net.time.pending).toBe(0)
    expect(a.peers.peers()).toEqual([])
  })

  test('a link that flaps is not dialled without a pause', async () => {
    const { net, a, b } = await pair()
    a.want(b)
    for (let at = 0; at < 600; at += 2) {
      await net.time.advance(2_000)
      for (const connection of a.connections) connection.abort(new Error('flap'))
    }
    // Without a memory of short sessions this were a dial for each of the 300 flaps.
    expect(net.dials.length).toBeGreaterThan(15)
    expect(net.dials.length).toBeLessThan(80)
  })

  test('one address that swallows packets does not use up the time of the others', async () => {
    const { net, a, b } = await pair()
    const other = await net.add()
    const addresses = [
      '/ip4/10.9.9.9/udp/9/quic-v1',
      '/ip4/10.9.9.9/udp/1/quic-v1',
      `${b.address}/p2p/${other.peers.self}`,
      'nonsense',
      b.address
    ]
    a.peers.want(b.peers.self, { mode: 'once', addresses })
    await net.time.advance(4_000)
    expect(a.story).toEqual(['up'])
    expect(net.dials[0]?.address).toContain('/udp/9/')
    expect(net.dials.every(dial => dial.address.endsWith(b.peers.self))).toBe(true)
    expect(a.peers.addresses(b.peers.self)[0]).toBe(b.address)
  })

  test('the connection of a dial that was given up is closed when it turns up late', async () => {
    const { net, a, b } = await pair()
    b.listening = 'hang'
    a.want(b, 'once')
    await net.time.advance(4_100)
    expect(a.story).toEqual(['failed DialError'])
    const [late] = net.connect(a, b)
    await net.time.advance(10)
    expect(late.status).not.toBe('open')
    expect(a.peers.stats().lateDialsClosed).toBe(1)
  })

  test('wishes before the start are kept, wishes while stopping are not', async () => {
    const { net, a, b } = await pair()
    void a.peers.stop()
    await net.time.advance(100)
    a.want(b)
    expect(net.dials).toEqual([])
    a.peers.start()
    await net.time.advance(100)
    expect(a.story).toEqual(['up'])
    const stopping = a.peers.stop()
    a.want(b)
    await net.time.advance(5_000)
    await stopping
    a.peers.start()
    await net.time.advance(5_000)
    expect(a.story).toEqual(['up', 'down stopped'])
  })

  test('names are resolved again at every redial', async () => {
    const asked: string[] = []
    const net = newNet()
    const b = await net.add()
    let found = '/ip4/10.9.9.9/udp/1/quic-v1'
    const a = await net.add({
      resolve: address => {
        asked.push(address)
        return Promise.resolve([found])
      }
    })
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: ['/dns4/b.example/udp/4001/quic-v1'] })
    await net.time.advance(2_000)
    expect(a.story[0]).toBe('failed DialError')
    found = b.address
    await net.time.advance(10_000)
    expect(a.story.at(-1)).toBe('up')
    expect(asked.length).toBeGreaterThan(1)
  })

  test('a session nobody wants is kept while a channel is open, then said goodbye to', async () => {
    const { net, a, b } = await pair()
    b.peers.handleChannel('work', channel => void drainAll(channel))
    const intent = a.want(b)
    await net.time.advance(1_000)
    const channel = await opened(net, a, 'work')
    intent.release()
    await net.time.advance(120_000)
    expect(a.story).toEqual(['up'])
    void channel.end()
    void drainAll(channel)
    await net.time.advance(25_000)
    expect(a.story).toEqual(['up'])
    await net.time.advance(10_000)
    expect([a.story[1], b.story[1]]).toContain('down idle')
    expect([a.story.length, b.story.length]).toEqual([2, 2])
    await net.time.advance(5_000)
    expect(a.connections.size + b.connections.size).toBe(0)
    expect(a.peers.peers()).toEqual([])
  })

  test('a wish at the other end keeps the session', async () => {
    const { net, a, b } = await pair()
    const intent = a.want(b)
    b.want(a)
    await net.time.advance(1_000)
    intent.release()
    await net.time.advance(120_000)
    expect([...a.story, ...b.story]).toEqual(['up', 'up'])
  })

  test('bad wishes are refused with what to do', async () => {
    const { a } = await pair()
    expect(() => a.peers.want('nobody', { mode: 'once' })).toThrow(/not a peer id/)
    expect(() => a.peers.want(a.peers.self, { mode: 'once' })).toThrow(/itself/)
    expect(() => a.peers.want(a.peers.self, { mode: 'sometimes' as 'once' })).toThrow(/mode must be/)
  })
})

describe('handshake in the driver', () => {
  test('a connection that never shakes hands is closed at the deadline', async () => {
    const { net, a, b } = await pair()
    const stranger = net.connect(a, b)[0]
    await net.time.advance(9_900)
    expect(stranger.status).toBe('open')
    await net.time.advance(1_500)
    expect(stranger.status).not.toBe('open')
    expect(b.rejections[0]?.error).toBeInstanceOf(HandshakeTimeoutError)
    expect(b.story).toEqual([])
  })

  test('an acceptor that never answers fails the dial at the deadline, and it is tried again', async () => {
    const { net, a, b } = await pair()
    net.onConnection = connection => {
      if (connection.direction === 'inbound') connection.mute = true
    }
    a.want(b)
    await net.time.advance(10_500)
    expect(a.story).toEqual(['failed HandshakeTimeoutError'])
    net.onConnection = () => {}
    await net.time.advance(15_000)
    expect(a.story.at(-1)).toBe('up')
  })

  test('clocks 61 s apart: both ends say so, and say by how much', async () => {
    const net = newNet()
    const a = await net.add({}, 61_000)
    const b = await net.add()
    a.want(b)
    await net.time.advance(500)
    expect(a.seen[0]).toMatchObject({ type: 'failed', reason: 'ClockSkewError' })
    const atB = b.rejections[0]?.error as ClockSkewError
    expect(atB).toBeInstanceOf(ClockSkewError)
    expect(atB.aheadMs).toBeGreaterThan(60_900)
    const atA = a.seen[0] as unknown as { error: ClockSkewError }
    expect(atA.error.aheadMs).toBeLessThan(-60_900)
    expect(a.connections.size + b.connections.size).toBe(0)
  })

  test('a refusal is retried slowly, and a new wish meanwhile fails at once with the reason', async () => {
    const net = newNet()
    const a = await net.add({ cluster: { name: 'test', secrets: ['some other secret here'] } })
    const b = await net.add()
    a.want(b)
    await net.time.advance(4_900)
    expect(net.dials).toHaveLength(1)
    a.want(b, 'once')
    expect(a.story).toEqual(['failed AdmissionError', 'failed AdmissionError'])
    await net.time.advance(600_000)
    expect(net.dials.length).toBeGreaterThan(8)
    expect(net.dials.length).toBeLessThan(30)
    expect(b.story).toEqual([])
  })

  test('secrets can be rotated: any listed one is accepted in either order', async () => {
    const net = newNet()
    const [older, newer] = ['the older secret 1234', 'the newer secret 1234']
    const a = await net.add({ cluster: { name: 'test', secrets: [older, newer] } })
    const b = await net.add({ cluster: { name: 'test', secrets: [newer, older] } })
    const c = await net.add({ cluster: { name: 'test', secrets: [newer] } })
    a.want(b)
    c.want(b)
    c.want(a)
    await net.time.advance(1_000)
    expect(a.peers.sessions()).toHaveLength(2)
    expect(b.peers.sessions()).toHaveLength(2)
    expect(c.peers.sessions()).toHaveLength(2)
  })

  test('an allow-list is held by both sides', async () => {
    const net = newNet()
    const c = await net.add()
    const a = await net.add({ cluster: { name: 'test', allow: [c.peers.self] } })
    const b = await net.add({ cluster: { name: 'test', open: true } })
    a.want(b, 'once')
    await net.time.advance(1_000)
    expect(a.story).toEqual(['failed AdmissionError'])
    expect(b.story).toEqual([])
    b.want(a, 'once')
    await net.time.advance(20_000)
    expect(b.story).toEqual(['failed AdmissionError'])
    expect(a.story).toEqual(['failed AdmissionError'])
  })

  test('a callback that never answers holds up nobody else', async () => {
    const net = newNet()
    const a = await net.add()
    const c = await net.add()
    const b = await net.add({
      cluster: {
        name: 'test',
        secrets: ['a secret of enough bytes'],
        admit: peer => (peer === a.peers.self ? new Promise<boolean>(() => {}) : true)
      }
    })
    a.want(b, 'once')
    c.want(b)
    await net.time.advance(1_000)
    expect(c.story).toEqual(['up'])
    expect(a.story).toEqual([])
    await net.time.advance(11_000)
    expect(a.story).toEqual(['failed HandshakeTimeoutError'])
  })

  test('no rule is a TypeError, a short secret a RangeError, unless the cluster is open', async () => {
    const net = newNet()
    await expect(net.add({ cluster: { name: 'test' } })).rejects.toThrow(TypeError)
    await expect(net.add({ cluster: { name: 'test', secrets: ['fifteen bytes!!'] } })).rejects.toThrow(
      RangeError
    )
    await expect(net.add({ cluster: { name: '', open: true } })).rejects.toThrow(TypeError)
    await expect(net.add({ timings: { downAfterMs: 1 } })).rejects.toThrow(RangeError)
    await expect(net.add({ cluster: { name: 'test', open: true } })).resolves.toBeDefined()
  })

  test('more than 256 connections that shake no hands: the rest is closed at once', async () => {
    const net = newNet()
    const b = await net.add()
    const strangers: FakeNode[] = []
    for (let i = 0; i < 40; i++) strangers.push(await net.add())
    const open: boolean[] = []
    for (const stranger of strangers) {
      for (let i = 0; i < 7; i++) open.push(net.connect(stranger, b)[1].status === 'open')
    }
    await net.time.advance(100)
    expect(open).toHaveLength(280)
    expect([...b.connections]).toHaveLength(256)
    expect(b.peers.stats().inboundRefused).toBe(24)
  })

  test('bytes that are no message end the handshake with a typed error', async () => {
    const { net, a, b } = await pair()
    const [raw] = net.connect(a, b)
    await net.time.advance(10)
    const opening = net.openChannel(raw, 'starling:session')
    await net.time.advance(10)
    const channel = await opening
    channel.send(Uint8Array.of(99, 1, 2, 3))
    await net.time.advance(3_000)
    expect(b.rejections[0]?.error.name).toBe('SessionProtocolError')
    expect(raw.status).not.toBe('open')
  })
})

describe('channels', () => {
  test('a channel that overtakes the verdict is held back, not refused', async () => {
    const { net, a, b } = await pair()
    net.onConnection = connection => {
      if (connection.direction === 'inbound')
        connection.delayMs = tag => (tag === 'starling:session' ? 200 : 1)
    }
    const got: string[] = []
    a.peers.handleChannel('early', (channel, session) => {
      got.push(`${session.peer === b.peers.self}`)
      void drainAll(channel)
    })
    b.peers.onSession(event => {
      if (event.type === 'up') void event.session.openChannel('early').catch(() => got.push('refused'))
    })
    a.want(b)
    await net.time.advance(350)
    expect(b.story).toEqual(['up'])
    expect(a.story).toEqual([])
    expect(got).toEqual([])
    await net.time.advance(400)
    expect(a.story).toEqual(['up'])
    expect(got).toEqual(['true'])
    expect(a.peers.stats().channelsHeld).toBe(1)
  })

  test('after the session is over its channels are refused', async () => {
    const { net, a, b } = await pair()
    a.want(b)
    await net.time.advance(100)
    const session = a.peers.sessions()[0]
    void b.peers.stop()
    await net.time.advance(500)
    await expect(session?.openChannel('late')).rejects.toThrow(/is over/)
  })

  test('one tag has one handler', async () => {
    const { a } = await pair()
    const dispose = a.peers.handleChannel('one', () => {})
    expect(() => a.peers.handleChannel('one', () => {})).toThrow(TypeError)
    dispose()
    a.peers.handleChannel('one', () => {})
  })
})

describe('stop', () => {
  test('what was sent before the goodbye arrives', async () => {
    const { net, a, b } = await pair()
    const got: number[] = []
    b.peers.handleChannel('work', channel => void drainAll(channel, got))
    a.want(b)
    await net.time.advance(100)
    // The channel is slow, the goodbye faster, and a close overtakes everything, as it does over QUIC.
    for (const connection of a.connections) {
      connection.delayMs = tag => ({ work: 150, 'starling:session': 50 })[tag] ?? 0
    }
    const channel = await opened(net, a, 'work')
    a.peers.onSession(event => {
      if (event.type === 'down') {
        channel.send(new Uint8Array(7))
        void channel.end().catch(() => got.push(-1))
        void drainAll(channel)
      }
    })
    void a.peers.stop()
    await net.time.advance(2_000)
    expect(got).toEqual([7])
    expect(b.story).toEqual(['up', 'down goodbye'])
    expect(a.peers.stats().goodbyesForced).toBe(0)
  })

  test('from within a listener', async () => {
    const { net, a, b } = await pair()
    let stopped = false
    a.peers.onSession(event => {
      if (event.type !== 'up') return
      void a.peers.stop().then(() => {
        stopped = true
      })
    })
    a.want(b)
    await net.time.advance(3_000)
    expect(stopped).toBe(true)
    expect(a.story).toEqual(['up', 'down stopped'])
  })

  test('ten dials in flight: stop settles at once and every one of them ends', async () => {
    const net = newNet()
    const a = await net.add()
    for (let i = 0; i < 10; i++) {
      const hole = await net.add()
      hole.listening = 'hang'
      a.want(hole)
    }
    await net.time.advance(100)
    let stopped = false
    void a.peers.stop().then(() => {
      stopped = true
    })
    await net.time.advance(0)
    expect(stopped).toBe(true)
  })

  test('a peer that never says goodbye is cut at the deadline', async () => {
    const { net, a, b } = await pair()
    a.want(b)
    await net.time.advance(1_000)
    mute(a, b)
    let stopped = false
    void a.peers.stop({ timeoutMs: 3_000 }).then(() => {
      stopped = true
    })
    await net.time.advance(3_000)
    expect(stopped).toBe(true)
    expect(a.connections.size).toBe(0)
  })

  test('twice is once, and a stopped manager starts again as a newer incarnation', async () => {
    const { net, a, b } = await pair()
    b.want(a)
    await net.time.advance(1_000)
    expect(a.peers.stop()).toBe(a.peers.stop())
    await net.time.advance(1_000)
    a.peers.start()
    a.peers.start()
    await net.time.advance(20_000)
    expect(a.peers.sessions()).toHaveLength(1)
    expect(b.story).toEqual(['up', 'down goodbye', ...b.story.slice(2)])
    expect(b.story.at(-1)).toBe('up')
  })

  test('a listener that throws is counted and stops nobody', async () => {
    const { net, a, b } = await pair()
    a.peers.onSession(() => {
      throw new Error('listener')
    })
    const after: string[] = []
    a.peers.onSession(event => after.push(event.type))
    a.want(b)
    await net.time.advance(100)
    expect(after).toEqual(['up'])
    expect(a.peers.stats().listenerErrors).toBe(1)
  })
})

describe('both dial', () => {
  test('300 random timings: one connection and one session each, and no flap', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const net = new FakeNet(seed)
      const a = await net.add()
      const b = await net.add()
      let draw = seed
      const next = (): number => (draw = (draw * 48_271 + 7) % 2_147_483_647) % 60
      // In every third world dials are slow, so that one side's session stands before the other side's dial is done.
      net.dialMs = () => (seed % 3 === 0 ? 10 * next() : next())
      net.onConnection = connection => {
        const byTag = new Map<string, number>()
        connection.delayMs = tag => {
          const known = byTag.get(tag) ?? next()
          byTag.set(tag, known)
          return known
        }
      }
      a.want(b)
      net.time.timers.schedule(next(), () => void b.want(a))
      // Less than the hold: a connection that waited for a better one is let go when that one stands, not by a timer.
      await net.time.advance(1_900)
      const story = `${seed}: ${a.story.join()} / ${b.story.join()}`
      expect([a.connections.size, b.connections.size], story).toEqual([1, 1])
      expect(story).toBe(`${seed}: up / up`)
      expect(a.peers.sessions()[0]?.initiator).toBe(b.peers.sessions()[0]?.initiator === false)
      void net.stop()
    }
  })
})

async function opened(net: FakeNet, node: FakeNode, tag: string) {
  const opening = node.peers.sessions()[0]?.openChannel(tag)
  await net.time.advance(200)
  if (opening === undefined) throw new Error('no session')
  return opening
}

async function drainAll(
  channel: AsyncIterable<Uint8Array> & { end(): Promise<void> },
  into: number[] = []
): Promise<void> {
  try {
    for await (const bytes of channel) into.push(bytes.length)
    await channel.end()
  } catch {
    into.push(-1)
  }
}
