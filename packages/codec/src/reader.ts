import { DecodeError, type DecodeReason } from './errors.ts'
import { decodeUtf8 } from './utf8.ts'

/**
 * Reads the fields that {@link ByteWriter} writes. Every length is checked against the bytes that are left and against the
 * caller's limit before anything is allocated, and every method throws {@link DecodeError} and nothing else.
 *
 * Byte fields come back as views on the input, not copies: copy what outlives it, and do not change the input meanwhile.
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  /** One byte. */
  u8(): number {
    return this.#bytes[this.#claim(1)] as number
  }

  /** Two bytes. */
  u16(): number {
    const at = this.#claim(2)
    return ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number)
  }

  /** Three bytes. */
  u24(): number {
    const at = this.#claim(3)
    return (
      ((this.#bytes[at] as number) << 16) |
      ((this.#bytes[at + 1] as number) << 8) |
      (this.#bytes[at + 2] as number)
    )
  }

  /** Four bytes. */
  u32(): number {
    return this.#getU32(this.#claim(4))
  }

  /** Eight bytes. */
  u64(): bigint {
    const at = this.#claim(8)
    return (BigInt(this.#getU32(at)) << 32n) | BigInt(this.#getU32(at + 4))
  }

  /**
   * An integer from 0 to `max` (at most, and by default, 2^53 − 1). Refuses a form that is not the shortest, so that one
   * number has one encoding.
   */
  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    const start = this.#offset
    let value = 0
    let scale = 1
    for (let i = 0; ; i++) {
      const byte = this.u8()
      const digit = byte & 0x7f
      // Seven bytes hold 49 bits; the eighth may add four.
      if (i === 7 && byte > 0x0f) throw new DecodeError('outOfRange', start)
      value += digit * scale
      if (byte < 0x80) {
        if (digit === 0 && i > 0) throw new DecodeError('notShortest', start)
        break
      }
      scale *= 0x80
    }
    if (value > max) throw new DecodeError('outOfRange', start)
    return value
  }

  /** The next `length` bytes, as a view. */
  raw(length: number): Uint8Array {
    const at = this.#claim(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** A varint with the number of bytes, at most `bytesMax`, then that many, as a view. */
  bytes(bytesMax: number): Uint8Array {
    const start = this.#offset
    const length = this.varint()
    if (length > bytesMax) throw new DecodeError('tooLong', start, `${length} bytes, at most ${bytesMax}`)
    return this.raw(length)
  }

  /** A varint with the number of UTF-8 bytes, at most `bytesMax`, then the text. Refuses invalid UTF-8. */
  string(bytesMax: number): string {
    const bytes = this.bytes(bytesMax)
    return decodeUtf8(bytes, this.#offset - bytes.length)
  }

  /** All bytes that are left, as a view. */
  rest(): Uint8Array {
    return this.raw(this.remaining)
  }

  /** Ends the message: bytes that are left are refused. Every decoder of a whole message calls it. */
  end(): void {
    if (this.remaining !== 0) throw new DecodeError('trailing', this.#offset, `${this.remaining} bytes`)
  }

  /** Throws a {@link DecodeError} at the present offset, or at `offset`. For fields that are well formed and still wrong. */
  fail(reason: DecodeReason, detail?: string, offset: number = this.#offset): never {
    throw new DecodeError(reason, offset, detail)
  }

  #claim(count: number): number {
    const at = this.#offset
    if (count > this.#bytes.length - at) {
      throw new DecodeError('truncated', at, `${count} bytes wanted, ${this.#bytes.length - at} left`)
    }
    this.#offset = at + count
    return at
  }

  #getU32(at: number): number {
    const bytes = this.#bytes
    return (
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number)) >>>
      0
    )
  }
}
