import { describe, expect, test } from 'vitest'
import { AdmissionError, type FramedChannel, type PeerKey } from '../src/index.ts'
import type { FakeNode } from './fake-net.ts'
import { mute, newNet, opened, pair } from './fake-world.ts'

const [OLD, NEW, OTHER] = ['the older secret 1234', 'the newer secret 1234', 'some other secret 12']

const reasonOf = (node: FakeNode): string | undefined =>
  (node.seen.find(event => event.type === 'failed') as { error: AdmissionError } | undefined)?.error.reason

describe('revocation of a live session', () => {
  test('ends it at once, its connection within a second, and the peer stays out until it is restored', async () => {
    const { net, a, b } = await pair()
    b.want(a)
    await net.time.advance(1_000)
    a.peers.revoke(b.peers.self)
    expect(a.story).toEqual(['up', 'down revoked'])
    expect(a.peers.sessions()).toEqual([])
    await net.time.advance(1_000)
    expect(a.connections.size + b.connections.size).toBe(0)
    expect(b.story[1]).toBe('down goodbye')
    await net.time.advance(600_000)
    expect(a.story).toHaveLength(2)
    expect(b.story.filter(entry => entry === 'up')).toHaveLength(1)
    expect(b.story.at(-1)).toBe('failed AdmissionError')
    // A peer that is refused comes back ever more rarely.
    expect(net.dials.length).toBeLessThan(30)
    expect(a.rejections[0]).toMatchObject({ error: { name: 'AdmissionError', reason: 'revoked' } })
    a.peers.restore(b.peers.self)
    await net.time.advance(61_000)
    expect(a.story.at(-1)).toBe('up')
  })

  test('a peer that does not answer is cut off within a second all the same', async () => {
    for (const revoker of [0, 1]) {
      const { net, a, b } = await pair()
      b.want(a)
      await net.time.advance(1_000)
      mute(a, b)
      const [one, other] = revoker === 0 ? [a, b] : [b, a]
      one.peers.revoke(other.peers.self)
      await net.time.advance(1_000)
      expect([...one.connections]).toEqual([])
    }
  })

  test('what is in flight on its channels is not delivered, whether it has arrived or not', async () => {
    const { net, a, b } = await pair()
    const got: number[] = []
    let ended: unknown
    let read = Promise.withResolvers<void>()
    b.peers.handleChannel('work', channel => {
      void (async () => {
        try {
          for await (const [first] of channel) {
            got.push(first as number)
            await read.promise
          }
        } catch (error) {
          ended = error
        }
      })()
    })
    a.want(b)
    await net.time.advance(1_000)
    const channel = await opened(net, a, 'work')
    channel.send(Uint8Array.of(1))
    channel.send(Uint8Array.of(2))
    await net.time.advance(10)
    for (const connection of a.connections) connection.delayMs = () => 50
    channel.send(Uint8Array.of(3))
    // The first is being dealt with, the second waits in the channel, the third is on the wire.
    b.peers.revoke(a.peers.self)
    read.resolve()
    read = Promise.withResolvers<void>()
    read.resolve()
    await net.time.advance(2_000)
    expect(got).toEqual([1])
    expect(ended).toBeInstanceOf(AdmissionError)
  })

  test('also on a connection that is only draining after an earlier goodbye', async () => {
    const { net, a, b } = await pair()
    const channels: FramedChannel[] = []
    const got: number[] = []
    b.peers.handleChannel('work', channel => {
      channels.push(channel)
      void (async () => {
        for await (const [first] of channel) got.push(first as number)
      })().catch(() => got.push(-1))
    })
    a.want(b, 'once')
    await net.time.advance(1_000)
    const channel = await opened(net, a, 'work')
    void a.peers.stop()
    await net.time.advance(100)
    expect(b.story).toEqual(['up', 'down goodbye'])
    expect(b.connections.size).toBe(1)
    b.peers.revoke(a.peers.self)
    channel.send(Uint8Array.of(7))
    await net.time.advance(2_000)
    expect(got).toEqual([-1])
    expect(channels).toHaveLength(1)
  })

  test('ends a handshake that is under way, at either end, without a session', async () => {
    for (const revoker of [0, 1]) {
      const { net, a, b } = await pair()
      net.onConnection = connection => {
        connection.delayMs = () => 50
      }
      a.want(b)
      await net.time.advance(160)
      const [one, other] = revoker === 0 ? [a, b] : [b, a]
      expect(one.connections.size).toBe(1)
      one.peers.revoke(other.peers.self)
      await net.time.advance(3_000)
      expect([...a.story, ...b.story]).not.toContain('up')
      expect(a.connections.size + b.connections.size).toBe(0)
    }
  })

  test('a revoked peer is not dialled at all, and a wish for it says why', async () => {
    const { net, a, b } = await pair()
    a.peers.revoke(b.peers.self)
    const intent = a.want(b, 'once')
    await net.time.advance(100)
    expect(net.dials).toEqual([])
    expect(await intent.ended).toMatchObject({ type: 'failed', error: { reason: 'revoked' } })
    a.want(b)
    await net.time.advance(100)
    a.peers.restore(b.peers.self)
    await net.time.advance(1_000)
    expect(a.story.at(-1)).toBe('up')
  })

  test('the other peers notice nothing', async () => {
    const { net, a, b } = await pair()
    const c = await net.add()
    b.want(a)
    c.want(a)
    await net.time.advance(1_000)
    a.peers.revoke(b.peers.self)
    await net.time.advance(5_000)
    expect(c.story).toEqual(['up'])
    expect(a.peers.sessions().map(({ peer }) => peer)).toEqual([c.peers.self])
  })

  test('bad arguments are refused, and what is remembered is bounded', async () => {
    const { a, b } = await pair()
    expect(() => a.peers.revoke('nobody')).toThrow(TypeError)
    expect(() => a.peers.revoke(a.peers.self)).toThrow(TypeError)
    a.peers.restore(b.peers.self)
    a.peers.revoke(b.peers.self)
    a.peers.revoke(b.peers.self)
    expect(a.peers.stats().revocations).toBe(0)
  })
})

