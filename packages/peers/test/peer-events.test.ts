import { describe, expect, test } from 'vitest'
import type { Lagged, PeerEvent } from '../src/index.ts'
import type { FakeNode } from './fake-net.ts'
import { mute, newNet, pair } from './fake-world.ts'

/** What a node has told of its peers, in words; a peer is its number in the world. */
function listen(node: FakeNode): string[] {
  const story: string[] = []
  const number = (peer: string): number => node.net.nodes.findIndex(each => each.peers.self === peer)
  node.peers.onPeer(event => {
    if (event.type === 'self:stalled') story.push('stalled')
    else story.push(`${event.type.slice('peer:'.length)} ${number(event.peer)}`)
  })
  return story
}

describe('events of peers', () => {
  test('join with what is known, leave with the reason', async () => {
    const { net, a, b } = await pair()
    const events: PeerEvent[] = []
    a.peers.onPeer(event => events.push(event))
    a.want(b)
    await net.time.advance(1_000)
    const [join] = events
    expect(join).toMatchObject({
      type: 'peer:join',
      peer: b.peers.self,
      info: { status: 'connected', direction: 'outbound', wanted: 'continuous' }
    })
    expect(a.peers.peers()[0]?.session).toMatchObject({ version: 3, channels: 0 })
    expect(a.peers.peers()[0]?.session?.incarnation).toMatch(/^[\da-f]{16}$/)
    expect(JSON.stringify(a.peers.peers())).toContain('remoteAddress')
    expect(a.peers.peers()[0]?.session?.remoteAddress).toContain('/ip4/')
    void b.peers.stop()
    await net.time.advance(3_000)
    expect(events[1]).toEqual({ type: 'peer:leave', peer: b.peers.self, reason: 'goodbye' })
    expect(events).toHaveLength(2)
  })

  test('suspicion is graded and told: suspect, then alive again or gone', async () => {
    const { net, a, b } = await pair()
    const story = listen(a)
    a.want(b)
    await net.time.advance(1_500)
    mute(a, b)
    await net.time.advance(3_000)
    expect(story).toEqual(['join 1', 'suspect 1'])
    expect(a.peers.peers()[0]?.status).toBe('suspect')
    for (const connection of [...a.connections, ...b.connections]) connection.mute = false
    await net.time.advance(1_000)
    expect(story).toEqual(['join 1', 'suspect 1', 'alive 1'])
    mute(a, b)
    await net.time.advance(7_000)
    expect(story.slice(3, 5)).toEqual(['suspect 1', 'leave 1'])
  })

  test('a better connection to the same process is no event, a restarted process is leave and join', async () => {
    const { net, a, b } = await pair()
    const story = listen(a)
    a.want(b)
    b.want(a)
    await net.time.advance(1_000)
    expect(story).toEqual(['join 1'])
    const twin = await net.twin(b)
    twin.want(a)
    await net.time.advance(1_000)
    expect(story).toEqual(['join 1', 'leave 1', 'join 1'])
    expect(a.story).toEqual(['up', 'down replaced', 'up'])
  })

  test('a stall of this process is told once, and nobody is suspected for it', async () => {
    const net = newNet()
    const a = await net.add()
    const others = [await net.add(), await net.add(), await net.add()]
    const story = listen(a)
    const atOthers = others.map(listen)
    for (const [n, other] of others.entries()) {
      a.want(other)
      await net.time.advance(300 * n)
    }
    await net.time.advance(2_000)
    net.time.freeze(60_000)
    await net.time.advance(10_000)
    expect(story.filter(entry => entry === 'stalled')).toHaveLength(1)
    expect(story.filter(entry => !entry.startsWith('join') && entry !== 'stalled')).toEqual([])
    for (const at of atOthers) expect(at.filter(entry => /suspect|leave/.test(entry))).toEqual([])
    expect(a.peers.sessions()).toHaveLength(3)
    expect(a.peers.stats().selfStalls).toBe(1)
  })

  test('a peer that died during our stall is found out after the new grace', async () => {
    const { net, a, b } = await pair()
    const story = listen(a)
    a.want(b)
    await net.time.advance(2_000)
    mute(a, b)
    net.time.freeze(60_000)
    await net.time.advance(8_000)
    expect(story.slice(0, 4)).toEqual(['join 1', 'stalled', 'suspect 1', 'leave 1'])
  })

  test('PSM-A4: a reader that never reads holds up nobody, and learns how much it missed', async () => {
    const net = newNet()
    const a = await net.add()
    const events = a.peers.events({ bufferMax: 4 })
    const others: FakeNode[] = []
    for (let n = 0; n < 12; n++) others.push(await net.add())
    for (const other of others) a.want(other)
    await net.time.advance(1_000)
    expect(a.peers.sessions()).toHaveLength(12)
    void a.peers.stop()
    await net.time.advance(3_000)
    const got: (PeerEvent | Lagged)[] = []
    for await (const event of events) got.push(event)
    expect(got.map(event => event.type)).toEqual([
      'lagged',
      'peer:leave',
      'peer:leave',
      'peer:leave',
      'peer:leave'
    ])
    expect(got[0]).toEqual({ type: 'lagged', missed: 20 })
  })

  test('a listener that stops listening hears no more', async () => {
    const { net, a, b } = await pair()
    const heard: string[] = []
    const stop = a.peers.onPeer(event => heard.push(event.type))
    a.want(b)
    await net.time.advance(1_000)
    stop()
    void b.peers.stop()
    await net.time.advance(3_000)
    expect(heard).toEqual(['peer:join'])
  })
})
