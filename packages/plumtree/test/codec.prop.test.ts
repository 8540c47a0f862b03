import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeMessage,
  defaultConfig,
  encodeMessage,
  GOSSIP_OVERHEAD_BYTES,
  type Message
} from '../src/index.ts'
import { runs } from './runs.ts'

const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('hex'))
const ids = fc.array(id, { maxLength: 20 })
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constant('gossip' as const),
    id,
    origin: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(bytes => Buffer.from(bytes).toString('hex')),
    sequence: fc.maxSafeNat(),
    round: fc.nat(65_535),
    payload: fc.uint8Array({ maxLength: 300 })
  }),
  fc.record({
    type: fc.constant('ihave' as const),
    announcements: fc.array(fc.record({ id, heldMs: fc.nat(3_600_000) }), { maxLength: 20 })
  }),
  fc.record({ type: fc.constant('graft' as const), ids, eager: fc.boolean() }),
  fc.constant({ type: 'prune' as const }),
  fc.record({ type: fc.constant('unavailable' as const), ids })
)

test('every message survives encoding and decoding', () => {
  fc.assert(
    fc.property(message, value => {
      const bytes = encodeMessage(value)
      expect(decodeMessage(bytes, defaultConfig)).toEqual({ ok: true, message: value })
      if (value.type === 'gossip')
        expect(bytes.length - value.payload.length).toBeLessThanOrEqual(GOSSIP_OVERHEAD_BYTES)
    }),
    runs(10_000)
  )
})

test('arbitrary and damaged bytes are decoded or refused, never thrown', () => {
  const damaged = fc.tuple(message, fc.nat(), fc.nat(255), fc.nat(400)).map(([value, at, byte, length]) => {
    const bytes = encodeMessage(value).slice(0, length + 1)
    bytes[at % bytes.length] = byte
    return bytes
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), damaged), bytes => {
      const decoded = decodeMessage(bytes, defaultConfig)
      // What is accepted has one form only: encoding it again gives the same bytes.
      if (decoded.ok) expect(encodeMessage(decoded.message)).toEqual(new Uint8Array(bytes))
    }),
    runs(10_000)
  )
})

test('counts and lengths over the limit are refused', () => {
  const limits = { payloadBytesMax: 4, announcementsMax: 1, graftIdsMax: 1 }
  const one = '00'.repeat(16)
  const origin = '00'.repeat(8)
  const payload = new Uint8Array(5)
  const tooLong = { ok: false, reason: 'tooLong' }
  const decode = (value: Message) => decodeMessage(encodeMessage(value), limits)
  expect(decode({ type: 'gossip', id: one, origin, sequence: 0, round: 0, payload })).toEqual(tooLong)
  expect(decode({ type: 'graft', ids: [one, one], eager: true })).toEqual(tooLong)
  expect(decode({ type: 'unavailable', ids: [one, one] })).toEqual(tooLong)
  const twice = { id: one, heldMs: 0 }
  expect(decode({ type: 'ihave', announcements: [twice, twice] })).toEqual(tooLong)
})
