import { describe, expect, test } from 'vitest'
import { DIALS_MAX } from '../src/config.ts'
import { newNet, pair, mute, opened, drainAll } from './fake-world.ts'

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

  test('a late connection is closed also when it turns up during the next dial, or beside the session of another address', async () => {
    const { net, a, b } = await pair()
    b.listening = 'hang'
    const intent = a.want(b)
    await net.time.advance(4_000)
    expect(a.story).toEqual(['failed DialError'])
    b.listening = 'connect'
    net.dialMs = () => 1_000
    await net.time.advance(700)
    expect(a.peers.peers()[0]?.status).toBe('connecting')
    const [during] = net.connect(a, b)
    await net.time.advance(1_200)
    expect(a.story.at(-1)).toBe('up')
    expect(during.status).not.toBe('open')
    intent.release()

    const c = await net.add()
    const addresses = ['/ip4/10.9.9.9/udp/9/quic-v1', c.address]
    a.peers.want(c.peers.self, { mode: 'once', addresses })
    await net.time.advance(4_000)
    expect(a.peers.sessions()).toHaveLength(2)
    const [beside] = net.connect(a, c)
    await net.time.advance(10)
    expect(beside.status).not.toBe('open')
    expect(a.peers.stats().lateDialsClosed).toBe(2)
  })

  test('more wishes than dials at once: the rest waits its turn, and one that is given up meanwhile is not dialled', async () => {
    const net = newNet()
    const a = await net.add()
    const good = await net.add()
    for (let n = 0; n < DIALS_MAX; n++) {
      const hole = await net.add()
      hole.listening = 'hang'
      a.want(hole, 'once')
    }
    const given = await net.add()
    const intent = a.want(given)
    const waiting = a.want(good, 'once')
    await net.time.advance(3_900)
    expect(net.dials).toHaveLength(DIALS_MAX)
    intent.release()
    await net.time.advance(200)
    expect(waiting.session).toBeDefined()
    expect(net.dials.map(dial => dial.address)).not.toContain(`${given.address}/p2p/${given.peers.self}`)
    expect(a.peers.peers().map(({ peer }) => peer)).toEqual([good.peers.self])
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
    let found = '10.9.9.9'
    const a = await net.add({
      names: {
        addresses: name => {
          asked.push(name)
          return Promise.resolve([found])
        },
        texts: () => Promise.resolve([])
      }
    })
    a.peers.want(b.peers.self, { mode: 'continuous', addresses: ['/dns4/b.example/udp/4001/quic-v1'] })
    await net.time.advance(2_000)
    expect(a.story[0]).toBe('failed DialError')
    found = '10.0.0.1'
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
