import { compareKeys, ITEM_WORDS } from './item-words.ts'

// Below, comparing is faster than counting digits. Source: measured.
const RADIX_ITEMS_MIN = 8192
const DIGITS = 0x1_0000
const DIGIT_MASK = 0xffff

/** Words sorted by counting: the stamp and the first word of the hash. Items equal in those are compared. */
const RADIX_WORDS = 3

/** The order of `count` items as indexes, lowest key first; of items with equal keys only one. */
export function sortItems(words: Uint32Array, count: number): Uint32Array {
  let order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  const compare = (a: number, b: number): number => compareKeys(words, a * ITEM_WORDS, words, b * ITEM_WORDS)
  if (count < RADIX_ITEMS_MIN) order.sort(compare)
  else {
    order = radixSort(words, order)
    sortTies(words, order, compare)
  }
  let kept = 0
  for (const index of order) {
    if (kept === 0 || compare(order[kept - 1] as number, index) !== 0) order[kept++] = index
  }
  return order.subarray(0, kept)
}

/** Sorts by the leading words, 16 bits at a time from the least significant. */
function radixSort(words: Uint32Array, indexes: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  let order = indexes
  let next = new Uint32Array(order.length)
  // The word that is being sorted by, beside its index: fetching it once is what takes the time.
  let keys = new Uint32Array(order.length)
  let nextKeys = new Uint32Array(order.length)
  const starts = new Uint32Array(DIGITS)
  for (let word = RADIX_WORDS - 1; word >= 0; word--) {
    for (let i = 0; i < order.length; i++) {
      keys[i] = words[(order[i] as number) * ITEM_WORDS + word] as number
    }
    for (const shift of [0, 16]) {
      if (!countDigits(keys, shift, starts)) continue
      for (let i = 0; i < order.length; i++) {
        const key = keys[i] as number
        const to = starts[(key >>> shift) & DIGIT_MASK]!++
        next[to] = order[i] as number
        nextKeys[to] = key
      }
      ;[order, next] = [next, order]
      ;[keys, nextKeys] = [nextKeys, keys]
    }
  }
  return order
}

/** Where each digit's items begin. False when all have the same one: stamps of a few weeks share their first. */
function countDigits(keys: Uint32Array, shift: number, starts: Uint32Array): boolean {
  starts.fill(0)
  for (let i = 0; i < keys.length; i++) starts[((keys[i] as number) >>> shift) & DIGIT_MASK]!++
  if (starts[((keys[0] as number) >>> shift) & DIGIT_MASK] === keys.length) return false
  let sum = 0
  for (let i = 0; i < DIGITS; i++) {
    const size = starts[i] as number
    starts[i] = sum
    sum += size
  }
  return true
}

/** Sorts each run of items that agree in the leading words. */
function sortTies(words: Uint32Array, order: Uint32Array, compare: (a: number, b: number) => number): void {
  for (let from = 0; from < order.length;) {
    let to = from + 1
    while (to < order.length && sameLead(words, order[from] as number, order[to] as number)) to++
    if (to - from > 1) order.subarray(from, to).sort(compare)
    from = to
  }
}

function sameLead(words: Uint32Array, a: number, b: number): boolean {
  for (let i = 0; i < RADIX_WORDS; i++) {
    if (words[a * ITEM_WORDS + i] !== words[b * ITEM_WORDS + i]) return false
  }
  return true
}
