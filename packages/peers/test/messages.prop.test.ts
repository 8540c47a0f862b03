import { DecodeError } from '@starling/codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type Hello, type SessionMessage } from '../src/messages.ts'
import { runs } from './runs.ts'

const block = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const safe = fc.maxSafeNat()
const hello: fc.Arbitrary<Hello> = fc.record({
  clusterHash: block(16),
  incarnation: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  nonce: block(32),
  wallMs: safe,
  proofNeeded: fc.boolean()
})
const range = fc.tuple(u16, u16).map(([a, b]) => ({ versionMin: Math.min(a, b), versionMax: Math.max(a, b) }))
const proof = fc.oneof(block(0), block(32))

const message: fc.Arbitrary<SessionMessage> = fc.oneof(
  fc
    .tuple(range, safe, hello)
    .map(([versions, attempt, body]) => ({ type: 'hello' as const, ...versions, attempt, hello: body })),
  fc.record({ type: fc.constant('helloReply' as const), version: u16, hello }),
  fc.record({ type: fc.constant('proof' as const), proof }),
  fc.record({ type: fc.constant('accept' as const), proof }),
  fc.record({
    type: fc.constant('refuse' as const),
    code: fc.constantFrom(
      'version',
      'cluster',
      'clockSkew',
      'admission',
      'duplicate',
      'malformed',
      'unavailable'
    ),
    versionMin: u16,
    versionMax: u16,
    wallMs: safe
  }),
  fc.record({ type: fc.constant('beat' as const), number: u32, wanted: fc.boolean() }),
  fc.record({ type: fc.constant('beatReply' as const), number: u32 }),
  fc.record({ type: fc.constant('challenge' as const), nonce: block(32) }),
  fc.record({ type: fc.constant('renewal' as const), proof }),
  fc.record({
    type: fc.constant('goodbye' as const),
    code: fc.constantFrom('shutdown', 'duplicate', 'replaced', 'idle', 'refused', 'protocol')
  })
)

describe('messages', () => {
  test('what is encoded is decoded', () => {
    fc.assert(
      fc.property(message, sent => {
        const bytes = encodeMessage(sent)
        expect(bytes.length).toBeLessThanOrEqual(256)
        expect(decodeMessage(bytes)).toEqual(sent)
      }),
      runs(10_000)
    )
  })

  test('any bytes are refused with a DecodeError, or are exactly one message', () => {
    const damaged = fc.tuple(message, fc.nat(), fc.nat(255)).map(([sent, at, value]) => {
      const bytes = encodeMessage(sent).slice()
      bytes[at % bytes.length] = value
      return bytes
    })
    const cut = fc.tuple(message, fc.nat()).map(([sent, length]) => {
      const bytes = encodeMessage(sent)
      return bytes.subarray(0, length % bytes.length)
    })
    let refused = 0
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged, cut), bytes => {
        let decoded: SessionMessage
        try {
          decoded = decodeMessage(bytes)
        } catch (error) {
          refused++
          expect(error).toBeInstanceOf(DecodeError)
          return
        }
        expect(encodeMessage(decoded)).toEqual(Uint8Array.from(bytes))
      }),
      runs(10_000)
    )
    expect(refused).toBeGreaterThan(100)
  })

  test('a message that is longer than the limit is refused', () => {
    expect(() => decodeMessage(new Uint8Array(257).fill(6))).toThrow(DecodeError)
  })
})
