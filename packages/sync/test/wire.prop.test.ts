import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError } from '@starling/codec'
import { backoffMs } from '../src/backoff.ts'
import { seededRandom } from '@starling/ports'
import {
  decodeHello,
  decodePush,
  decodePushReply,
  decodeReply,
  encodeHello,
  encodePush,
  encodePushReply,
  encodeReply,
  PUSH_OVERHEAD_BYTES
} from '../src/wire.ts'

const id = fc.integer({ min: 0, max: 2 ** 40 })
const payload = fc.uint8Array({ maxLength: 40 })
const token = fc.uint8Array({ minLength: 32, maxLength: 32 })

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

test('hellos, replies, pushes and answers read back as written, within the stated overhead', () =>
  fc.assert(
    fc.property(
      id,
      payload,
      token,
      fc.constantFrom('failed' as const, 'unknownTopic' as const, 'unserved' as const, 'busy' as const),
      fc.constantFrom('accepted' as const, 'unknownTopic' as const, 'busy' as const, 'version' as const),
      (number, bytes, of, reason, verdict) => {
        const push = encodePush({ id: number, token: of, payload: bytes })
        expect(push.length - bytes.length).toBeLessThanOrEqual(PUSH_OVERHEAD_BYTES)
        expect(decodePush(push)).toEqual({ id: number, token: of, payload: bytes })
        for (const reply of [
          { id: number, payload: bytes },
          { id: number, reason }
        ]) {
          expect(decodePushReply(encodePushReply(reply))).toEqual(reply)
        }
        expect(decodeHello(encodeHello(of))).toEqual({ version: 2, token: of })
        expect(decodeReply(encodeReply(verdict))).toBe(verdict)
      }
    )
  ))

test('any bytes are refused with DecodeError, or are the one encoding of what they mean', () =>
  fc.assert(
    fc.property(fc.oneof(payload, fc.tuple(fc.integer({ min: 1, max: 4 }), payload, token)), drawn => {
      const bytes = drawn instanceof Uint8Array ? drawn : Uint8Array.of(drawn[0], ...drawn[1], ...drawn[2])
      refusedOrCanonical(bytes, decodePush, encodePush)
      refusedOrCanonical(bytes, decodePushReply, encodePushReply)
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
