import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PreambleParser, decodeVerdict, encodePreamble, encodeVerdict } from '../src/preamble.ts'
import { concat, cutAt } from '../src/contract/probes.ts'

const tag = fc.uint8Array({ minLength: 1, maxLength: 255 })

/** Feeds pieces until the parser is done; returns the tag and what follows it. */
function parse(pieces: readonly Uint8Array[]): { tag: Uint8Array; rest: Uint8Array } | string {
  const parser = new PreambleParser()
  for (const [i, piece] of pieces.entries()) {
    const progress = parser.push(piece)
    if (progress.type === 'incomplete') continue
    if (progress.type === 'malformed') return 'malformed'
    return { tag: progress.tag, rest: concat([piece.subarray(progress.used), ...pieces.slice(i + 1)]) }
  }
  return 'incomplete'
}

describe('the preamble parser', () => {
  test('finds the tag and leaves exactly the payload, however the bytes are cut (MUX-I1)', () => {
    fc.assert(
      fc.property(tag, fc.uint8Array({ maxLength: 600 }), fc.array(fc.nat(900)), (tag, payload, places) => {
        const pieces = cutAt(encodePreamble(tag, payload), places)
        expect(parse(pieces)).toEqual({ tag, rest: new Uint8Array(payload) })
      })
    )
  })

  test('does so for every single cut, and for one byte at a time', () => {
    const whole = encodePreamble(Uint8Array.of(1, 2, 3, 255, 0), Uint8Array.of(9, 8))
    const expected = { tag: Uint8Array.of(1, 2, 3, 255, 0), rest: Uint8Array.of(9, 8) }
    for (let at = 0; at < whole.length; at++) expect(parse(cutAt(whole, [at]))).toEqual(expected)
    expect(parse([...whole].map(byte => Uint8Array.of(byte)))).toEqual(expected)
    expect(parse([new Uint8Array(0), whole, new Uint8Array(0)])).toEqual(expected)
  })

  test('refuses a length of 0 as malformed and not as an empty tag (MUX-D10)', () => {
    expect(parse([Uint8Array.of(0)])).toBe('malformed')
    expect(parse([Uint8Array.of(0, 1, 97)])).toBe('malformed')
  })

  test('asks for more as long as a byte is missing', () => {
    fc.assert(
      fc.property(tag, fc.nat(254), (tag, missing) => {
        const whole = encodePreamble(tag)
        const short = whole.subarray(0, Math.max(whole.length - 1 - missing, 0))
        expect(parse([short])).toBe('incomplete')
      })
    )
  })

  test('keeps nothing of the piece it was given', () => {
    const parser = new PreambleParser()
    const piece = Uint8Array.of(2, 97)
    parser.push(piece)
    piece.fill(0)
    expect(parser.push(Uint8Array.of(98))).toEqual({ type: 'complete', tag: Uint8Array.of(97, 98), used: 1 })
  })

  test('gives every verdict a byte of its own', () => {
    const verdicts = ['accepted', 'unknownTag', 'busy', 'malformed', 'timeout', 'closing'] as const
    expect(verdicts.map(encodeVerdict)).toEqual([0, 1, 2, 3, 4, 5])
    expect(verdicts.map(verdict => decodeVerdict(encodeVerdict(verdict)))).toEqual([...verdicts])
    expect(decodeVerdict(6)).toBeUndefined()
  })
})
