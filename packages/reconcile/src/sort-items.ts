import { compareKeys, ITEM_WORDS } from './item-words.ts'

// Below, comparing is faster than counting digits. Source: measured.
const RADIX_ITEMS_MIN = 8192
const DIGITS = 0x1_0000

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
function radixSort(words: Uint32Array, indexes: Uint32Array): Uint32Array<ArrayBuffer> {
  let order = Uint32Array.from(indexes)
  let next = new Uint32Array(order.length)
  const starts = new Uint32Array(DIGITS)
  for (let word = RADIX_WORDS - 1; word >= 0; word--) {
    for (const shift of [0, 16]) {
      starts.fill(0)
      for (const index of order) starts[digit(words, index, word, shift)]!++
      // A digit that is the same in all items orders nothing; stamps of a few weeks share their first.
      if (starts[digit(words, order[0] as number, word, shift)] === order.length) continue
      let sum = 0
      for (let i = 0; i < DIGITS; i++) {
        const size = starts[i] as number
        starts[i] = sum
        sum += size
      }
      for (const index of order) next[starts[digit(words, index, word, shift)]!++] = index
      ;[order, next] = [next, order]
    }
  }
  return order
}

function digit(words: Uint32Array, index: number, word: number, shift: number): number {
  return ((words[index * ITEM_WORDS + word] as number) >>> shift) & 0xffff
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
