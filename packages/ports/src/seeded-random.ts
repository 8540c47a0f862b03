import type { SeededRandom } from './random.ts'

/**
 * A seeded generator: xoshiro128** over a state filled by splitmix32 (Blackman and Vigna). Not for secrets.
 *
 * @param seed any number or text; equal seeds give equal sequences on every platform.
 */
export function seededRandom(seed: number | string): SeededRandom {
  return new Xoshiro128(hashText(String(seed)))
}

class Xoshiro128 implements SeededRandom {
  readonly #seed: number
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number) {
    this.#seed = seed
    const next = splitMix32(seed)
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#d = next() | 1
  }

  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0
    const t = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= t
    this.#d = rotateLeft(this.#d, 11)
    return result
  }

  float(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992
  }

  below(bound: number): number {
    return boundedDraw(bound, () => this.uint32())
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(length)
    for (let i = 0; i < length; i += 4) {
      const word = this.uint32()
      for (let j = i; j < length && j < i + 4; j++) out[j] = word >>> ((j - i) * 8)
    }
    return out
  }

  fork(label: string): SeededRandom {
    return new Xoshiro128(hashText(`${this.#seed}/${label}`))
  }
}

/**
 * Draws an unbiased integer below `bound` from 32-bit words: words at or above the greatest multiple of `bound` are drawn
 * again. Shared by the seeded and the system generator.
 */
export function boundedDraw(bound: number, uint32: () => number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
    throw new RangeError(`bound must be an integer from 1 to 2^32, got ${bound}`)
  }
  const limit = 2 ** 32 - (2 ** 32 % bound)
  let word = uint32()
  while (word >= limit) word = uint32()
  return word % bound
}

function splitMix32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
}

/** FNV-1a over UTF-16 units, then one avalanche round: enough to part labels, not a cryptographic hash. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

function rotateLeft(word: number, bits: number): number {
  return ((word << bits) | (word >>> (32 - bits))) >>> 0
}
