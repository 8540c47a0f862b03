import { describe, expect, test } from 'vitest'
import { ClockSkewError, HandshakeTimeoutError } from '../src/index.ts'
import { type FakeNode } from './fake-net.ts'
import { newNet, pair } from './fake-world.ts'

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
