import type { ByteReader, ByteWriter } from '@starling/codec'

/** A flag for each of a number of things, eight to a byte, the first in the lowest bit. */
export class Flags {
  readonly count: number
  readonly #bytes: Uint8Array

  /** All clear, unless there are bytes for them. */
  constructor(count: number, bytes: Uint8Array = new Uint8Array(Math.ceil(count / 8))) {
    this.count = count
    this.#bytes = bytes
  }

  has(index: number): boolean {
    return (((this.#bytes[index >>> 3] as number) >>> (index & 7)) & 1) === 1
  }

  set(index: number): void {
    this.#bytes[index >>> 3] = (this.#bytes[index >>> 3] as number) | (1 << (index & 7))
  }

  /** How many are set. */
  get total(): number {
    let total = 0
    for (let i = 0; i < this.count; i++) if (this.has(i)) total++
    return total
  }

  /** The number of flags, then their bytes. */
  write(writer: ByteWriter): void {
    writer.varint(this.count).raw(this.#bytes)
  }

  /**
   * Reads what {@link write} wrote, as a view on the message.
   *
   * @throws DecodeError when there are fewer bytes, or bits beyond the last flag are set.
   */
  static read(reader: ByteReader): Flags {
    const count = reader.varint()
    const bytes = reader.raw(Math.ceil(count / 8))
    const unused = bytes.length * 8 - count
    if (unused > 0 && (bytes.at(-1) as number) >>> (8 - unused) !== 0) reader.fail('invalid', 'unused bits')
    return new Flags(count, bytes)
  }
}