describe('rules that change', () => {
  test('a peer that is taken from the allow-list is out, one that is put on it gets in', async () => {
    const net = newNet()
    const [b, c] = [await net.add(), await net.add()]
    const a = await net.add({
      cluster: { name: 'test', secrets: ['a secret of enough bytes'], allow: [b.peers.self] }
    })
    b.want(a)
    c.want(a)
    await net.time.advance(2_000)
    expect(a.peers.sessions().map(({ peer }) => peer)).toEqual([b.peers.self])
    a.peers.setAllowed([c.peers.self])
    expect(a.peers.sessions()).toEqual([])
    await net.time.advance(1_000)
    expect([...b.connections]).toEqual([])
    await net.time.advance(61_000)
    expect(a.peers.sessions().map(({ peer }) => peer)).toEqual([c.peers.self])
    a.peers.setAllowed(undefined)
    await net.time.advance(61_000)
    expect(a.peers.sessions()).toHaveLength(2)
  })

  test('the callback is asked again, and a no, an error or no answer ends the session', async () => {
    const net = newNet()
    const verdicts = new Map<PeerKey, () => boolean | Promise<boolean>>()
    const nodes = [await net.add(), await net.add(), await net.add(), await net.add()]
    const [yes, no, fails, silent] = nodes as [FakeNode, FakeNode, FakeNode, FakeNode]
    const a = await net.add({
      cluster: {
        name: 'test',
        secrets: ['a secret of enough bytes'],
        admit: peer => verdicts.get(peer)?.() ?? true
      }
    })
    for (const node of nodes) node.want(a, 'once')
    await net.time.advance(1_000)
    expect(a.peers.sessions()).toHaveLength(4)
    verdicts.set(no.peers.self, () => false)
    verdicts.set(fails.peers.self, () => {
      throw new Error('callback')
    })
    verdicts.set(silent.peers.self, () => new Promise(() => {}))
    const checking = a.peers.recheck()
    await net.time.advance(0)
    expect(a.peers.sessions()).toHaveLength(2)
    await net.time.advance(10_000)
    const ended = await checking
    expect([...ended].toSorted()).toEqual([no, fails, silent].map(node => node.peers.self).toSorted())
    expect(a.peers.sessions().map(({ peer }) => peer)).toEqual([yes.peers.self])
    await net.time.advance(2_000)
    expect(await yes.peers.recheck()).toEqual([])
  })
})

