import { describe, expect, test } from 'vitest'
import { newNet, pair, mute, opened, drainAll } from './fake-world.ts'

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

  test('the goodbye arrives although a close would overtake it, whichever side leaves', async () => {
    for (const leaver of [0, 1]) {
      const { net, a, b } = await pair()
      a.want(b)
      await net.time.advance(100)
      for (const connection of [...a.connections, ...b.connections]) {
        connection.delayMs = tag => (tag === 'starling:session' ? 200 : 0)
      }
      const [leaving, staying] = leaver === 0 ? [a, b] : [b, a]
      void leaving.peers.stop()
      await net.time.advance(3_000)
      expect(staying.story[1]).toBe('down goodbye')
      expect(leaving.peers.stats().goodbyesForced).toBe(0)
    }
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

  test('leaves no timer: not of a question that is under way, not of a wish, not of a doubt', async () => {
    const net = newNet()
    const b = await net.add()
    const a = await net.add({
      names: { addresses: () => new Promise(() => {}), texts: () => new Promise(() => {}) },
      cluster: {
        name: 'test',
        secrets: ['a secret of enough bytes'],
        admit: () => (asked ? new Promise<boolean>(() => {}) : true)
      }
    })
    let asked = false
    const once = a.want(b, 'once')
    await net.time.advance(1_000)
    asked = true
    const checking = a.peers.recheck()
    const c = await net.add()
    a.peers.want(c.peers.self, { mode: 'once', addresses: ['/dns/c.example/udp/1/quic-v1'] })
    await net.time.advance(10)
    a.peers.setSecrets(['another secret of enough bytes'])
    void a.peers.stop()
    await net.time.advance(100)
    expect(await once.ended).toEqual({ type: 'stopped' })
    expect(await checking).toEqual([])
    await net.time.advance(700)
    expect(net.time.pending).toBe(0)
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
