import { concat } from './concat.ts'
import type { FingerprintTree, Item } from './fingerprint-tree.ts'

/** Items of a tree that stays as it is, by their ranks. Iterating makes the items, so that many cost little until then. */
export class ItemRanges implements Iterable<Item> {
  readonly #tree: FingerprintTree
  // Pairs of ranks, the second exclusive.
  readonly #ranks: number[] = []
  #count = 0

  constructor(tree: FingerprintTree) {
    this.#tree = tree
  }

  /** How many items there are. */
  get count(): number {
    return this.#count
  }

  /** Adds the items from rank `from` to rank `to`. */
  add(from: number, to: number): void {
    if (from === to) return
    const ranks = this.#ranks
    if (ranks.at(-1) === from) ranks[ranks.length - 1] = to
    else ranks.push(from, to)
    this.#count += to - from
  }

  /** The ranks of the items, in order. */
  *ranks(): Generator<number, void, undefined> {
    for (let i = 0; i < this.#ranks.length; i += 2) {
      for (let rank = this.#ranks[i] as number; rank < (this.#ranks[i + 1] as number); rank++) yield rank
    }
  }

  /** The hashes of the items, 32 bytes each, one after the other. */
  hashes(): Uint8Array {
    const parts: Uint8Array[] = []
    for (let i = 0; i < this.#ranks.length; i += 2) {
      parts.push(this.#tree.hashes(this.#ranks[i] as number, this.#ranks[i + 1] as number))
    }
    return concat(parts)
  }

  *[Symbol.iterator](): Generator<Item, void, undefined> {
    for (let i = 0; i < this.#ranks.length; i += 2) {
      yield* this.#tree.items(this.#ranks[i], this.#ranks[i + 1])
    }
  }
}
