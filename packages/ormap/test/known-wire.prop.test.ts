import { DecodeError } from '@starling/codec'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeKnown, encodeKnown, KNOWN_IDS_MAX, NOTHING_KNOWN, type KnownStamps } from '../src/index.ts'
import { id } from './entries.ts'
import { runs } from './runs.ts'

const arbitraryStamps: fc.Arbitrary<KnownStamps> = fc
  .uniqueArray(fc.tuple(fc.constantFrom('1', '2', 'a', 'b', 'f'), fc.bigInt({ min: 1n, max: 4n })), {
    selector: ([digit]) => digit
  })
  .map(list => new Map(list.map(([digit, stamp]) => [id(digit), stamp])))

const sorted = (stamps: KnownStamps) => [...stamps].sort(([a], [b]) => (a < b ? -1 : 1))

test('what is known comes back from its difference to anything, and to nothing else', () => {
  fc.assert(
    fc.property(arbitraryStamps, arbitraryStamps, arbitraryStamps, (stamps, base, other) => {
      const bytes = encodeKnown(stamps, base, systemHash)
      expect(sorted(decodeKnown(bytes, base, systemHash, 4n))).toEqual(sorted(stamps))
      if (JSON.stringify([...sorted(base)].map(String)) === JSON.stringify([...sorted(other)].map(String)))
        return
      let found: KnownStamps = stamps
      try {
        found = decodeKnown(bytes, other, systemHash, 4n)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
      expect(sorted(found)).toEqual(sorted(stamps))
    }),
    runs(10_000)
  )
})

test('any bytes are what a peer knows in canonical form, or a DecodeError', () => {
  const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3 })
  fc.assert(
    fc.property(arbitraryStamps, arbitraryStamps, changes, fc.nat(80), (stamps, base, edits, cut) => {
      const bytes = encodeKnown(stamps, base, systemHash)
      for (const [at, to] of edits) bytes[at % bytes.length] = to
      const input = cut < 20 ? bytes.subarray(0, cut) : bytes
      try {
        const known = decodeKnown(input, base, systemHash, 4n)
        expect(encodeKnown(known, base, systemHash)).toEqual(input)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
    runs(10_000)
  )
})

test('a false count is refused before anything is read, and so are a stamp of 0 and one of the future', () => {
  const reason = (...bytes: number[]) => {
    try {
      decodeKnown(Uint8Array.from(bytes), NOTHING_KNOWN, systemHash, 4n)
    } catch (error) {
      return error instanceof DecodeError && error.reason
    }
    return 'accepted'
  }
  expect(reason(2)).toBe('unknownType')
  expect(reason(1, 0xff, 0xff, 0xff, 0x7f)).toBe('tooLong')
  expect(reason(1, 0xff, 0x7f)).toBe('truncated')
  expect(reason(1, 1, ...new Uint8Array(7), 1, ...new Uint8Array(8), 0, ...new Uint8Array(16))).toBe(
    'invalid'
  )
  const future = encodeKnown(new Map([[id('a'), 5n]]), NOTHING_KNOWN, systemHash)
  expect(reason(...future)).toBe('outOfRange')
  const tooMany = Array.from(
    { length: KNOWN_IDS_MAX + 1 },
    (_, i) => [i.toString(16).padStart(16, '0'), 1n] as const
  )
  const half = new Map(tooMany.slice(0, 40_000))
  const bytes = encodeKnown(new Map(tooMany), half, systemHash)
  expect(() => decodeKnown(bytes, half, systemHash, 4n)).toThrow('tooLong')
})

test('an idle pair exchanges a few bytes, whatever it knows', () => {
  const stamps = new Map(Array.from({ length: 1000 }, (_, i) => [i.toString(16).padStart(16, '0'), 7n]))
  expect(encodeKnown(stamps, NOTHING_KNOWN, systemHash).length).toBe(1 + 2 + 16_000 + 1 + 16)
  expect(encodeKnown(stamps, stamps, systemHash).length).toBe(19)
})
