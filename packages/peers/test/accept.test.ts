import { describe, expect, test } from 'vitest'
import type { AcceptRequest, AcceptVerdict } from '../src/index.ts'
import { newNet } from './fake-world.ts'

describe('the accept rule for inbound connections', () => {
  test('is told who comes, and only of those that the cluster admits', async () => {
    const net = newNet()
    const asked: AcceptRequest[] = []
    const b = await net.add({
      accept: request => {
        asked.push(request)
        return 'accept'
      }
    })
    const a = await net.add()
    const stranger = await net.add({ cluster: { name: 'test', secrets: ['some other secret 12'] } })
    stranger.want(b, 'once')
    await net.time.advance(500)
    a.want(b)
    await net.time.advance(500)
    expect(a.story).toEqual(['up'])
    expect(asked).toEqual([
      { peer: a.peers.self, sessions: 0, remoteAddress: expect.stringContaining('/ip4/') as string }
    ])
    // Its own dials are its own business.
    const c = await net.add()
    b.want(c)
    await net.time.advance(500)
    expect(c.story).toEqual(['up'])
    expect(asked).toHaveLength(1)
  })

  test('busy is tried again soon, refuse rarely, and each has its error', async () => {
    const net = newNet()
    let verdict: AcceptVerdict = 'busy'
    const b = await net.add({ accept: () => verdict })
    const a = await net.add()
    a.want(b)
    await net.time.advance(20_000)
    expect(a.story[0]).toBe('failed PeerUnavailableError')
    expect(net.dials.length).toBeGreaterThan(3)
    verdict = 'refuse'
    await net.time.advance(60_000)
    expect(a.story.at(-1)).toBe('failed AdmissionError')
    const before = net.dials.length
    await net.time.advance(120_000)
    expect(net.dials.length - before).toBeLessThan(8)
    expect(b.story).toEqual([])
    verdict = 'accept'
    await net.time.advance(61_000)
    expect(a.story.at(-1)).toBe('up')
  })

  test('one that throws, or answers nonsense, refuses', async () => {
    for (const accept of [
      () => {
        throw new Error('callback')
      },
      () => 'perhaps' as AcceptVerdict,
      () => Promise.reject(new Error('callback'))
    ]) {
      const net = newNet()
      const b = await net.add({ accept })
      const a = await net.add()
      const intent = a.want(b, 'once')
      await net.time.advance(500)
      expect(await intent.ended).toMatchObject({ type: 'failed', error: { name: 'AdmissionError' } })
    }
  })

  test('PSM-A5: one that never answers holds up no other peer, and no stop', async () => {
    const net = newNet()
    const a = await net.add()
    const c = await net.add()
    const b = await net.add({
      accept: ({ peer }) => (peer === a.peers.self ? new Promise<AcceptVerdict>(() => {}) : 'accept')
    })
    const intent = a.want(b, 'once')
    c.want(b)
    await net.time.advance(1_000)
    expect(c.story).toEqual(['up'])
    let stopped = false
    void b.peers.stop().then(() => {
      stopped = true
    })
    await net.time.advance(3_000)
    expect(stopped).toBe(true)
    expect((await intent.ended).type).toBe('failed')
  })

  test('PSM-D7: a second connection of a peer in session is refused with a code, and its session hears nothing of it', async () => {
    const net = newNet()
    const [a, b] = [await net.add(), await net.add()]
    const [greater, lesser] = a.peers.self > b.peers.self ? [a, b] : [b, a]
    const events: string[] = []
    greater.peers.onPeer(event => events.push(event.type))
    greater.want(lesser)
    await net.time.advance(500)
    const [raw] = net.connect(lesser, greater)
    await net.time.advance(11_000)
    expect(raw.status).not.toBe('open')
    expect(events).toEqual(['peer:join'])
    expect(greater.story).toEqual(['up'])
    expect(greater.peers.sessions()).toHaveLength(1)
  })
})
