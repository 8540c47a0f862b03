import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError } from '@starling/codec'
import { backoffMs } from '../src/backoff.ts'
import { seededRandom } from '@starling/ports'
import {
  DATA_OVERHEAD_BYTES,
  decodeFrame,
  decodeHello,
  decodeReply,
  encodeData,
  encodeFrame,
  encodeHello,
  encodeReply,
  type Frame
} from '../src/wire.ts'

const round = fc.record({ number: fc.integer({ min: 0, max: 2 ** 40 }), byOpener: fc.boolean() })
const payload = fc.uint8Array({ maxLength: 40 })

function encode(frame: Frame): Uint8Array {
  return frame.type === 'data' ? encodeData(frame.round, frame.payload) : encodeFrame(frame.type, frame.round)
}

function refusedOrCanonical<T>(
  bytes: Uint8Array,
  decode: (input: Uint8Array) => T,
  again: (value: T) => Uint8Array
): void {
  let value: T
  try {
    value = decode(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    return
  }
  expect(again(value)).toEqual(bytes)
}

test('frames, hellos and replies read back as written, within the stated overhead', () =>
  fc.assert(
    fc.property(
      round,
      payload,
      fc.constantFrom('begin' as const, 'end' as const, 'abort' as const),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom('accepted' as const, 'unknownTopic' as const, 'busy' as const, 'version' as const),
      (id, bytes, type, token, verdict) => {
        expect(decodeFrame(encodeFrame(type, id))).toEqual({ type, round: id })
        const data = encodeData(id, bytes)
        expect(data.length - bytes.length).toBeLessThanOrEqual(DATA_OVERHEAD_BYTES)
        expect(decodeFrame(data)).toEqual({ type: 'data', round: id, payload: bytes })
        expect(decodeHello(encodeHello(token))).toEqual({ version: 1, token })
        expect(decodeReply(encodeReply(verdict))).toBe(verdict)
      }
    )
  ))

test('any bytes are refused with DecodeError, or are the one encoding of what they mean', () =>
  fc.assert(
    fc.property(fc.oneof(payload, fc.tuple(fc.integer({ min: 3, max: 6 }), payload)), drawn => {
      const bytes = Array.isArray(drawn) ? Uint8Array.of(drawn[0], ...drawn[1]) : drawn
      refusedOrCanonical(bytes, decodeFrame, encode)
      refusedOrCanonical(bytes, decodeReply, encodeReply)
    })
  ))

test('a backoff doubles within its bounds and is never less than the least', () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer(), (failures, seed) => {
      const config = { backoffMsMin: 1_000, backoffMsMax: 300_000 }
      const delay = backoffMs(failures, config, seededRandom(seed))
      const whole = Math.min(300_000, 1_000 * 2 ** failures)
      expect(delay).toBeGreaterThanOrEqual(Math.max(1_000, whole / 2))
      expect(delay).toBeLessThanOrEqual(whole)
    })
  ))
