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
const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength })
const metadata = fc
  .uniqueArray(fc.tuple(text(8), text(12)), {
    maxLength: 16,
    selector: ([key]) => key
  })
  .map(pairs => Object.fromEntries(pairs.filter(([key]) => key.length > 0)))

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
  fc.record({ type: fc.constant('about' as const), metadata }),
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
        expect(bytes.length).toBeLessThanOrEqual(sent.type === 'about' ? 1_074 : 256)
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
    expect(() => decodeMessage(new Uint8Array(1_075).fill(11))).toThrow(DecodeError)
  })
})

describe('what a node says of itself', () => {
  const about = (...body: number[]): Uint8Array => Uint8Array.of(11, ...body)
  const a = [1, 97]
  const b = [1, 98]

  test('is sorted by key, whatever order it was given in', () => {
    expect(encodeMessage({ type: 'about', metadata: { b: '', a: 'x' } })).toEqual(
      about(2, ...a, 1, 120, ...b, 0)
    )
  })

  test.each([
    ['keys out of order', about(2, ...b, 0, ...a, 0)],
    ['a key twice', about(2, ...a, 0, ...a, 0)],
    ['an empty key', about(1, 0, 0)],
    ['text that is no UTF-8', about(1, ...a, 1, 255)],
    ['more pairs than it says', about(1, ...a, 0, ...b, 0)],
    ['fewer pairs than it says', about(2, ...a, 0)],
    ['more than 16 pairs', about(17, ...Array.from({ length: 17 }, (_, i) => [1, 97 + i, 0]).flat())],
    ['a key of 65 bytes', about(1, 65, ...new Uint8Array(65).fill(97), 0)],
    ['1,025 bytes', about(1, ...a, 0x80, 0x08, ...new Uint8Array(1_024).fill(97))]
  ])('with %s is refused', (_, bytes) => {
    expect(() => decodeMessage(bytes)).toThrow(DecodeError)
  })

  test('as much as there may be is read', () => {
    const pairs = Array.from({ length: 16 }, (_, i) => [`key ${String(i).padStart(2, '0')}`, 'x'.repeat(58)])
    const metadata = Object.fromEntries(pairs)
    expect(decodeMessage(encodeMessage({ type: 'about', metadata }))).toEqual({ type: 'about', metadata })
    const longest = { type: 'about', metadata: { ['k'.repeat(64)]: 'v'.repeat(960) } } as const
    expect(decodeMessage(encodeMessage(longest))).toEqual(longest)
  })
})
