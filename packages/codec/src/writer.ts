import { encodeUtf8 } from './utf8.ts'

const U64_MAX = 0xffff_ffff_ffff_ffffn
const U32_MASK = 0xffff_ffffn

/**
 * Writes fields one after the other into a buffer that grows. Numbers are big-endian; a varint is little-endian base 128.
 * Each method has its twin of the same name in {@link ByteReader}.
 *
 * A number outside its field's range is a `RangeError`: what is written is checked before.
 */
export class ByteWriter {
  #buffer: Uint8Array<ArrayBuffer>
  #length = 0

  /** @param capacity bytes to reserve at first; the writer grows by doubling. */
  constructor(capacity = 64) {
    this.#buffer = new Uint8Array(capacity)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** One byte. */
  u8(value: number): this {
    check(value, 0xff)
    const at = this.#claim(1)
    this.#buffer[at] = value
    return this
  }

  /** Two bytes. */
  u16(value: number): this {
    check(value, 0xffff)
    const at = this.#claim(2)
    this.#buffer[at] = value >>> 8
    this.#buffer[at + 1] = value
    return this
  }

  /** Three bytes. */
  u24(value: number): this {
    check(value, 0xff_ffff)
    const at = this.#claim(3)
    this.#buffer[at] = value >>> 16
    this.#buffer[at + 1] = value >>> 8
    this.#buffer[at + 2] = value
    return this
  }

  /** Four bytes. */
  u32(value: number): this {
    check(value, 0xffff_ffff)
    this.#putU32(this.#claim(4), value)
    return this
  }

  /** Eight bytes. */
  u64(value: bigint): this {
    if (value < 0n || value > U64_MAX) throw new RangeError(`value must be from 0 to 2^64 - 1, got ${value}`)
    const at = this.#claim(8)
    this.#putU32(at, Number(value >> 32n))
    this.#putU32(at + 4, Number(value & U32_MASK))
    return this
  }

  /** An integer from 0 to 2^53 − 1 in 1 to 8 bytes, always the fewest. */
  varint(value: number): this {
    check(value, Number.MAX_SAFE_INTEGER)
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
    const at = this.#claim(bytes.length)
    this.#buffer.set(bytes, at)
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
    return this.bytes(encodeUtf8(text))
  }

  /** A copy of exactly the bytes written. The writer is empty afterwards and keeps its buffer for the next message. */
  finish(): Uint8Array<ArrayBuffer> {
    const bytes = this.#buffer.slice(0, this.#length)
    this.#length = 0
    return bytes
  }

  #claim(count: number): number {
    const at = this.#length
    const end = at + count
    if (end > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(end, this.#buffer.length * 2))
      grown.set(this.#buffer.subarray(0, at))
      this.#buffer = grown
    }
    this.#length = end
    return at
  }

  #putU32(at: number, value: number): void {
    this.#buffer[at] = value >>> 24
    this.#buffer[at + 1] = value >>> 16
    this.#buffer[at + 2] = value >>> 8
    this.#buffer[at + 3] = value
  }
}

/** How many bytes {@link ByteWriter.varint} takes for `value`. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length++
  return length
}

function check(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`value must be an integer from 0 to ${max}, got ${value}`)
  }
}
