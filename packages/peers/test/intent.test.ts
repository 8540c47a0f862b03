import { describe, expect, test } from 'vitest'
import { IntentEndedError, type IntentEvent, type Lagged } from '../src/index.ts'
import { INTENTS_PER_PEER_MAX } from '../src/config.ts'
import type { FakeNode } from './fake-net.ts'
import { newNet, pair } from './fake-world.ts'

/** What an intent has told so far, in words. */
function follow(events: AsyncIterable<IntentEvent | Lagged>): string[] {
  const story: string[] = []
  void (async () => {
    for await (const event of events) {
      if (event.type === 'ended') story.push(`ended ${event.end.type}`)
      else if (event.type === 'down') story.push(`down ${event.reason}`)
      else if (event.type === 'failed') story.push(`failed ${event.error.name}`)
      else story.push(event.type)
    }
    story.push('over')
  })()
  return story
}

describe('an intent', () => {
  test('once: the session it leads to, and its end', async () => {
    const { net, a, b } = await pair()
    const intent = a.want(b, 'once')
    const story = follow(intent.events())
    const up = intent.whenUp()
    await net.time.advance(1_000)
    expect((await up).peer).toBe(b.peers.self)
    expect(intent.session).toBe(a.peers.sessions()[0])
    expect(await intent.whenUp()).toBe(intent.session)
    void b.peers.stop()
    await net.time.advance(3_000)
    expect(await intent.ended).toEqual({ type: 'closed', reason: 'goodbye' })
    expect(story).toEqual(['up', 'down goodbye', 'ended closed', 'over'])
    expect(intent.session).toBeUndefined()
    await expect(intent.whenUp()).rejects.toBeInstanceOf(IntentEndedError)
    expect(a.peers.peers()).toEqual([])
    expect(net.time.pending).toBe(0)
  })

  test('once: an attempt that fails ends it with the error, and nobody is left who wants the peer', async () => {
    const { net, a, b } = await pair()
    b.listening = 'refuse'
    const intent = a.want(b, 'once')
    const story = follow(intent.events())
    const up = intent.whenUp().catch((error: unknown) => error)
    await net.time.advance(1_000)
    expect(await intent.ended).toMatchObject({ type: 'failed', error: { name: 'DialError' } })
    expect(await up).toMatchObject({ name: 'DialError' })
    expect(story).toEqual(['failed DialError', 'ended failed', 'over'])
    expect(a.peers.peers()).toEqual([])
    intent.release()
    expect(story).toHaveLength(3)
  })

  test('once: whatever the other end does, it is over in time', async () => {
    const { net, a, b } = await pair()
    // It takes the connection and says nothing, for longer than the caller has time.
    net.onConnection = connection => {
      if (connection.direction === 'inbound') connection.mute = true
    }
    const intent = a.peers.want(b.peers.self, { mode: 'once', addresses: [b.address], timeoutMs: 5_000 })
    await net.time.advance(5_000)
    const end = await intent.ended
    expect(end).toMatchObject({
      type: 'failed',
      error: { name: 'IntentTimeoutError', timeoutMs: 5_000, peer: b.peers.self }
    })
    expect(a.story).toEqual(['failed IntentTimeoutError'])
    await net.time.advance(10_000)
    expect(a.peers.peers()).toEqual([])
  })

  test('continuous: through a loss, with its failures, until it is released', async () => {
    const { net, a, b } = await pair()
    const intent = a.want(b)
    const story = follow(intent.events())
    await net.time.advance(1_000)
    b.listening = 'refuse'
    for (const connection of a.connections) connection.abort(new Error('cut'))
    await net.time.advance(600)
    b.listening = 'connect'
    await net.time.advance(3_000)
    expect(story.slice(0, 2)).toEqual(['up', 'down lost'])
    expect(story.at(-1)).toBe('up')
    intent.release()
    intent.release()
    expect(await intent.ended).toEqual({ type: 'released' })
    await net.time.advance(0)
    expect(story.slice(-2)).toEqual(['ended released', 'over'])
  })

  test('PSM-A7: five wishes while one connection is being made share its session; a sixth, made as it ends, gets the next', async () => {
    const { net, a, b } = await pair()
    const five = Array.from({ length: 5 }, (_, n) => a.want(b, n % 2 === 0 ? 'once' : 'continuous'))
    let sixth: ReturnType<FakeNode['want']> | undefined
    a.peers.onSession(event => {
      if (event.type === 'down') sixth ??= a.want(b, 'once')
    })
    await net.time.advance(1_000)
    expect(net.dials).toHaveLength(1)
    expect(new Set(five.map(intent => intent.session)).size).toBe(1)
    for (const intent of five) if (intent.mode === 'continuous') intent.release()
    for (const connection of a.connections) connection.abort(new Error('cut'))
    await net.time.advance(0)
    expect(sixth).toBeDefined()
    const ends = await Promise.all(five.map(intent => intent.ended))
    expect(ends.map(end => end.type)).toEqual(['closed', 'released', 'closed', 'released', 'closed'])
    await net.time.advance(1_000)
    expect(sixth?.session).toBe(a.peers.sessions()[0])
    expect(a.story).toEqual(['up', 'down lost', 'up'])
  })

  test('PSM-D13: a continuous wish that joins a once-only session is continuous all the same', async () => {
    const { net, a, b } = await pair()
    const once = a.want(b, 'once')
    await net.time.advance(1_000)
    const continuous = a.want(b, 'continuous')
    expect(continuous.session).toBe(once.session)
    for (const connection of a.connections) connection.abort(new Error('cut'))
    await net.time.advance(2_000)
    expect(await once.ended).toEqual({ type: 'closed', reason: 'lost' })
    expect(continuous.session).toBe(a.peers.sessions()[0])
  })

  test('an update changes the mode and adds addresses', async () => {
    const { net, a, b } = await pair()
    const intent = a.peers.want(b.peers.self, { mode: 'continuous' })
    await net.time.advance(1_000)
    expect(a.story[0]).toBe('failed DialError')
    await net.time.advance(600_000)
    intent.update({ addresses: [b.address] })
    await net.time.advance(2_000)
    expect(a.story.at(-1)).toBe('up')
    intent.update({ mode: 'once' })
    expect(intent.mode).toBe('once')
    expect(() => intent.update({ mode: 'never' as 'once' })).toThrow(TypeError)
    for (const connection of a.connections) connection.abort(new Error('cut'))
    expect(await intent.ended).toEqual({ type: 'closed', reason: 'lost' })
    intent.update({ mode: 'continuous' })
    await net.time.advance(60_000)
    expect(a.peers.sessions()).toEqual([])
  })

  test('a better connection is no end of it, nor is a restarted process at the other end', async () => {
    const { net, a, b } = await pair()
    const intent = a.want(b, 'once')
    const story = follow(intent.events())
    await net.time.advance(1_000)
    const twin = await net.twin(b)
    twin.want(a)
    await net.time.advance(1_000)
    expect(story).toEqual(['up', 'down replaced', 'up'])
    expect(intent.session).toBe(a.peers.sessions()[0])
    intent.release()
  })

  test('a wish that waits gives up with its signal, and the intent goes on', async () => {
    const { net, a, b } = await pair()
    b.listening = 'hang'
    const intent = a.want(b)
    const abort = new AbortController()
    const waiting = intent.whenUp({ signal: abort.signal }).catch((error: unknown) => error)
    abort.abort(new Error('enough'))
    expect(await waiting).toMatchObject({ message: 'enough' })
    await expect(intent.whenUp({ signal: abort.signal })).rejects.toThrow('enough')
    b.listening = 'connect'
    await net.time.advance(10_000)
    expect(intent.session).toBeDefined()
  })

  test('PSM-A6: ten dials in flight, and stopping tells every wish at once', async () => {
    const net = newNet()
    const a = await net.add()
    const intents = []
    for (let n = 0; n < 10; n++) {
      const hole = await net.add()
      hole.listening = 'hang'
      intents.push(a.want(hole, n % 2 === 0 ? 'once' : 'continuous'))
    }
    await net.time.advance(100)
    const waiting = intents.map(intent => intent.whenUp().catch((error: unknown) => error))
    let stopped = false
    void a.peers.stop().then(() => {
      stopped = true
    })
    const ends = await Promise.all(intents.map(intent => intent.ended))
    expect(ends).toEqual(intents.map(() => ({ type: 'stopped' })))
    for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(IntentEndedError)
    await net.time.advance(0)
    expect(stopped).toBe(true)
  })

  test('stopping tells those in session too, and a wish while stopping is over from the start', async () => {
    const { net, a, b } = await pair()
    const intent = a.want(b)
    const story = follow(intent.events())
    await net.time.advance(1_000)
    void a.peers.stop()
    const late = a.want(b)
    expect(await late.ended).toEqual({ type: 'stopped' })
    expect(await intent.ended).toEqual({ type: 'stopped' })
    await net.time.advance(3_000)
    expect(story).toEqual(['up', 'down stopped', 'ended stopped', 'over'])
  })

  test('a reader that never reads costs a bounded buffer, and is told what it lost', async () => {
    const { net, a, b } = await pair()
    b.listening = 'refuse'
    const intent = a.want(b)
    const events = intent.events({ bufferMax: 3 })
    await net.time.advance(3_600_000)
    intent.release()
    const got: (IntentEvent | Lagged)[] = []
    for await (const event of events) got.push(event)
    expect(got.map(event => event.type)).toEqual(['lagged', 'failed', 'failed', 'ended'])
    expect((got[0] as Lagged).missed).toBeGreaterThan(10)
    expect(() => a.want(b).events({ bufferMax: 0 })).toThrow(RangeError)
  })

  test('bad times and too many wishes are refused', async () => {
    const { a, b } = await pair()
    for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => a.peers.want(b.peers.self, { mode: 'once', timeoutMs })).toThrow(RangeError)
    }
    for (let n = 0; n < INTENTS_PER_PEER_MAX; n++) a.want(b)
    expect(() => a.want(b)).toThrow(/release those/)
  })
})
