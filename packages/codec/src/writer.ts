import { SPARE_BUFFER_BYTES_MAX } from './config.ts'
import { keepShape } from './keep-shape.ts'
import { putUtf8 } from './utf8.ts'

/** Up to this many bytes a loop copies faster than `set`. Source: measured on Node 24. */
const SHORT_BYTES_MAX = 32

const NO_BYTES = new Uint8Array(0)

/**
 * A buffer that no writer holds: a writer takes it with its first field and gives it back with `finish`, so that a new writer
 * for each message costs next to nothing. Only what a writer has written itself is ever copied out of it.
 */
let spare: Uint8Array<ArrayBuffer> = NO_BYTES

/** A view on the writer's own buffer would cost more: a small buffer gets its own memory only when it is viewed. */
const scratch = new DataView(new ArrayBuffer(8))

/**
 * Writes fields one after the other into a buffer that grows. Numbers are big-endian; a varint is little-endian base 128.
 * Each method has its twin of the same name in {@link ByteReader}.
 *
 * A number outside its field's range is a `RangeError`: what is written is checked before.
 */
export class ByteWriter {
  #buffer: Uint8Array<ArrayBuffer> = NO_BYTES
  #length = 0
  readonly #capacity: number

  /** @param capacity bytes to reserve at first, 64 by default; the writer grows by doubling. */
  constructor(capacity = 64) {
    this.#capacity = capacity
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** One byte. */
  u8(value: number): this {
    if ((value & 0xff) !== value) outside(value, 0xff)
    const at = this.#claim(1)
    this.#buffer[at] = value
    return this
  }

  /** Two bytes. */
  u16(value: number): this {
    if ((value & 0xffff) !== value) outside(value, 0xffff)
    const at = this.#claim(2)
    this.#buffer[at] = value >>> 8
    this.#buffer[at + 1] = value
    return this
  }

  /** Three bytes. */
  u24(value: number): this {
    if ((value & 0xff_ffff) !== value) outside(value, 0xff_ffff)
    const at = this.#claim(3)
    this.#buffer[at] = value >>> 16
    this.#buffer[at + 1] = value >>> 8
    this.#buffer[at + 2] = value
    return this
  }

  /** Four bytes. */
  u32(value: number): this {
    if (value >>> 0 !== value) outside(value, 0xffff_ffff)
    this.#putU32(this.#claim(4), value)
    return this
  }

  /** Eight bytes. */
  u64(value: bigint): this {
    if (BigInt.asUintN(64, value) !== value) {
      throw new RangeError(`value must be from 0 to 2^64 - 1, got ${value}`)
    }
    const at = this.#claim(8)
    scratch.setBigUint64(0, value)
    this.#putU32(at, scratch.getUint32(0))
    this.#putU32(at + 4, scratch.getUint32(4))
    return this
  }

  /** An integer from 0 to 2^53 − 1 in 1 to 8 bytes, always the fewest. */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) outside(value, Number.MAX_SAFE_INTEGER)
    let at = this.#claim(varintLength(value))
    let rest = value
    while (rest > 0x7f) {
      // Division, not a shift: shifts cut at 32 bits.
      this.#buffer[at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#buffer[at] = rest
    return this
  }

  /** The bytes as they are. The reader must know their number. */
  raw(bytes: Uint8Array): this {
    const length = bytes.length
    const at = this.#claim(length)
    if (length > SHORT_BYTES_MAX) this.#buffer.set(bytes, at)
    else for (let i = 0; i < length; i++) this.#buffer[at + i] = bytes[i] as number
    return this
  }

  /** A varint with the number of bytes, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes)
  }

  /**
   * A varint with the number of UTF-8 bytes, then the text in UTF-8.
   *
   * @throws IllFormedTextError when the text holds a lone surrogate.
   */
  string(text: string): this {
    const start = this.#length
    this.varint(text.length)
    const written = this.text(text)
    if (written !== text.length) {
      // Not ASCII, so the length was another one.
      this.#length = start
      this.varint(written)
      this.text(text)
    }
    return this
  }

  /**
   * The text in UTF-8 and nothing else. The reader must know the number of bytes.
   *
   * @returns that number.
   * @throws IllFormedTextError when the text holds a lone surrogate.
   */
  text(text: string): number {
    const at = this.#length
    this.#reserve(at + text.length * 3)
    const written = putUtf8(text, this.#buffer, at)
    this.#length = at + written
    return written
  }

  /** Drops what was written after the first `length` bytes. */
  rewind(length: number): void {
    if (!Number.isSafeInteger(length) || length < 0 || length > this.#length) outside(length, this.#length)
    this.#length = length
  }

  /** A copy of exactly the bytes written. The writer is empty afterwards and may write the next message. */
  finish(): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer
    const bytes = buffer.slice(0, this.#length)
    this.#length = 0
    this.#buffer = NO_BYTES
    if (buffer.length > spare.length && buffer.length <= SPARE_BUFFER_BYTES_MAX) spare = buffer
    return bytes
  }

  #claim(count: number): number {
    const at = this.#length
    const end = at + count
    if (end > this.#buffer.length) this.#reserve(end)
    this.#length = end
    return at
  }

  #putU32(at: number, value: number): void {
    const buffer = this.#buffer
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
  }

  #reserve(end: number): void {
    const old = this.#buffer
    if (end <= old.length) return
    if (old === NO_BYTES && end <= spare.length) {
      this.#buffer = spare
      spare = NO_BYTES
      return
    }
    this.#buffer = new Uint8Array(Math.max(end, old.length * 2, this.#capacity))
    this.#buffer.set(old)
  }
}

keepShape(new ByteWriter())

/** How many bytes {@link ByteWriter.varint} takes for `value`. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length++
  return length
}

function outside(value: number, max: number): never {
  throw new RangeError(`value must be an integer from 0 to ${max}, got ${value}`)
}
