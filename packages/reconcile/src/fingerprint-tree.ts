import { boundBetween, INFINITY_BOUND, START_BOUND, type Bound } from './bound.ts'
import { PAGE_SLOTS, REF_MAX } from './config.ts'
import { ITEM_HASH_BYTES, type Fingerprint } from './fingerprint.ts'
import {
  HASH_AT,
  ITEM_WORDS,
  KEY_BYTES,
  KEY_WORDS,
  putBytes,
  putKey,
  putKeyBytes,
  stampAt
} from './item-words.ts'
import { PageTree } from './page-tree.ts'
import type { Page } from './page.ts'
import { RangeSum } from './range-sum.ts'

const HASH_WORDS = KEY_WORDS - HASH_AT

/** One item of a set that is reconciled. */
export interface Item {
  /** The greatest stamp of what the item stands for, 64 bits. The first part of the order. */
  readonly stamp: bigint
  /**
   * 32 bytes, the hash of all that makes the item, its stamp included: items with equal hashes are one item. The second part of
   * the order, and what is added up.
   */
  readonly hash: Uint8Array
  /** What the owner finds its own data by, 0 to 2^32 − 1. It takes no part in order, fingerprints or comparison. */
  readonly ref: number
}

/**
 * A set of items in the order of (stamp, hash) that knows the fingerprint of any range of it. Adding, removing, ranks and
 * fingerprints take O(log n); an item takes 44 bytes in shared arrays and no object of its own.
 *
 * The place of an item is its *rank*, the number of items below it. A range is given by two ranks, the second exclusive;
 * {@link FingerprintTree.rank} makes one from a {@link Bound}.
 */
export class FingerprintTree {
  readonly #pages: PageTree
  readonly #item = new Uint32Array(ITEM_WORDS)
  #count: number

  /** @param pages what to build on; left out by everyone but this package and its tests. */
  constructor(pages: PageTree = new PageTree(PAGE_SLOTS)) {
    this.#pages = pages
    this.#count = sizeOf(pages.root)
  }

  /** How many items there are. */
  get count(): number {
    return this.#count
  }