describe('secrets that change while sessions stand', () => {
  test('the whole rotation, node by node, ends no session', async () => {
    const net = newNet()
    const nodes: FakeNode[] = []
    for (let n = 0; n < 4; n++) nodes.push(await net.add({ cluster: { name: 'test', secrets: [OLD] } }))
    for (const one of nodes) for (const other of nodes) if (one !== other) one.want(other)
    await net.time.advance(3_000)
    for (const secrets of [[OLD, NEW], [NEW, OLD], [NEW]]) {
      for (const node of nodes) {
        node.peers.setSecrets(secrets)
        await net.time.advance(700)
      }
    }
    await net.time.advance(5_000)
    for (const node of nodes) {
      expect(node.peers.sessions()).toHaveLength(3)
      expect(node.story).toEqual(['up', 'up', 'up'])
    }
    const late = await net.add({ cluster: { name: 'test', secrets: [OLD] } })
    late.want(nodes[0] as FakeNode, 'once')
    await net.time.advance(1_000)
    expect(reasonOf(late)).toBe('refused')
  })

  test('a peer that knows only the removed secret is out within a second', async () => {
    for (const remover of [0, 1]) {
      const { net, a, b } = await pair({ cluster: { name: 'test', secrets: [OLD] } })
      a.want(b)
      await net.time.advance(1_000)
      const [one, other] = remover === 0 ? [a, b] : [b, a]
      one.peers.setSecrets([NEW])
      await net.time.advance(1_000)
      expect(one.story.slice(0, 2)).toEqual(['up', 'down revoked'])
      expect([...one.connections]).toEqual([])
      expect(other.peers.sessions()).toEqual([])
      await net.time.advance(120_000)
      expect(one.peers.sessions()).toEqual([])
      other.peers.setSecrets([NEW])
      await net.time.advance(61_000)
      expect(one.peers.sessions()).toHaveLength(1)
    }
  })

  test('one that does not answer the challenge is out within a second', async () => {
    const { net, a, b } = await pair({ cluster: { name: 'test', secrets: [OLD] } })
    a.want(b)
    await net.time.advance(1_000)
    mute(b)
    a.peers.setSecrets([NEW])
    await net.time.advance(1_000)
    expect(a.story.slice(0, 2)).toEqual(['up', 'down revoked'])
  })

  test('a secret that is taken away while a handshake runs does not let anybody stay', async () => {
    const { net, a, b } = await pair({ cluster: { name: 'test', secrets: [OLD] } })
    net.onConnection = connection => {
      connection.delayMs = () => 50
    }
    a.want(b)
    await net.time.advance(230)
    expect(a.story).toEqual([])
    a.peers.setSecrets([OTHER])
    b.peers.setSecrets([NEW])
    await net.time.advance(3_000)
    expect(a.peers.sessions()).toEqual([])
    expect(b.peers.sessions()).toEqual([])
  })

  test('a cluster that gets its first secret keeps those who have it too', async () => {
    const net = newNet()
    const open = { cluster: { name: 'test', open: true } }
    const [a, b, c] = [await net.add(open), await net.add(open), await net.add(open)]
    a.want(b)
    a.want(c)
    await net.time.advance(1_000)
    b.peers.setSecrets([NEW])
    // The other end of this session has none yet, so it proves nothing, loses its session, and comes back with the secret.
    await net.time.advance(0)
    a.peers.setSecrets([NEW])
    await net.time.advance(1_500)
    expect(a.peers.sessions().map(({ peer }) => peer)).not.toContain(c.peers.self)
    await net.time.advance(30_000)
    expect(a.peers.sessions().map(({ peer }) => peer)).toEqual([b.peers.self])
  })

  test('the last secret cannot be given up, and a bad one changes nothing', async () => {
    const { net, a, b } = await pair({ cluster: { name: 'test', secrets: [OLD] } })
    a.want(b)
    await net.time.advance(1_000)
    expect(() => a.peers.setSecrets([])).toThrow(TypeError)
    expect(() => a.peers.setSecrets([NEW, 'short'])).toThrow(RangeError)
    expect(() => a.peers.setSecrets(Array.from({ length: 9 }, () => NEW))).toThrow(RangeError)
    await net.time.advance(5_000)
    expect(a.story).toEqual(['up'])
  })
})
