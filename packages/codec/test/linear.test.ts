import { expect, test, vi } from 'vitest'
import { checkValue, DecodeError, decodeValue, encodeFrame, FrameDecoder } from '../src/index.ts'
import { corpusOf } from './support/corpus.ts'

/**
 * At most so many reads for each byte. Checking reads a byte of text twice; among up to 8 keys of the same length each byte is
 * compared with those of the keys before; building reads it again to find the key's slot, to compare it and to make the text.
 */
const READS_MAX = 16

const head = (major: number, count: number) =>
  count < 24 ? [major | count] : count < 256 ? [major | 24, count] : [major | 25, count >>> 8, count & 0xff]
const repeat = (count: number, item: readonly number[]) => Array.from({ length: count }, () => item).flat()
const keys = (count: number, prefix: number) =>
  Array.from({ length: count }, (_, i) => {
    const text = [...repeat(prefix, [0x61]), ...Buffer.from(String(i).padStart(5, '0'))]
    return [...head(0x60, text.length), ...text, 0]
  }).flat()

/** Values of a given size that a quadratic decoder would be slow on. */
const SHAPES: Record<string, (size: number) => number[]> = {
  'an array of small integers': size => [...head(0x80, size), ...repeat(size, [0])],
  text: size => [...head(0x60, size), ...repeat(size, [0x61])],
  'text that is not ASCII': size => [...head(0x60, 2 * (size >> 1)), ...repeat(size >> 1, [0xc3, 0xbc])],
  'a map of many keys': size => {
    const count = Math.floor(size / 260)
    return [...head(0xa0, count), ...keys(count, 251)]
  },
  'eight long keys that differ at the end': size => [0xa8, ...keys(8, size >> 3)],
  'maps of eight short keys': size => {
    const map = [0xa8, ...Array.from('abcdefgh', key => [0x61, key.charCodeAt(0), 0]).flat()]
    const count = Math.floor(size / map.length)
    return [...head(0x80, count), ...repeat(count, map)]
  },
  floats: size => {
    const count = Math.floor(size / 9)
    return [...head(0x80, count), ...repeat(count, [0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a])]
  }
}

/** How often single bytes are read, without those that the platform's decoder of UTF-8 reads by itself. */
function readsOf(bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown): number {
  let reads = 0
  const counting = new Proxy(bytes, {
    get(target, property) {
      if (typeof property === 'string' && /^\d+$/.test(property)) reads++
      return Reflect.get(target, property) as unknown
    }
  })
  try {
    decode(counting)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
  }
  return reads
}

test.each(Object.entries(SHAPES))(
  'checking and decoding take steps linear in the bytes: %s',
  (_name, shape) => {
    const [small, large] = [6000, 60_000].map(size => Uint8Array.from(shape(size))) as [
      Uint8Array,
      Uint8Array
    ]
    expect(() => checkValue(large)).not.toThrow()
    for (const decode of [checkValue, decodeValue]) {
      const reads = readsOf(large, decode)
      expect(reads).toBeGreaterThan(0)
      expect(reads).toBeLessThan(READS_MAX * large.length)
      // Ten times the size: ten times the steps, and a little for what is constant.
      expect(reads / large.length).toBeLessThan((1.3 * readsOf(small, decode)) / small.length)
    }
  }
)

test('no file of the corpus takes more steps than its bytes allow', () => {
  for (const { name, bytes } of corpusOf('value')) {
    expect(readsOf(bytes, decodeValue), name).toBeLessThanOrEqual(READS_MAX * bytes.length + 16)
  }
})

test('a frame that comes byte by byte is copied a constant number of times', () => {
  const size = 10_000
  const stream = encodeFrame(new Uint8Array(size), size)
  const decoder = new FrameDecoder(size)
  let frames = 0
  const set = vi.spyOn(Uint8Array.prototype, 'set')
  try {
    for (let at = 0; at < stream.length; at++) decoder.push(stream.subarray(at, at + 1), () => frames++)
    const copied = set.mock.calls.reduce((sum, [from]) => sum + from.length, 0)
    expect(copied).toBeGreaterThanOrEqual(size)
    expect(copied).toBeLessThan(4 * size)
  } finally {
    set.mockRestore()
  }
  expect(frames).toBe(1)
})
