import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError, encodeFrame, FrameDecoder } from '../src/index.ts'
import { runs } from './runs.ts'

const BYTES_MAX = 200

/** Frames, and then bytes that may break the stream or cut it. */
const stream = fc
  .tuple(
    fc.array(fc.uint8Array({ maxLength: BYTES_MAX }), { maxLength: 5 }),
    fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 12 }))
  )
  .map(([payloads, tail]) => Buffer.concat([...payloads.map(each => encodeFrame(each, BYTES_MAX)), tail]))

interface Outcome {
  readonly frames: readonly string[]
  readonly end: string
}

function decode(chunks: readonly Uint8Array[]): Outcome {
  const decoder = new FrameDecoder(BYTES_MAX)
  const frames: string[] = []
  try {
    for (const chunk of chunks) {
      decoder.push(chunk, payload => frames.push(Buffer.from(payload).toString('hex')))
      expect(decoder.pending).toBeLessThanOrEqual(BYTES_MAX + 8)
    }
    decoder.end()
    return { frames, end: 'whole' }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { frames, end: `${error.reason}@${error.offset}` }
  }
}

test('any cutting of the bytes gives the same frames, and the same end', () => {
  let whole = 0
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
      const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
      const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end))
      const outcome = decode([bytes])
      if (outcome.end === 'whole') whole++
      expect(decode(chunks)).toEqual(outcome)
      expect(decode(Array.from(bytes, byte => Uint8Array.of(byte)))).toEqual(outcome)
    }),
    runs(10_000)
  )
  expect(whole).toBeGreaterThan(1000)
})

test('what is written as frames is read as the same frames', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: BYTES_MAX }), { maxLength: 8 }), payloads => {
      const bytes = Buffer.concat(payloads.map(each => encodeFrame(each, BYTES_MAX)))
      expect(decode([bytes])).toEqual({
        frames: payloads.map(each => Buffer.from(each).toString('hex')),
        end: 'whole'
      })
    }),
    runs(2000)
  )
})
