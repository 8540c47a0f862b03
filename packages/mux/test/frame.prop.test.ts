import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameError } from '../src/errors.ts'
import {
  CREDIT,
  DATA,
  END,
  END_ACK,
  FrameDecoder,
  HEADER_BYTES,
  PART,
  decodeCredit,
  decodeEnd,
  encodeCredit,
  encodeEnd,
  encodeEndAck,
  writeHeader
} from '../src/frame.ts'
import { concat, cutAt } from '../src/contract/probes.ts'

type Frame = { readonly type: number; readonly body: Uint8Array }

function encode({ type, body }: Frame): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length)
  bytes.set(body, writeHeader(bytes, 0, type, body.length))
  return bytes
}

function decode(pieces: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = []
  const decoder = new FrameDecoder({
    header: () => {},
    frame: (type, body) => frames.push({ type, body: body.slice() })
  })
  for (const piece of pieces) decoder.push(piece)
  return frames
}

const frame = fc.oneof(
  fc.record({ type: fc.constant(DATA), body: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ type: fc.constant(PART), body: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
  fc.record({ type: fc.constant(CREDIT), body: fc.uint8Array({ minLength: 4, maxLength: 4 }) }),
  fc.record({ type: fc.constant(END), body: fc.uint8Array({ minLength: 1, maxLength: 1 }) }),
  fc.record({ type: fc.constant(END_ACK), body: fc.constant(new Uint8Array(0)) })
)

describe('the frame decoder', () => {
  test('returns the frames that were written, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(4000)), (frames, places) => {
        const pieces = cutAt(concat(frames.map(encode)), places)
        expect(decode(pieces)).toEqual(frames.map(({ type, body }) => ({ type, body: new Uint8Array(body) })))
      })
    )
  })

  test('does so one byte at a time', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), frames => {
        const bytes = concat(frames.map(encode))
        const pieces = [...bytes].map(byte => Uint8Array.of(byte))
        expect(decode(pieces)).toEqual(decode([bytes]))
      })
    )
  })

  test('refuses what is no frame from its header alone, and asks the sink before it allocates', () => {
    const refused: readonly (readonly [number, number])[] = [
      [0, 0],
      [6, 0],
      [255, 4],
      [DATA, 65_537],
      [DATA, 0xffffff],
      [PART, 0],
      [PART, 65_537],
      [CREDIT, 3],
      [CREDIT, 5],
      [END, 0],
      [END, 2],
      [END_ACK, 1]
    ]
    for (const [type, length] of refused) {
      const header = new Uint8Array(HEADER_BYTES)
      writeHeader(header, 0, type, length)
      expect(() => decode([header]), `type ${type}, length ${length}`).toThrow(FrameError)
    }
    const decoder = new FrameDecoder({
      header: (type, length) => {
        throw new Error(`not granted: ${type} ${length}`)
      },
      frame: () => {}
    })
    const header = new Uint8Array(HEADER_BYTES)
    writeHeader(header, 0, DATA, 65_536)
    expect(() => decoder.push(header)).toThrow('not granted: 1 65536')
  })

  test('takes any bytes at all without more than one frame error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(200)), (bytes, places) => {
        try {
          decode(cutAt(bytes, places))
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
      })
    )
  })

  test('a body that came in pieces does not change with them', () => {
    const bodies: Uint8Array[] = []
    const decoder = new FrameDecoder({ header: () => {}, frame: (_type, body) => bodies.push(body) })
    const whole = encode({ type: DATA, body: Uint8Array.of(1, 2, 3, 4) })
    for (const piece of cutAt(whole, [2, 5])) {
      const copy = piece.slice()
      decoder.push(copy)
      if (bodies.length === 0) copy.fill(0)
    }
    expect(bodies).toEqual([Uint8Array.of(1, 2, 3, 4)])
  })

  test('control frames round-trip', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0xffffffff }), bytes => {
        expect(decodeCredit(encodeCredit(bytes).subarray(HEADER_BYTES))).toBe(bytes)
      })
    )
    expect(() => decodeCredit(new Uint8Array(4))).toThrow(FrameError)
    expect(decodeEnd(encodeEnd('finished').subarray(HEADER_BYTES))).toBe('finished')
    expect(decodeEnd(encodeEnd('overrun').subarray(HEADER_BYTES))).toBe('overrun')
    expect(decodeEnd(Uint8Array.of(200))).toBe('aborted')
    expect([...encodeEndAck()]).toEqual([5, 0, 0, 0])
    expect([...encodeCredit(1_048_576)]).toEqual([3, 0, 0, 4, 0, 16, 0, 0])
  })
})
