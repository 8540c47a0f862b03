import { PAGE_SLOTS } from './config.ts'
import { checkRef, FingerprintTree } from './fingerprint-tree.ts'
import { compareKeys, ITEM_WORDS, KEY_WORDS, putKey } from './item-words.ts'
import { PageTree } from './page-tree.ts'
import { Page } from './page.ts'
import { sortItems } from './sort-items.ts'

const CAPACITY_MIN = 64

/**
 * Builds a tree from many items at once, in any order. For n items it takes O(n) when they come in order, and a few passes over
 * them when they do not. Meanwhile it holds 44 to 88 bytes an item besides the tree.
 */
export class FingerprintTreeBuilder {
  readonly #pages: PageTree
  #words: Uint32Array
  #count = 0
  #sorted = true

  /**
   * @param expected how many items will come, to reserve memory for; more may.
   * @param pages what to build on; left out by everyone but this package and its tests.
   */
  constructor(expected = 0, pages: PageTree = new PageTree(PAGE_SLOTS)) {
    this.#words = new Uint32Array(Math.max(CAPACITY_MIN, expected) * ITEM_WORDS)
    this.#pages = pages
  }

  /**
   * Adds an item. One that came before counts once, with the reference of either.
   *
   * @throws RangeError when stamp, hash or reference is outside its bounds.
   */
  add(stamp: bigint, hash: Uint8Array, ref = 0): void {
    const at = this.#count * ITEM_WORDS
    if (at === this.#words.length) {
      const grown = new Uint32Array(at * 2)
      grown.set(this.#words)
      this.#words = grown
    }
    checkRef(ref)
    putKey(this.#words, at, stamp, hash)
    this.#words[at + KEY_WORDS] = ref
    if (this.#count > 0 && compareKeys(this.#words, at - ITEM_WORDS, this.#words, at) >= 0)
      this.#sorted = false
    this.#count++
  }

  /** The tree of all items added. The builder is empty afterwards and must not be used again. */
  finish(): FingerprintTree {
    const words = this.#words
    const order = this.#sorted ? undefined : sortItems(words, this.#count)
    const count = order?.length ?? this.#count
    this.#words = new Uint32Array(0)
    this.#count = 0
    if (count > 0) this.#pages.fill(owner => buildPages(owner, this.#pages.capacity, words, order, count))
    return new FingerprintTree(this.#pages)
  }
}

/** Leaves, then level after level of branches until there is one page; all pages of a level equally full. */
function buildPages(
  owner: object,
  capacity: number,
  words: Uint32Array,
  order: Uint32Array | undefined,
  count: number
): Page {
  let level = shares(count, capacity).map(({ from, to }) => {
    const leaf = new Page(owner, capacity)
    leaf.size = to - from
    if (order === undefined) leaf.words.set(words.subarray(from * ITEM_WORDS, to * ITEM_WORDS))
    else for (let i = from; i < to; i++) copyItem(leaf.words, i - from, words, order[i] as number)
    return leaf
  })
  while (level.length > 1) {
    const below = level
    level = shares(below.length, capacity).map(({ from, to }) => {
      const children = below.slice(from, to)
      const branch = new Page(owner, capacity, children)
      branch.size = children.length
      children.forEach((page, slot) => {
        branch.setKey(slot, page.words)
        page.totalInto(branch, slot)
      })
      return branch
    })
  }
  return level[0] as Page
}

/** Splits `count` things evenly among pages that are to be seven eighths full, so that a few more fit everywhere. */
function shares(count: number, capacity: number): { readonly from: number; readonly to: number }[] {
  const pages = count <= capacity ? 1 : Math.ceil(count / (capacity - (capacity >>> 3)))
  return Array.from({ length: pages }, (_, page) => ({
    from: Math.floor((page * count) / pages),
    to: Math.floor(((page + 1) * count) / pages)
  }))
}

function copyItem(to: Uint32Array, slot: number, words: Uint32Array, index: number): void {
  const at = slot * ITEM_WORDS
  const from = index * ITEM_WORDS
  for (let i = 0; i < ITEM_WORDS; i++) to[at + i] = words[from + i] as number
}
