import { DecodeError, type DecodeReason } from './errors.ts'
import { keepShape } from './keep-shape.ts'
import { copyOf, utf8Between, viewOf } from './utf8.ts'

const scratch = new DataView(new ArrayBuffer(8))

/**
 * Reads the fields that {@link ByteWriter} writes. Every length is checked against the bytes that are left and against the
 * caller's limit before anything is allocated, and every method throws {@link DecodeError} and nothing else.
 *
 * Byte fields come back as views on the input, not copies, unless a method says so: copy what outlives it, and do not change the
 * input meanwhile.
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
    scratch.setUint32(0, this.#getU32(at))
    scratch.setUint32(4, this.#getU32(at + 4))
    return scratch.getBigUint64(0)
  }

  /**
   * An integer from 0 to `max` (at most, and by default, 2^53 − 1). Refuses a form that is not the shortest, so that one
   * number has one encoding.
   */
  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    const start = this.#offset
    const first = this.u8()
    const value = first < 0x80 ? first : this.#longVarint(start, first)
    if (value > max) throw new DecodeError('outOfRange', start)
    return value
  }

  /** The next `length` bytes, as a view. */
  raw(length: number): Uint8Array {
    const at = this.#claim(length)
    return viewOf(this.#bytes, at, length)
  }

  /** A varint with the number of bytes, at most `bytesMax`, then that many, as a view. */
  bytes(bytesMax: number): Uint8Array {
    return this.raw(this.#length(bytesMax))
  }

  /** As {@link bytes}, but a copy. */
  copy(bytesMax: number): Uint8Array {
    const length = this.#length(bytesMax)
    return copyOf(this.#bytes, this.#claim(length), length)
  }

  /** A varint with the number of UTF-8 bytes, at most `bytesMax`, then the text. Refuses invalid UTF-8. */
  string(bytesMax: number): string {
    return this.text(this.#length(bytesMax))
  }

  /** The text in the next `length` bytes. Refuses invalid UTF-8. */
  text(length: number): string {
    const at = this.#claim(length)
    return utf8Between(this.#bytes, at, at + length, at)
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

  #length(bytesMax: number): number {
    const start = this.#offset
    const length = this.varint()
    if (length > bytesMax) throw new DecodeError('tooLong', start, `${length} bytes, at most ${bytesMax}`)
    return length
  }

  #longVarint(start: number, first: number): number {
    let value = first & 0x7f
    let scale = 0x80
    for (let i = 1; ; i++) {
      const byte = this.u8()
      // Seven bytes hold 49 bits; the eighth may add four.
      if (i === 7 && byte > 0x0f) throw new DecodeError('outOfRange', start)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0) throw new DecodeError('notShortest', start)
        return value
      }
      scale *= 0x80
    }
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

keepShape(new ByteReader(new Uint8Array(0)))
