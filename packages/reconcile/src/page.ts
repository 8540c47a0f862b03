/**
 * A page of the tree: slots of equal width in one typed array, in the order of their keys.
 *
 * A slot of a leaf is an item. A slot of a branch is a page below: a key that none of its items is below and all items before it
 * are below, the sum of its hashes, and their number.
 */
import { compareKeys, HASH_AT, ITEM_WORDS, KEY_WORDS } from './item-words.ts'
import { RangeSum } from './range-sum.ts'

const SUM_WORDS = 8
const BRANCH_SUM_AT = KEY_WORDS
const BRANCH_COUNT_AT = KEY_WORDS + SUM_WORDS
const BRANCH_WORDS = BRANCH_COUNT_AT + 1

export class Page {
  /** Whose tree may change this page; any other tree that reaches it copies it first. */
  readonly owner: object
  /** Words of a slot. */
  readonly stride: number
  /** Where the sum is in a slot: for an item that is its hash. */
  readonly sumAt: number
  readonly words: Uint32Array
  /** The pages below, one for each slot; a leaf has none. */
  readonly children: Page[] | undefined
  /** Slots in use. */
  size = 0

  constructor(owner: object, capacity: number, children?: Page[]) {
    this.owner = owner
    this.children = children
    this.stride = children === undefined ? ITEM_WORDS : BRANCH_WORDS
    this.sumAt = children === undefined ? HASH_AT : BRANCH_SUM_AT
    this.words = new Uint32Array(capacity * this.stride)
  }

  /** The number of slots there is room for. */
  get capacity(): number {
    return this.words.length / this.stride
  }

  /** A copy that `owner` may change; the pages below are shared. */
  copy(owner: object): Page {
    const copy = new Page(owner, this.capacity, this.children?.slice())
    copy.words.set(this.words)
    copy.size = this.size
    return copy
  }

  /** The first slot whose key is not below `key`; {@link size} when there is none. */
  firstNotBelow(key: Uint32Array): number {
    return this.#search(key, 0)
  }

  /** The slot of the page below in which `key` is, or would be. */
  slotFor(key: Uint32Array): number {
    return Math.max(0, this.#search(key, 1) - 1)
  }

  /** Compares the key of a slot with `key`. */
  compareKey(slot: number, key: Uint32Array): number {
    return compareKeys(this.words, slot * this.stride, key, 0)
  }

  /** Takes the key of a slot from slot `from` of another page. */
  setKey(slot: number, words: Uint32Array, from = 0): void {
    this.words.set(words.subarray(from, from + KEY_WORDS), slot * this.stride)
  }

  /** How many items a slot stands for. */
  count(slot: number): number {
    return this.children === undefined ? 1 : (this.words[slot * this.stride + BRANCH_COUNT_AT] as number)
  }

  /** Changes the number of items of a branch's slot. */
  addCount(slot: number, change: number): void {
    const at = slot * this.stride + BRANCH_COUNT_AT
    this.words[at] = (this.words[at] as number) + change
  }

  /** Where the sum of a slot is in {@link words}. */
  sumOf(slot: number): number {
    return slot * this.stride + this.sumAt
  }

  /** Adds slots `from` to `to` (exclusive) to a sum, or takes them away with `sign` −1. */
  addTo(sum: RangeSum, from: number, to: number, sign: number): void {
    sum.add(this.words, this.sumOf(from), this.stride, to - from, sign)
    if (this.children === undefined) sum.addCount(sign * (to - from))
    else for (let slot = from; slot < to; slot++) sum.addCount(sign * this.count(slot))
  }

  /** Writes sum and count of slots `from` to `to` (exclusive) into a slot of a branch. */
  totalInto(parent: Page, slot: number, from = 0, to: number = this.size): void {
    const sum = new RangeSum()
    this.addTo(sum, from, to, 1)
    sum.putSum(parent.words, parent.sumOf(slot))
    parent.words[slot * parent.stride + BRANCH_COUNT_AT] = sum.count
  }

  /** Makes room for one slot at `slot`; the caller fills it. */
  open(slot: number): void {
    const { words, stride } = this
    if (slot < this.size) words.copyWithin((slot + 1) * stride, slot * stride, this.size * stride)
    this.size++
  }

  /** Takes a slot out, and the page below with it. */
  close(slot: number): void {
    const { words, stride } = this
    words.copyWithin(slot * stride, (slot + 1) * stride, this.size * stride)
    this.children?.splice(slot, 1)
    this.size--
  }

  /** Moves the last `slots` slots to the beginning of `next`. */
  moveLastTo(next: Page, slots: number): void {
    const { stride } = this
    const from = this.size - slots
    next.words.copyWithin(slots * stride, 0, next.size * stride)
    next.words.set(this.words.subarray(from * stride, this.size * stride))
    next.children?.unshift(...(this.children as Page[]).splice(from))
    next.size += slots
    this.size = from
  }

  /** Moves the first `slots` slots to the end of `previous`. */
  moveFirstTo(previous: Page, slots: number): void {
    const { stride } = this
    previous.words.set(this.words.subarray(0, slots * stride), previous.size * stride)
    this.words.copyWithin(0, slots * stride, this.size * stride)
    previous.children?.push(...(this.children as Page[]).splice(0, slots))
    previous.size += slots
    this.size -= slots
  }

  /** The number of slots whose key compares to `key` as less than `bound`. Most keys differ in their stamps. */
  #search(key: Uint32Array, bound: number): number {
    const { words, stride } = this
    const high = key[0] as number
    const low = key[1] as number
    let from = 0
    let to = this.size
    while (from < to) {
      const middle = (from + to) >>> 1
      const at = middle * stride
      const first = words[at] as number
      const second = words[at + 1] as number
      let isLess: boolean
      if (first !== high) isLess = first < high
      else if (second !== low) isLess = second < low
      else isLess = compareKeys(words, at, key, 0) < bound
      if (isLess) from = middle + 1
      else to = middle
    }
    return from
  }
}