  /**
   * Adds an item. False, and nothing changed, when it is there already, with whatever reference.
   *
   * @throws RangeError when stamp, hash or reference is outside its bounds (see {@link Item}).
   */
  insert(stamp: bigint, hash: Uint8Array, ref = 0): boolean {
    putKey(this.#item, 0, stamp, hash)
    this.#item[KEY_WORDS] = checkRef(ref)
    const added = this.#pages.insert(this.#item)
    if (added) this.#count++
    return added
  }

  /**
   * Takes an item out. False, and nothing changed, when it is not there.
   *
   * @throws RangeError when stamp or hash is outside its bounds.
   */
  remove(stamp: bigint, hash: Uint8Array): boolean {
    putKey(this.#item, 0, stamp, hash)
    const removed = this.#pages.remove(this.#item)
    if (removed) this.#count--
    return removed
  }

  /**
   * The reference of an item, `undefined` when it is not there.
   *
   * @throws RangeError when stamp or hash is outside its bounds.
   */
  refOf(stamp: bigint, hash: Uint8Array): number | undefined {
    putKey(this.#item, 0, stamp, hash)
    const found = this.#pages.find(this.#item)
    return found?.leaf.words[found.slot * ITEM_WORDS + KEY_WORDS]
  }

  /** A tree with the same items, in O(1). Changes of one are not seen in the other; a page is copied when it first changes. */
  clone(): FingerprintTree {
    return new FingerprintTree(this.#pages.clone())
  }

  /** How many items are below a bound: where a range that begins or ends there begins or ends here. */
  rank(bound: Bound): number {
    if (bound.length > KEY_BYTES) return this.#count
    const key = this.#item
    putKeyBytes(key, bound)
    let page = this.#pages.root
    let below = 0
    while (page.children !== undefined) {
      const slot = page.slotFor(key)
      for (let i = 0; i < slot; i++) below += page.count(i)
      page = page.children[slot] as Page
    }
    return below + page.firstNotBelow(key)
  }

  /**
   * Sum and count of the items from rank `from` to rank `to`, by default of all.
   *
   * @throws RangeError unless 0 ≤ `from` ≤ `to` ≤ {@link count}.
   */
  fingerprint(from = 0, to: number = this.#count): Fingerprint {
    this.#checkRange(from, to)
    const sum = new RangeSum()
    this.#addBelow(sum, to, 1)
    this.#addBelow(sum, from, -1)
    return sum.finish()
  }

  /**
   * The item at a rank.
   *
   * @throws RangeError unless 0 ≤ `rank` < {@link count}.
   */
  item(rank: number): Item {
    this.#checkRange(rank, rank + 1)
    const { leaf, slot } = this.#locate(rank)
    return itemAt(leaf, slot)
  }

  /**
   * The shortest bound that parts the item at `rank` from the one before it: the beginning of everything at 0, infinity at
   * {@link count}.
   *
   * @throws RangeError unless 0 ≤ `rank` ≤ {@link count}.
   */
  boundAt(rank: number): Bound {
    this.#checkRange(rank, rank)
    if (rank === 0) return START_BOUND
    if (rank === this.#count) return INFINITY_BOUND
    return boundBetween(this.#keyAt(rank - 1), this.#keyAt(rank))
  }

  /**
   * The items from rank `from` to rank `to` in order, by default all. The tree must not change meanwhile: iterate over a
   * {@link clone} when it may.
   *
   * @throws RangeError unless 0 ≤ `from` ≤ `to` ≤ {@link count}.
   */
  *items(from = 0, to: number = this.#count): Generator<Item, void, undefined> {
    this.#checkRange(from, to)
    for (let rank = from; rank < to;) {
      const { leaf, slot } = this.#locate(rank)
      const end = Math.min(leaf.size, slot + to - rank)
      for (let i = slot; i < end; i++) yield itemAt(leaf, i)
      rank += end - slot
    }
  }

  /**
   * The hashes of the items from rank `from` to rank `to`, 32 bytes each, one after the other.
   *
   * @throws RangeError unless 0 ≤ `from` ≤ `to` ≤ {@link count}.
   */
  hashes(from: number, to: number): Uint8Array<ArrayBuffer> {
    this.#checkRange(from, to)
    const bytes = new Uint8Array((to - from) * ITEM_HASH_BYTES)
    let at = 0
    for (let rank = from; rank < to;) {
      const { leaf, slot } = this.#locate(rank)
      const end = Math.min(leaf.size, slot + to - rank)
      for (let i = slot; i < end; i++, at += ITEM_HASH_BYTES) {
        putBytes(bytes, at, leaf.words, leaf.sumOf(i), HASH_WORDS)
      }
      rank += end - slot
    }
    return bytes
  }

  /**
   * The first 32 bits of the hashes of the items from rank `from` to rank `to`.
   *
   * @throws RangeError unless 0 ≤ `from` ≤ `to` ≤ {@link count}.
   */
  prefixes(from: number, to: number): Uint32Array<ArrayBuffer> {
    this.#checkRange(from, to)
    const prefixes = new Uint32Array(to - from)
    for (let rank = from; rank < to;) {
      const { leaf, slot } = this.#locate(rank)
      const end = Math.min(leaf.size, slot + to - rank)
      for (let i = slot; i < end; i++) prefixes[rank++ - from] = leaf.words[leaf.sumOf(i)] as number
    }
    return prefixes
  }

  /** Adds the items below `rank` to a sum. */
  #addBelow(sum: RangeSum, rank: number, sign: number): void {
    let page = this.#pages.root
    let left = rank
    while (page.children !== undefined) {
      let slot = 0
      while (slot < page.size - 1 && left >= page.count(slot)) left -= page.count(slot++)
      page.addTo(sum, 0, slot, sign)
      page = page.children[slot] as Page
    }
    page.addTo(sum, 0, left, sign)
  }

  /** The leaf and slot of the item at a rank below the count. */
  #locate(rank: number): { readonly leaf: Page; readonly slot: number } {
    let page = this.#pages.root
    let left = rank
    while (page.children !== undefined) {
      let slot = 0
      while (left >= page.count(slot)) left -= page.count(slot++)
      page = page.children[slot] as Page
    }
    return { leaf: page, slot: left }
  }

  #keyAt(rank: number): Uint8Array {
    const { leaf, slot } = this.#locate(rank)
    const key = new Uint8Array(KEY_BYTES)
    putBytes(key, 0, leaf.words, slot * ITEM_WORDS, KEY_WORDS)
    return key
  }

  #checkRange(from: number, to: number): void {
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > this.#count) {
      throw new RangeError(`Ranks must be integers from 0 to ${this.#count} in order, got ${from} and ${to}`)
    }
  }
}

/**
 * A reference that an item may have.
 *
 * @throws RangeError when it may not.
 */
export function checkRef(ref: number): number {
  if (!Number.isInteger(ref) || ref < 0 || ref > REF_MAX) {
    throw new RangeError(`ref must be an integer from 0 to 2^32 - 1, got ${ref}`)
  }
  return ref
}

function sizeOf(page: Page): number {
  let size = 0
  for (let slot = 0; slot < page.size; slot++) size += page.count(slot)
  return size
}

function itemAt(leaf: Page, slot: number): Item {
  const at = slot * ITEM_WORDS
  const hash = new Uint8Array(ITEM_HASH_BYTES)
  putBytes(hash, 0, leaf.words, at + HASH_AT, HASH_WORDS)
  return { stamp: stampAt(leaf.words, at), hash, ref: leaf.words[at + KEY_WORDS] as number }
}
