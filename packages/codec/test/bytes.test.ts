import { describe, expect, test } from 'vitest'
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  DecodeError,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  IllFormedTextError,
  varintLength
} from '../src/index.ts'

const bytes = (...list: number[]) => Uint8Array.from(list)
const hex = (list: Uint8Array) => Buffer.from(list).toString('hex')
const refusal = (read: () => unknown) => {
  try {
    read()
  } catch (error) {
    if (error instanceof DecodeError) return `${error.reason}@${error.offset}`
    throw error
  }
  return 'accepted'
}

describe('ByteWriter', () => {
  test('writes big-endian numbers and shortest varints', () => {
    expect(
      hex(new ByteWriter().u8(1).u16(0x0203).u24(0x040506).u32(0x0708090a).u64(0x0b0c0d0e0f101112n).finish())
    ).toBe('0102030405060708090a0b0c0d0e0f101112')
    expect(hex(new ByteWriter().varint(0).varint(127).varint(128).varint(300).finish())).toBe('007f8001ac02')
    expect(hex(new ByteWriter().varint(2 ** 32 + 5).finish())).toBe('8580808010')
    expect(hex(new ByteWriter().varint(Number.MAX_SAFE_INTEGER).finish())).toBe('ffffffffffffff0f')
  })

  test('grows, gives exactly what was written, and starts again empty', () => {
    const writer = new ByteWriter(1)
    const long = new Uint8Array(1000).fill(7)
    const first = writer.bytes(long).finish()
    expect(first.length).toBe(1002)
    expect(first.buffer.byteLength).toBe(1002)
    expect(writer.length).toBe(0)
    expect(hex(writer.u8(9).finish())).toBe('09')
    expect(first[1001]).toBe(7)
  })

  test('writes text without its length, and says how many bytes it took', () => {
    const writer = new ByteWriter()
    expect([
      writer.text('ab'),
      writer.text('é'),
      writer.text(''),
      writer.text('x'.repeat(100) + '€')
    ]).toEqual([2, 2, 0, 103])
    const reader = new ByteReader(writer.finish())
    expect([reader.text(2), reader.text(2), reader.text(0), reader.text(103)]).toEqual([
      'ab',
      'é',
      '',
      'x'.repeat(100) + '€'
    ])
    reader.end()
  })

  test.each([126, 127, 128, 16_383, 16_384])(
    'writes the length of a string in bytes, not characters: %s',
    length => {
      for (const text of ['x'.repeat(length), 'x'.repeat(length - 1) + 'é', 'é'.repeat(length)]) {
        const written = new ByteWriter().string(text).finish()
        const utf8 = Buffer.from(text)
        expect(hex(written)).toBe(hex(new ByteWriter().varint(utf8.length).raw(utf8).finish()))
        expect(new ByteReader(written).string(100_000)).toBe(text)
      }
    }
  )

  test('drops what is written after a place', () => {
    const writer = new ByteWriter().u16(0x0102).u8(3)
    writer.rewind(2)
    expect(hex(writer.u8(4).finish())).toBe('010204')
    for (const length of [-1, 1, 0.5, Number.NaN]) expect(() => writer.rewind(length)).toThrow(RangeError)
  })

  test('writers side by side, unfinished, abandoned or reused, never see the bytes of another', () => {
    new ByteWriter().raw(new Uint8Array(500).fill(0xee)).finish()
    const first = new ByteWriter().u8(1)
    const second = new ByteWriter().u8(2)
    expect(() => new ByteWriter().u8(9).u8(256)).toThrow(RangeError)
    first.raw(new Uint8Array(200).fill(1))
    const done = second.u8(2).finish()
    second.u8(3).raw(new Uint8Array(300).fill(3))
    expect(hex(first.u8(1).finish())).toBe('01'.repeat(202))
    expect(hex(second.finish())).toBe('03'.repeat(301))
    expect(hex(done)).toBe('0202')
    expect(hex(new ByteWriter().finish())).toBe('')
    // What is left in the shared buffer does not show through.
    expect(hex(new ByteWriter().varint(0).string('é').u64(1n).finish())).toBe('0002c3a90000000000000001')
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses the varint %s', value => {
    expect(() => new ByteWriter().varint(value)).toThrow(RangeError)
  })

  test('refuses numbers outside their field', () => {
    expect(() => new ByteWriter().u8(256)).toThrow(RangeError)
    expect(() => new ByteWriter().u16(65536)).toThrow(RangeError)
    expect(() => new ByteWriter().u24(2 ** 24)).toThrow(RangeError)
    expect(() => new ByteWriter().u32(2 ** 32)).toThrow(RangeError)
    for (const value of [-1, 0.5, Number.NaN, Infinity, 2 ** 32 + 1]) {
      for (const field of ['u8', 'u16', 'u24', 'u32'] as const) {
        expect(() => new ByteWriter()[field](value), `${field} ${value}`).toThrow(RangeError)
      }
    }
    expect(() => new ByteWriter().u64(-1n)).toThrow(RangeError)
    expect(() => new ByteWriter().u64(2n ** 64n)).toThrow(RangeError)
  })

  test('varintLength agrees with varint', () => {
    for (const value of [
      0,
      127,
      128,
      16383,
      16384,
      2 ** 31,
      2 ** 32,
      2 ** 49 - 1,
      2 ** 49,
      Number.MAX_SAFE_INTEGER
    ]) {
      expect(new ByteWriter().varint(value).length).toBe(varintLength(value))
    }
  })
})

