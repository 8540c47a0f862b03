import { Fingerprint, ITEM_HASH_BYTES } from './fingerprint.ts'
import { putBytes } from './item-words.ts'

const WORDS = 8
const WORD = 2 ** 32

/**
 * The sum of many hashes while it is being formed. Each word is added up by itself in a double, which is exact for 2^21 hashes,
 * far more than the pages on two paths of a tree hold; carries are settled once, at the end.
 */
export class RangeSum {
  readonly #words = new Float64Array(WORDS)
  #count = 0

  /** Adds (`sign` 1) or takes away (−1) `slots` sums, the first at word `at`, `stride` words apart. */
  add(words: Uint32Array, at: number, stride: number, slots: number, sign: number): void {
    const sums = this.#words
    for (let slot = 0, from = at; slot < slots; slot++, from += stride) {
      for (let i = 0; i < WORDS; i++) {
        sums[i] = (sums[i] as number) + sign * (words[from + i] as number)
      }
    }
  }

  /** Adds to the number of items. */
  addCount(count: number): void {
    this.#count += count
  }

  /** The number of items. */
  get count(): number {
    return this.#count
  }

  /** Writes the sum modulo 2^256 as eight words, the most significant first. */
  putSum(to: Uint32Array, at: number): void {
    let carry = 0
    for (let i = WORDS - 1; i >= 0; i--) {
      const total = (this.#words[i] as number) + carry
      carry = Math.floor(total / WORD)
      to[at + i] = total - carry * WORD
    }
  }

  /** Sum and count. */
  finish(): Fingerprint {
    const words = new Uint32Array(WORDS)
    this.putSum(words, 0)
    const sum = new Uint8Array(ITEM_HASH_BYTES)
    putBytes(sum, 0, words, 0, WORDS)
    return Fingerprint.of(sum, this.#count)
  }
}
