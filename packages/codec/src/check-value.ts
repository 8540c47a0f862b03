import { equalBytes } from './compare.ts'
import { VALUE_LIMITS, type ValueLimits } from './config.ts'
import { floatAt, halfBits, halfValue } from './float.ts'
import { ByteReader } from './reader.ts'
import { decodeUtf8 } from './utf8.ts'
import { BIGINT_BYTES_MAX, BIGINT_TAG, MAJOR, SIMPLE } from './value.ts'

/** Maps up to this size are searched for duplicate keys pair by pair; larger ones by a set. */
const PAIRWISE_KEYS_MAX = 8

const ASCII_MAX = 0x7f

/**
 * Checks that bytes are exactly one value in the strict profile, without building it. Takes time linear in the bytes and
 * recurses at most `depthMax` levels. What passes can be decoded, and has only this one encoding.
 *
 * @param limits what to allow at most; each missing one is taken from {@link VALUE_LIMITS}.
 * @throws DecodeError with the reason and the place.
 */
export function checkValue(bytes: Uint8Array, limits: Partial<ValueLimits> = {}): void {
  const { bytesMax = VALUE_LIMITS.bytesMax, depthMax = VALUE_LIMITS.depthMax } = limits
  const reader = new ByteReader(bytes)
  if (bytes.length > bytesMax) reader.fail('tooLong', `${bytes.length} bytes, at most ${bytesMax}`)
  checkItem(reader, depthMax)
  reader.end()
}

function checkItem(reader: ByteReader, depthLeft: number): void {
  const start = reader.offset
  const head = reader.u8()
  const major = head & 0xe0
  switch (major) {
    case MAJOR.unsigned:
      argument(reader, head)
      break
    case MAJOR.negative:
      // −1 − n must be safe as well, which leaves n one less.
      if (argument(reader, head) === Number.MAX_SAFE_INTEGER) reader.fail('outOfRange', undefined, start)
      break
    case MAJOR.bytes:
      reader.raw(argument(reader, head))
      break
    case MAJOR.text:
      checkText(reader, reader.raw(argument(reader, head)))
      break
    case MAJOR.array:
    case MAJOR.map:
      if (depthLeft === 0) reader.fail('tooDeep', undefined, start)
      if (major === MAJOR.array) checkArray(reader, argument(reader, head), depthLeft - 1)
      else checkMap(reader, argument(reader, head), depthLeft - 1)
      break
    case MAJOR.tag:
      checkBigint(reader, head)
      break
    default:
      checkSimple(reader, head)
  }
}

/** The argument of a head (RFC 8949 §3): in the head byte, or in the next 1, 2, 4 or 8 bytes; always in the fewest. */
function argument(reader: ByteReader, head: number): number {
  const short = head & 0x1f
  if (short < 24) return short
  const start = reader.offset - 1
  switch (short) {
    case 24:
      return atLeast(reader, reader.u8(), 24, start)
    case 25:
      return atLeast(reader, reader.u16(), 2 ** 8, start)
    case 26:
      return atLeast(reader, reader.u32(), 2 ** 16, start)
    case 27: {
      const value = reader.u32() * 2 ** 32 + reader.u32()
      if (value > Number.MAX_SAFE_INTEGER) reader.fail('outOfRange', undefined, start)
      return atLeast(reader, value, 2 ** 32, start)
    }
    default:
      // 28 to 30 are reserved; 31 is an indefinite length.
      return reader.fail('unsupported', undefined, start)
  }
}

function atLeast(reader: ByteReader, value: number, least: number, start: number): number {
  if (value < least) reader.fail('notShortest', undefined, start)
  return value
}

function checkText(reader: ByteReader, text: Uint8Array): void {
  for (let i = 0; i < text.length; i++) {
    if ((text[i] as number) > ASCII_MAX) {
      decodeUtf8(text, reader.offset - text.length)
      return
    }
  }
}

function checkArray(reader: ByteReader, count: number, depthLeft: number): void {
  // Each element takes at least one byte, so a false count is refused before the first element.
  if (count > reader.remaining) reader.fail('truncated')
  for (let i = 0; i < count; i++) checkItem(reader, depthLeft)
}

function checkMap(reader: ByteReader, count: number, depthLeft: number): void {
  if (count * 2 > reader.remaining) reader.fail('truncated')
  const few: Uint8Array[] = []
  const many = count > PAIRWISE_KEYS_MAX ? new Set<string>() : undefined
  for (let i = 0; i < count; i++) {
    const start = reader.offset
    const head = reader.u8()
    if ((head & 0xe0) !== MAJOR.text) reader.fail('unsupported', 'a map key must be text', start)
    const key = reader.raw(argument(reader, head))
    if (many === undefined) {
      checkText(reader, key)
      if (few.some(other => equalBytes(other, key))) reader.fail('duplicateKey', undefined, start)
      few.push(key)
    } else {
      many.add(decodeUtf8(key, reader.offset - key.length))
      if (many.size <= i) reader.fail('duplicateKey', undefined, start)
    }
    checkItem(reader, depthLeft)
  }
}

/** Tags 2 and 3 around a byte string of at most 8 bytes without leading zeros: a bigint. There is no other tag. */
function checkBigint(reader: ByteReader, head: number): void {
  const start = reader.offset - 1
  const tag = argument(reader, head)
  if (tag !== BIGINT_TAG.positive && tag !== BIGINT_TAG.negative)
    reader.fail('unsupported', `tag ${tag}`, start)
  const inner = reader.u8()
  if ((inner & 0xe0) !== MAJOR.bytes) reader.fail('unsupported', 'a bigint is a byte string', start)
  const magnitude = reader.raw(argument(reader, inner))
  if (magnitude.length > BIGINT_BYTES_MAX) reader.fail('outOfRange', undefined, start)
  if (magnitude[0] === 0) reader.fail('notShortest', undefined, start)
}

function checkSimple(reader: ByteReader, head: number): void {
  const start = reader.offset - 1
  switch (head) {
    case SIMPLE.false:
    case SIMPLE.true:
    case SIMPLE.null:
      return
    case SIMPLE.float16:
      checkFloat(reader, halfValue(reader.u16()), start)
      return
    case SIMPLE.float32: {
      const value = floatAt(reader.raw(4), 0, 4)
      checkFloat(reader, value, start)
      if (halfBits(value) !== undefined) reader.fail('notShortest', undefined, start)
      return
    }
    case SIMPLE.float64: {
      const value = floatAt(reader.raw(8), 0, 8)
      checkFloat(reader, value, start)
      if (Math.fround(value) === value) reader.fail('notShortest', undefined, start)
      return
    }
    default:
      reader.fail('unsupported', undefined, start)
  }
}

/** A float is finite, and no safe integer: those are written as integers, all but −0. */
function checkFloat(reader: ByteReader, value: number, start: number): void {
  if (!Number.isFinite(value)) reader.fail('unsupported', 'not a finite number', start)
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) reader.fail('notShortest', undefined, start)
}
