import { compareBytes, DecodeError } from '@starling/codec'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeStamp,
  encodeStamp,
  HybridLogicalClock,
  STAMP_MAX,
  stampOf,
  stampWallMs,
  type Stamp
} from '../src/index.ts'
import { runs } from './runs.ts'

const DRIFT = 50
// Mostly within a few milliseconds of each other: the edges are where one ends and the next begins.
const wall = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }) },
  fc.integer({ min: 0, max: 200 })
)
const stamp = fc.oneof(
  fc
    .tuple(
      fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 300 })),
      fc.constantFrom(0, 1, 2, 65534, 65535)
    )
    .map(([ms, counter]) => stampOf(ms, counter)),
  fc.bigInt({ min: 0n, max: STAMP_MAX })
)

type Step =
  | { type: 'now'; wallMs: number }
  | { type: 'receive'; wallMs: number; stamp: Stamp }
  | { type: 'receiveMax'; wallMs: number; stamps: Stamp[] }
  | { type: 'restart' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('now' as const), wallMs: wall }),
  fc.record({ type: fc.constant('receive' as const), wallMs: wall, stamp }),
  fc.record({
    type: fc.constant('receiveMax' as const),
    wallMs: wall,
    stamps: fc.array(stamp, { maxLength: 4 })
  }),
  fc.record({ type: fc.constant('restart' as const) })
)

test('stamps strictly increase over the whole life, exceed all that was accepted, and no peer pushes the clock far', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, reserving) => {
      let stored = 0n
      const start = () =>
        new HybridLogicalClock({
          floor: stored,
          driftMsMax: DRIFT,
          reserveMs: 20,
          ...(reserving ? { onReserve: (reserved: Stamp) => (stored = reserved) } : {})
        })
      let clock = start()
      let greatest = 0n
      let issued = -1n
      for (const each of steps) {
        if (each.type === 'now') {
          const next = clock.now(each.wallMs)
          expect(next).toBeGreaterThan(issued)
          expect(next).toBeGreaterThan(greatest)
          expect(next).toBeGreaterThanOrEqual(stampOf(each.wallMs))
          issued = greatest = next
          if (!reserving) stored = next
        } else if (each.type === 'restart') {
          clock = start()
          // What was accepted and not stored is forgotten with the process; what was issued is not.
          greatest = issued
        } else {
          const before = clock.last
          const stamps = each.type === 'receive' ? [each.stamp] : each.stamps
          const result =
            each.type === 'receive'
              ? clock.receive(each.stamp, each.wallMs)
              : clock.receiveMax(stamps, each.wallMs)
          const aheadMs = Math.max(...stamps.map(stampWallMs), 0) - each.wallMs
          expect(result).toEqual(aheadMs > DRIFT ? { ok: false, reason: 'future', aheadMs } : { ok: true })
          if (result.ok) {
            for (const one of stamps) if (one > greatest) greatest = one
            const limit = stampOf(each.wallMs + DRIFT, 65535)
            expect(clock.last).toBeLessThanOrEqual(before > limit ? before : limit)
          } else {
            expect(clock.last).toBe(before)
          }
        }
      }
    }),
    runs(10_000)
  )
})

test('the encoding keeps the order bytewise and comes back', () => {
  fc.assert(
    fc.property(stamp, stamp, (a, b) => {
      expect(decodeStamp(encodeStamp(a))).toBe(a)
      const order = compareBytes(encodeStamp(a), encodeStamp(b))
      expect(Math.sign(order)).toBe(a < b ? -1 : a > b ? 1 : 0)
    }),
    runs(10_000)
  )
})

test('any bytes are a stamp or a DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
      if (bytes.length === 8) {
        expect(encodeStamp(decodeStamp(bytes))).toEqual(bytes)
        expect(() => new HybridLogicalClock().receive(decodeStamp(bytes), 1000)).not.toThrow()
      } else {
        expect(() => decodeStamp(bytes)).toThrow(DecodeError)
      }
    }),
    runs(10_000)
  )
})
