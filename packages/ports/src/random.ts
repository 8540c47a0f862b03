/** A source of randomness. The system's is cryptographic; the seeded one repeats. */
export interface Random {
  /** A uniform integer in 0 … 2^32 − 1. */
  uint32(): number
  /** A uniform number in [0, 1) with 53 bits. */
  float(): number
  /** A uniform integer in 0 … `bound` − 1. `bound` is an integer in 1 … 2^32. */
  below(bound: number): number
  /** `length` random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>
}

/** A repeatable generator that can be split, so that one more draw in one place reshuffles nothing elsewhere. */
export interface SeededRandom extends Random {
  /** An independent generator, a function of this generator's seed and `label` only, not of the draws made so far. */
  fork(label: string): SeededRandom
}

/** One uniformly chosen element, or `undefined` for an empty list. */
export function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[random.below(list.length)]
}

/** Up to `count` distinct elements in random order (a partial Fisher–Yates shuffle); the list is not changed. */
export function sample<T>(random: Random, list: readonly T[], count: number): T[] {
  const pool = list.slice()
  const size = Math.min(count, pool.length)
  for (let i = 0; i < size; i++) {
    const j = i + random.below(pool.length - i)
    const chosen = pool[j] as T
    pool[j] = pool[i] as T
    pool[i] = chosen
  }
  pool.length = size
  return pool
}