describe('ByteReader', () => {
  test('refuses what is not the shortest varint, and more than 2^53 - 1', () => {
    expect(refusal(() => new ByteReader(bytes(0x80, 0x00)).varint())).toBe('notShortest@0')
    expect(refusal(() => new ByteReader(bytes(0xff, 0x80, 0x00)).varint())).toBe('notShortest@0')
    expect(refusal(() => new ByteReader(bytes(...Array(7).fill(0xff), 0x10)).varint())).toBe('outOfRange@0')
    expect(refusal(() => new ByteReader(bytes(...Array(11).fill(0xff))).varint())).toBe('outOfRange@0')
    expect(refusal(() => new ByteReader(bytes(0x80)).varint())).toBe('truncated@1')
    expect(new ByteReader(bytes(...Array(7).fill(0xff), 0x0f)).varint()).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('checks a length against the limit and the bytes that are left before it allocates', () => {
    const huge = new ByteWriter().varint(Number.MAX_SAFE_INTEGER).finish()
    expect(refusal(() => new ByteReader(huge).bytes(100))).toBe('tooLong@0')
    expect(refusal(() => new ByteReader(huge).bytes(Number.MAX_SAFE_INTEGER))).toBe('truncated@8')
    expect(refusal(() => new ByteReader(bytes(3, 1, 2)).string(10))).toBe('truncated@1')
    expect(refusal(() => new ByteReader(bytes(5)).varint(4))).toBe('outOfRange@0')
  })

  test('refuses bytes after the end, and reports where', () => {
    const reader = new ByteReader(bytes(1, 2))
    expect(reader.u8()).toBe(1)
    expect(refusal(() => reader.end())).toBe('trailing@1')
    expect(hex(reader.rest())).toBe('02')
    expect(() => reader.end()).not.toThrow()
    expect(refusal(() => reader.fail('unknownType', 'type 9', 0))).toBe('unknownType@0')
    expect(refusal(() => reader.u8())).toBe('truncated@2')
  })

  test('gives views, not copies', () => {
    const input = bytes(2, 8, 9)
    expect(new ByteReader(input).bytes(2).buffer).toBe(input.buffer)
  })

  test('gives plain views of a Buffer, so that slice copies', () => {
    const input = Buffer.from([2, 8, 9])
    const view = new ByteReader(input).bytes(2)
    expect(view).toStrictEqual(bytes(8, 9))
    const copy = view.slice()
    input.fill(0)
    expect(copy).toEqual(bytes(8, 9))
    expect(view).toEqual(bytes(0, 0))
  })

  test.each([2, 100])('copies %i bytes of a Buffer when it is asked to, and nothing beside them', length => {
    const input = Buffer.from([length, ...Array(length).fill(7), 1])
    const reader = new ByteReader(input)
    const copy = reader.copy(length)
    expect(reader.remaining).toBe(1)
    expect(copy.buffer.byteLength).toBe(length)
    input.fill(0)
    expect(copy).toStrictEqual(new Uint8Array(length).fill(7))
    expect(refusal(() => new ByteReader(bytes(3, 1, 2)).copy(3))).toBe('truncated@1')
    expect(refusal(() => new ByteReader(bytes(3, 1, 2)).copy(2))).toBe('tooLong@0')
  })
})

describe('UTF-8', () => {
  test.each([
    '',
    'plain',
    'Grüße',
    '鳥🐦',
    '\ufefftext',
    'e\u0301',
    'x'.repeat(100),
    'ü'.repeat(100),
    '\u0000'
  ])('keeps %j as it is', text => {
    expect(decodeUtf8(encodeUtf8(text))).toBe(text)
    expect(hex(encodeUtf8(text))).toBe(Buffer.from(text).toString('hex'))
  })

  test.each(['\ud800', 'a\udc00b', 'x'.repeat(50) + '\ud83d'])(
    'refuses a lone surrogate when encoding',
    text => {
      expect(() => encodeUtf8(text)).toThrow(IllFormedTextError)
      expect(() => new ByteWriter().string(text)).toThrow(IllFormedTextError)
    }
  )

  test.each([
    ['an overlong form', bytes(0xc0, 0x80)],
    ['an encoded surrogate', bytes(0xed, 0xa0, 0x80)],
    ['a cut sequence', bytes(0xf0, 0x9f, 0x90)],
    ['a byte that starts nothing', bytes(0x61, 0xff)],
    ['more than U+10FFFF', bytes(0xf4, 0x90, 0x80, 0x80)]
  ])('refuses %s when decoding', (_name, input) => {
    expect(refusal(() => decodeUtf8(input, 5))).toBe('badText@5')
    expect(refusal(() => new ByteReader(bytes(input.length, ...input)).string(10))).toBe('badText@1')
  })
})

describe('comparing bytes', () => {
  test('orders as unsigned numbers, a prefix first', () => {
    const sorted = [bytes(), bytes(0), bytes(0, 0), bytes(1), bytes(0x7f), bytes(0x80), bytes(0xff)]
    expect(sorted.toReversed().toSorted(compareBytes)).toEqual(sorted)
    expect(equalBytes(bytes(1, 2), bytes(1, 2))).toBe(true)
    expect(equalBytes(bytes(1, 2), bytes(1, 3))).toBe(false)
    expect(equalBytes(bytes(1), bytes(1, 0))).toBe(false)
  })
})
