import { DecodeError } from '@starling/codec'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeFingerprint, encodeFingerprint, Fingerprint, wireFingerprint } from '../src/index.ts'
import { runs } from './runs.ts'

const MODULUS = 2n ** 256n
const toBigint = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
const edge = fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff)
// Whole words of ones and zeros, so that carries and borrows run through many limbs.
const hash = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.array(edge, { minLength: 32, maxLength: 32 }).map(list => Uint8Array.from(list)),
  fc
    .array(fc.constantFrom(0x00, 0xff), { minLength: 8, maxLength: 8 })
    .map(list => Uint8Array.from(list.flatMap(b => [b, b, b, b])))
)
const set = fc.array(hash, { maxLength: 12 })
const of = (hashes: readonly Uint8Array[]) => hashes.reduce((sum, each) => sum.add(each), new Fingerprint())

describe('Fingerprint', () => {
  test('is the sum modulo 2^256 and the count', () => {
    fc.assert(
      fc.property(set, hashes => {
        const fingerprint = of(hashes)
        expect(toBigint(fingerprint.sum)).toBe(
          hashes.reduce((sum, each) => sum + toBigint(each), 0n) % MODULUS
        )
        expect(fingerprint.count).toBe(hashes.length)
      }),
      runs(2000)
    )
  })

  test('removing undoes adding, in any order', () => {
    fc.assert(
      fc.property(
        set.chain(hashes =>
          fc.tuple(fc.constant(hashes), fc.shuffledSubarray(hashes, { minLength: hashes.length }), fc.nat())
        ),
        ([hashes, shuffled, cut]) => {
          const kept = shuffled.slice(cut % (shuffled.length + 1))
          const fingerprint = of(hashes)
          for (const each of shuffled.slice(0, cut % (shuffled.length + 1))) fingerprint.remove(each)
          expect(fingerprint.equals(of(kept))).toBe(true)
          expect(toBigint(fingerprint.sum)).toBe(
            kept.reduce((sum, each) => sum + toBigint(each), 0n) % MODULUS
          )
        }
      ),
      runs(2000)
    )
  })

  test('combine is the union and subtract takes it back', () => {
    fc.assert(
      fc.property(set, set, (left, right) => {
        const union = of(left).combine(of(right))
        expect(union.equals(of([...right, ...left]))).toBe(true)
        expect(union.clone().subtract(of(left)).equals(of(right))).toBe(true)
      }),
      runs(2000)
    )
  })

  test('is stored and read back, and other bytes are refused', () => {
    fc.assert(
      fc.property(set, fc.uint8Array({ maxLength: 48 }), (hashes, other) => {
        const fingerprint = of(hashes)
        expect(decodeFingerprint(encodeFingerprint(fingerprint)).equals(fingerprint)).toBe(true)
        try {
          expect(encodeFingerprint(decodeFingerprint(other))).toEqual(other)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      })
    )
  })
})

describe('by example', () => {
  const one = new Uint8Array(32).fill(0xff)

  test('a clone is independent and equality looks at the count as well', () => {
    const fingerprint = new Fingerprint().add(one)
    const copy = fingerprint.clone().add(new Uint8Array(32))
    expect(copy.sum).toEqual(fingerprint.sum)
    expect(copy.equals(fingerprint)).toBe(false)
    expect(fingerprint.count).toBe(1)
  })

  test('on the wire it is the start of the hash of sum and count', () => {
    const expected = systemHash(new Uint8Array([...one, 0, 0, 0, 0, 0, 0, 0, 1])).slice(0, 16)
    expect(wireFingerprint(new Fingerprint().add(one), systemHash)).toEqual(expected)
  })

  test('refuses what cannot be', () => {
    expect(() => new Fingerprint().remove(one)).toThrow(RangeError)
    expect(() => new Fingerprint().subtract(of([one]))).toThrow(RangeError)
    expect(() => new Fingerprint().add(new Uint8Array(31))).toThrow(RangeError)
    expect(() => Fingerprint.of(one, -1)).toThrow(RangeError)
    expect(() => decodeFingerprint(new Uint8Array(40).fill(0xff))).toThrow(DecodeError)
  })
})
