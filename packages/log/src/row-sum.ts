/** Bytes of a hash and of a sum of hashes. */
export const HASH_BYTES = 32

const WORDS = 8

/**
 * A running sum of 32-byte hashes modulo 2^256, and how many are in it. Adding and taking away in any order gives the same
 * sum, so a set of rows has one sum however it came about.
 */
export class RowSum {
  /** Least significant word first. */
  readonly #words: Uint32Array = new Uint32Array(WORDS)
  #count = 0

  /** Hashes added minus hashes taken away. */
  get count(): number {
    return this.#count
  }

  /** Reads a sum from 32 big-endian bytes. */
  static from(sum: Uint8Array, count: number): RowSum {
    const result = new RowSum()
    result.#addBytes(sum)
    result.#count = count
    return result
  }

  add(hash: Uint8Array): void {
    this.#addBytes(hash)
    this.#count++
  }

  subtract(hash: Uint8Array): void {
    let borrow = 0
    for (let i = 0; i < WORDS; i++) {
      const difference = (this.#words[i] as number) - wordAt(hash, i) - borrow
      this.#words[i] = difference
      borrow = difference < 0 ? 1 : 0
    }
    this.#count--
  }

  addSum(other: RowSum): void {
    this.#addBytes(other.bytes())
    this.#count += other.count
  }

  subtractSum(other: RowSum): void {
    const count = this.#count
    this.subtract(other.bytes())
    this.#count = count - other.count
  }

  equals(other: RowSum): boolean {
    return this.#count === other.#count && this.#words.every((word, i) => word === other.#words[i])
  }

  clone(): RowSum {
    return RowSum.from(this.bytes(), this.#count)
  }

  /** The sum as 32 big-endian bytes. */
  bytes(): Uint8Array {
    const out = new Uint8Array(HASH_BYTES)
    const view = new DataView(out.buffer)
    for (let i = 0; i < WORDS; i++) view.setUint32(HASH_BYTES - 4 - i * 4, this.#words[i] as number)
    return out
  }

  #addBytes(hash: Uint8Array): void {
    let carry = 0
    for (let i = 0; i < WORDS; i++) {
      const total = (this.#words[i] as number) + wordAt(hash, i) + carry
      this.#words[i] = total
      carry = total > 0xffffffff ? 1 : 0
    }
  }
}

function wordAt(bytes: Uint8Array, index: number): number {
  const at = HASH_BYTES - 4 - index * 4
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}
