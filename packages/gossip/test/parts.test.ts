import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import type { TimerHandle } from '@starling/ports'
import { describe, expect, test } from 'vitest'
import { decodeAddresses, encodeAddresses } from '../src/addresses.ts'
import { gossipConfig } from '../src/config.ts'
import { decodeBatch, encodeBatch, encodeFrame, type Frame } from '../src/frames.ts'
import { Offences } from '../src/offences.ts'
import { TimerQueue } from '../src/timer-queue.ts'
import { topicToken } from '../src/topic-token.ts'
import { runs } from './runs.ts'

const handle = fc.nat(2 ** 21 - 1)
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constant('bind' as const),
    handle,
    token: fc.uint8Array({ minLength: 16, maxLength: 16 })
  }),
  fc.record({
    type: fc.constantFrom('overlay' as const, 'tree' as const),
    handle,
    body: fc.uint8Array({ maxLength: 50 })
  }),
  fc.record({ type: fc.constantFrom('unknown' as const, 'stranger' as const, 'unbind' as const), handle })
)

describe('frames', () => {
  test('survive a batch', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), frames => {
        expect(decodeBatch(encodeBatch(frames.map(encodeFrame)))).toEqual(frames)
      }),
      runs(10_000)
    )
  })

  test('arbitrary bytes are frames or not, and never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        for (const decoded of decodeBatch(bytes)) {
          if (decoded !== undefined)
            expect(decodeBatch(encodeBatch([encodeFrame(decoded)]))).toEqual([decoded])
        }
      }),
      runs(10_000)
    )
  })

  test('a bad frame does not spoil the next', () => {
    const good = encodeFrame({ type: 'unknown', handle: 3 })
    expect(decodeBatch(encodeBatch([new Uint8Array([77, 0]), good]))).toEqual([
      undefined,
      { type: 'unknown', handle: 3 }
    ])
  })
})

describe('addresses', () => {
  test('travel as far as they fit', () => {
    const short = ['/ip4/10.0.0.1/udp/4001/quic-v1', '/dns4/seed.internal/udp/4001/quic-v1']
    expect(decodeAddresses(encodeAddresses(short, 512))).toEqual(short)
    expect(decodeAddresses(encodeAddresses(short, 40))).toEqual(short.slice(0, 1))
    const many = Array.from({ length: 20 }, (_, index) => `/ip4/10.0.0.${index}/udp/1/quic-v1`)
    expect(decodeAddresses(encodeAddresses(many, 512))).toEqual(many.slice(0, 8))
    expect(encodeAddresses(many, 512).length).toBeLessThanOrEqual(512)
    expect(decodeAddresses(encodeAddresses(['x'.repeat(400)], 512))).toEqual([])
  })

  test('that cannot be read are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        expect(decodeAddresses(bytes).length).toBeLessThanOrEqual(8)
      })
    )
    expect(decodeAddresses(undefined)).toEqual([])
  })
})

test('a token depends on topic, sender and receiver', () => {
  const hmac = (key: Uint8Array, bytes: Uint8Array) =>
    new Uint8Array(createHmac('sha256', key).update(bytes).digest())
  const tokens = [
    topicToken(hmac, 't', 'a', 'b'),
    topicToken(hmac, 't', 'b', 'a'),
    topicToken(hmac, 'u', 'a', 'b'),
    topicToken(hmac, 't', 'a', 'c')
  ].map(token => token.join())
  expect(new Set(tokens).size).toBe(4)
  expect(topicToken(hmac, 't', 'a', 'b')).toHaveLength(16)
})

describe('the timer queue', () => {
  /** A platform that runs one timer at a time, by hand. */
  function platform() {
    let nowMs = 0
    const pending = new Set<{ atMs: number; task: () => void }>()
    return {
      pending,
      clock: { wallMs: () => 0, monotonicMs: () => nowMs },
      timers: {
        schedule(delayMs: number, task: () => void): TimerHandle {
          const entry = { atMs: nowMs + delayMs, task }
          pending.add(entry)
          return { cancel: () => pending.delete(entry) }
        }
      },
      runUntil(untilMs: number): void {
        for (;;) {
          const next = [...pending].toSorted((a, b) => a.atMs - b.atMs)[0]
          if (next === undefined || next.atMs > untilMs) break
          pending.delete(next)
          nowMs = Math.max(nowMs, next.atMs)
          next.task()
        }
        nowMs = untilMs
      }
    }
  }

  test('runs tasks in order of time, then of scheduling, over one timer', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 40 }), delays => {
        const world = platform()
        const queue = new TimerQueue(world.clock, world.timers)
        const ran: number[] = []
        delays.forEach((delayMs, index) => queue.schedule(delayMs, () => ran.push(index)))
        expect(world.pending.size).toBeLessThanOrEqual(1)
        world.runUntil(100)
        const expected = delays
          .map((_, index) => index)
          .toSorted((a, b) => (delays[a] ?? 0) - (delays[b] ?? 0) || a - b)
        expect(ran).toEqual(expected)
        expect(world.pending.size).toBe(0)
      })
    )
  })

  test('forgets everything when stopped, also from inside a task', () => {
    const world = platform()
    const queue = new TimerQueue(world.clock, world.timers)
    const ran: string[] = []
    queue.schedule(5, () => {
      ran.push('first')
      queue.stop()
    })
    queue.schedule(5, () => ran.push('second'))
    queue.schedule(9, () => ran.push('third'))
    world.runUntil(20)
    queue.schedule(1, () => ran.push('late'))
    world.runUntil(40)
    expect(ran).toEqual(['first'])
    expect(world.pending.size).toBe(0)
  })
})

test('offences are forgotten after a minute, and shut out for one', () => {
  const offences = new Offences(2)
  expect([offences.strike(0), offences.strike(1), offences.strike(2)]).toEqual([false, false, true])
  expect([offences.shut(3), offences.shut(60_003)]).toEqual([true, false])
  expect([offences.strike(60_010), offences.strike(120_020), offences.strike(120_021)]).toEqual([
    false,
    false,
    false
  ])
})

test('a setting that is not positive is refused', () => {
  expect(() => gossipConfig({ holdMs: 0 })).toThrow(RangeError)
  expect(() => gossipConfig({ strikesMax: Number.NaN })).toThrow(RangeError)
})
