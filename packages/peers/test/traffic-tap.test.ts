import type { Connection, Stream } from '@libp2p/interface'
import { describe, expect, test } from 'vitest'
import { TrafficTap } from '../src/traffic-tap.ts'
import { mute, newNet, pair } from './fake-world.ts'
import { rawSession } from './raw-session.ts'

/** As much of a libp2p stream as a tap meets: bytes wait while nobody listens, and what is put back comes first. */
class FakeStream extends EventTarget {
  readonly #listeners = new Set<unknown>()
  #buffer: number[] = []

  listenerCount(): number {
    return this.#listeners.size
  }

  override addEventListener(type: string, listener: (event: Event) => void): void {
    this.#listeners.add(listener)
    super.addEventListener(type, listener)
    queueMicrotask(() => this.#dispatch())
  }

  override removeEventListener(type: string, listener: (event: Event) => void): void {
    this.#listeners.delete(listener)
    super.removeEventListener(type, listener)
  }

  receive(byte: number): void {
    this.#buffer.push(byte)
    this.#dispatch()
  }

  unshift(bytes: number[]): void {
    this.#buffer.unshift(...bytes)
  }

  #dispatch(): void {
    if (this.#listeners.size === 0 || this.#buffer.length === 0) return
    const data = this.#buffer
    this.#buffer = []
    this.dispatchEvent(Object.assign(new Event('message'), { data }))
  }
}

function tapped(...streams: FakeStream[]): { tap: TrafficTap; heard: () => number } {
  let heard = 0
  const connection = { streams } as unknown as Pick<Connection, 'streams'>
  const tap = new TrafficTap(connection, () => heard++)
  return { tap, heard: () => heard }
}

describe('the tap on the traffic of a connection', () => {
  test('hears the first bytes on any stream, once, and then leaves', () => {
    const [one, two] = [new FakeStream(), new FakeStream()]
    const got: number[] = []
    for (const stream of [one, two]) {
      stream.addEventListener('message', event => got.push(...(event as unknown as { data: number[] }).data))
    }
    const { tap, heard } = tapped(one, two)
    tap.arm()
    tap.arm()
    expect([one.listenerCount(), two.listenerCount()]).toEqual([2, 2])
    two.receive(1)
    two.receive(2)
    one.receive(3)
    expect(heard()).toBe(1)
    expect(got).toEqual([1, 2, 3])
    expect([one.listenerCount(), two.listenerCount()]).toEqual([1, 1])
  })

  test('a stream that nobody reads yet is not touched', () => {
    const stream = new FakeStream()
    const { tap, heard } = tapped(stream)
    tap.arm()
    stream.receive(1)
    expect(stream.listenerCount()).toBe(0)
    expect(heard()).toBe(0)
  })

  test('bytes that come while a stream changes hands reach the next reader, in order', async () => {
    const stream = new FakeStream()
    const first = (): void => {}
    stream.addEventListener('message', first)
    const { tap, heard } = tapped(stream)
    tap.arm()
    stream.removeEventListener('message', first)
    stream.receive(1)
    stream.receive(2)
    expect(heard()).toBe(1)
    const got: number[] = []
    stream.addEventListener('message', event => got.push(...(event as unknown as { data: number[] }).data))
    await Promise.resolve()
    expect(got).toEqual([1, 2])
  })
})

describe('liveness by any traffic', () => {
  test('a peer whose beats are stuck behind other traffic is alive as long as that comes', async () => {
    const { net, a, b } = await pair()
    a.want(b)
    await net.time.advance(1_500)
    const events: string[] = []
    a.peers.onPeer(event => events.push(event.type))
    const stream = new FakeStream()
    stream.addEventListener('message', () => {})
    for (const connection of a.connections) connection.streams.push(stream as unknown as Stream)
    mute(a, b)
    for (let n = 0; n < 60; n++) {
      await net.time.advance(500)
      stream.receive(n)
    }
    expect(events).toEqual([])
    expect(a.story).toEqual(['up'])
    await net.time.advance(7_000)
    expect(events.slice(0, 2)).toEqual(['peer:suspect', 'peer:leave'])
    expect(a.story.slice(0, 2)).toEqual(['up', 'down silent'])
    expect(stream.listenerCount()).toBe(1)
  })
})

describe('a connection in doubt', () => {
  test('a peer that dials although its session stands is believed, once that has been silent for a second', async () => {
    const net = newNet()
    const a = await net.add()
    const b = await net.add()
    // The greater one has dialled, so its connection is the better one while both ends hold it.
    const [greater, lesser] = a.peers.self > b.peers.self ? [a, b] : [b, a]
    greater.want(lesser)
    await net.time.advance(4_000)
    // Only the lesser one's end is gone.
    for (const connection of lesser.connections) {
      connection.mute = true
      connection.abort(new Error('lost'))
    }
    for (const connection of greater.connections) connection.mute = true
    lesser.want(greater)
    await net.time.advance(1_500)
    expect(greater.story.slice(0, 2)).toEqual(['up', 'down silent'])
    expect(greater.peers.stats().probes).toBe(1)
    await net.time.advance(4_000)
    expect(greater.peers.sessions()).toHaveLength(1)
    expect(lesser.peers.sessions()).toHaveLength(1)
  })

  test('one that still answers is kept', async () => {
    const net = newNet()
    const a = await net.add()
    const b = await net.add()
    const [greater, lesser] = a.peers.self > b.peers.self ? [a, b] : [b, a]
    greater.want(lesser)
    await net.time.advance(4_000)
    const incarnation = BigInt(`0x${greater.peers.peers()[0]?.session?.incarnation ?? ''}`)
    const { received } = await rawSession(net, lesser, greater, incarnation)
    await net.time.advance(3_000)
    expect(received.at(-1)).toMatchObject({ type: 'refuse', code: 'duplicate' })
    expect(greater.story).toEqual(['up'])
    expect(greater.peers.stats()).toMatchObject({ probes: 1, silences: 0 })
  })
})
