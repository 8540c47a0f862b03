import { describe, expect, test } from 'vitest'
import { ByteWriter, DecodeError, encodeFrame, FrameDecoder } from '../src/index.ts'

const bytes = (...list: number[]) => Uint8Array.from(list)
const hex = (list: Uint8Array) => Buffer.from(list).toString('hex')
const pushAll = (decoder: FrameDecoder, ...chunks: Uint8Array[]) => {
  const frames: string[] = []
  for (const chunk of chunks) decoder.push(chunk, payload => frames.push(hex(payload)))
  return frames
}
const refusal = (decode: () => unknown) => {
  try {
    decode()
  } catch (error) {
    if (error instanceof DecodeError) return `${error.reason}@${error.offset}`
    throw error
  }
  return 'accepted'
}

describe('encodeFrame', () => {
  test('writes a varint and the bytes, up to the limit', () => {
    expect(hex(encodeFrame(bytes(), 0))).toBe('00')
    expect(hex(encodeFrame(bytes(7, 8), 2))).toBe('020708')
    expect(hex(encodeFrame(new Uint8Array(300), 300)).slice(0, 4)).toBe('ac02')
    expect(() => encodeFrame(bytes(7, 8), 1)).toThrow(RangeError)
  })
})

describe('FrameDecoder', () => {
  test('gives whole frames, however many a chunk completes', () => {
    const decoder = new FrameDecoder(3)
    expect(pushAll(decoder, bytes(1, 0xaa, 0, 3, 0xbb))).toEqual(['aa', ''])
    expect(decoder.pending).toBe(2)
    expect(() => decoder.end()).toThrow(DecodeError)
  })

  test.each([-1, 1.5, Number.NaN, Infinity])('refuses %s as its limit', bytesMax => {
    expect(() => new FrameDecoder(bytesMax)).toThrow(RangeError)
  })

  test('puts a frame together from pieces, and holds nothing between frames', () => {
    const decoder = new FrameDecoder(1000)
    const stream = encodeFrame(
      Uint8Array.from({ length: 1000 }, (_, i) => i),
      1000
    )
    const pieces = Array.from({ length: 251 }, (_, i) => stream.subarray(i * 4, i * 4 + 4))
    expect(pushAll(decoder, ...pieces)).toEqual([hex(stream.subarray(2))])
    expect(decoder.pending).toBe(0)
    expect(() => decoder.end()).not.toThrow()
  })

  test('takes a frame of the greatest length, and refuses one byte more by its length alone', () => {
    expect(pushAll(new FrameDecoder(2), bytes(2, 5, 6))).toEqual(['0506'])
    const decoder = new FrameDecoder(2)
    expect(refusal(() => pushAll(decoder, bytes(0), bytes(3)))).toBe('tooLong@1')
    expect(decoder.pending).toBe(1)
  })

  test('refuses 100 MB before it holds any of them', () => {
    const decoder = new FrameDecoder(65_536)
    const length = new ByteWriter().varint(100_000_000).finish()
    expect(refusal(() => pushAll(decoder, length))).toBe('tooLong@0')
    expect(refusal(() => pushAll(decoder, new Uint8Array(1000)))).toBe('tooLong@0')
    expect(decoder.pending).toBe(length.length)
  })

  test('a length alone makes it hold nothing, where frames may be large', () => {
    const decoder = new FrameDecoder(2 ** 40)
    const length = new ByteWriter().varint(2 ** 40).finish()
    expect(pushAll(decoder, length, bytes(1))).toEqual([])
    expect(decoder.pending).toBe(length.length + 1)
  })

  test.each([
    ['more bytes than it needs', bytes(0x80, 0), 'notShortest@0'],
    ['zero in eight bytes', bytes(...Array(7).fill(0x80), 0), 'notShortest@0'],
    ['2^53', bytes(...Array(7).fill(0x80), 0x10), 'outOfRange@0'],
    ['eight bytes and no end', bytes(...Array(8).fill(0xff)), 'outOfRange@0']
  ])('refuses a length of %s', (_name, chunk, reason) => {
    expect(refusal(() => pushAll(new FrameDecoder(100), chunk))).toBe(reason)
    expect(refusal(() => pushAll(new FrameDecoder(100), ...Array.from(chunk, byte => bytes(byte))))).toBe(
      reason
    )
  })

  test('gives the frames before a broken one, and refuses everything after it with the same error', () => {
    const decoder = new FrameDecoder(5)
    const frames: string[] = []
    const push = (chunk: Uint8Array) => decoder.push(chunk, payload => frames.push(hex(payload)))
    expect(refusal(() => push(bytes(1, 9, 6, 1)))).toBe('tooLong@2')
    expect(frames).toEqual(['09'])
    expect(refusal(() => push(bytes(0)))).toBe('tooLong@2')
    expect(refusal(() => decoder.end())).toBe('tooLong@2')
    expect(frames).toEqual(['09'])
  })

  test.each([
    ['a length', bytes(1, 1, 0x80)],
    ['a body', bytes(1, 1, 2, 1)],
    ['a body of which nothing came', bytes(1, 1, 2)]
  ])('reports a stream that ends inside %s', (_name, chunk) => {
    const decoder = new FrameDecoder(5)
    expect(pushAll(decoder, chunk)).toEqual(['01'])
    expect(refusal(() => decoder.end())).toBe('truncated@2')
  })

  test('a whole frame in one chunk is a view, never of a subclass', () => {
    const chunk = Buffer.from([1, 9])
    const frames: Uint8Array[] = []
    new FrameDecoder(5).push(chunk, payload => frames.push(payload))
    expect(frames[0]?.buffer).toBe(chunk.buffer)
    expect(frames[0]).toStrictEqual(bytes(9))
  })

  test('a frame put together is never overwritten by the next', () => {
    const decoder = new FrameDecoder(5)
    const frames: Uint8Array[] = []
    for (const chunk of [bytes(2, 1), bytes(2, 2), bytes(3), bytes(4)]) {
      decoder.push(chunk, payload => frames.push(payload))
    }
    expect(frames).toEqual([bytes(1, 2), bytes(3, 4)])
  })
})
