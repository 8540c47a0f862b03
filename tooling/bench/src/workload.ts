/** A value of the workload: what a small piece of configuration looks like. */
export type Row = {
  readonly n: number
  readonly s: string
  readonly b: boolean
}

/** The key of entry `i`: 16 hexadecimal characters, in no particular order, unique up to 2^32. */
export function keyOf(i: number): string {
  return hex32(Math.imul(i, 0x9e3779b1) >>> 0) + hex32(i)
}

/** The value of write `i`. */
export function valueOf(i: number): Row {
  return { n: i, s: `v${i % 1000}`, b: i % 2 === 0 }
}

/** Keys and values side by side: two flat arrays are the least that a loop can read from. */
export interface Batch {
  readonly keys: readonly string[]
  readonly values: readonly Row[]
}

/** Writes `from` to `to` of a workload in batches of at most `size`, made one at a time. */
export function* batches(
  from: number,
  to: number,
  size: number,
  keyIndex: (i: number) => number = i => i
): Generator<Batch> {
  for (let start = from; start < to; start += size) {
    const count = Math.min(size, to - start)
    const keys: string[] = []
    const values: Row[] = []
    for (let i = start; i < start + count; i++) {
      keys.push(keyOf(keyIndex(i)))
      values.push(valueOf(i))
    }
    yield { keys, values }
  }
}

/** How many keys the overwrites go over, and in which order. */
export const OVERWRITTEN_KEYS = 1000

export function overwrittenKey(i: number): number {
  return (i * 7919) % OVERWRITTEN_KEYS
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0')
}
