import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { PAGE_BITS, PAGE_SLOTS } from './config.ts'
import { copyBytes } from './copy-bytes.ts'

/** The hash of the slot is in the sum. */
const COUNTED = 1
/** The slot has a hash, but not the one that is kept. */
const DUE = 2
/** The slot is in the list of those to look at. */
const LISTED = 4

interface Page {
  readonly hashes: Uint8Array
  readonly flags: Uint8Array
}

/**
 * The item hashes by slot, and their sum. A hash is computed when somebody needs it: a key that is written many times between
 * two looks at the sum is hashed once.
 */
export class ItemHashes {
  readonly #pages: Page[] = []
  readonly #sum = new Fingerprint()
  /** Each slot at most once, so never more than there are slots. */
  readonly #due: number[] = []
  /** Filled and read at once: a view for each hash would cost more than the sum. */
  readonly #oneHash = new Uint8Array(ITEM_HASH_BYTES)
  readonly #compute: (slot: number) => Uint8Array

  /**
   * @param compute gives the item hash of what a slot holds now, an array of its own; called only for slots that
   * {@link outdate} was called for.
   */
  constructor(compute: (slot: number) => Uint8Array) {
    this.#compute = compute
  }

  /** What the slot holds has another hash now. */
  outdate(slot: number): void {
    const { flags } = this.#page(slot)
    const at = slot & (PAGE_SLOTS - 1)
    const before = flags[at] as number
    if ((before & LISTED) === 0) this.#due.push(slot)
    flags[at] = before | DUE | LISTED
  }

  /** What the slot holds has this hash now. */
  set(slot: number, hash: Uint8Array): void {
    if (hash.length !== ITEM_HASH_BYTES) {
      throw new RangeError(`an item hash has ${ITEM_HASH_BYTES} bytes, got ${hash.length}`)
    }
    const { hashes, flags } = this.#page(slot)
    const at = slot & (PAGE_SLOTS - 1)
    const flag = flags[at] as number
    if (flag & COUNTED) this.#sum.remove(this.#kept(hashes, at))
    copyBytes(hash, 0, ITEM_HASH_BYTES, hashes, at * ITEM_HASH_BYTES)
    this.#sum.add(hash)
    flags[at] = (flag & LISTED) | COUNTED
  }

  /** The slot no longer has a hash. */
  clear(slot: number): void {
    const { hashes, flags } = this.#page(slot)
    const at = slot & (PAGE_SLOTS - 1)
    const flag = flags[at] as number
    if (flag & COUNTED) this.#sum.remove(this.#kept(hashes, at))
    flags[at] = flag & LISTED
  }

  /** A copy of the hash of a slot that has one. */
  get(slot: number): Uint8Array {
    const { hashes, flags } = this.#page(slot)
    const at = slot & (PAGE_SLOTS - 1)
    if (((flags[at] as number) & DUE) === 0) return new Uint8Array(this.#kept(hashes, at))
    const hash = this.#compute(slot)
    this.set(slot, hash)
    return hash
  }

  /** The sum over all slots that have a hash; a copy. */
  sum(): Fingerprint {
    for (let slot = this.#due.pop(); slot !== undefined; slot = this.#due.pop()) {
      const { flags } = this.#page(slot)
      const at = slot & (PAGE_SLOTS - 1)
      if ((flags[at] as number) & DUE) this.set(slot, this.#compute(slot))
      flags[at] = (flags[at] as number) & ~LISTED
    }
    return this.#sum.clone()
  }

  #page(slot: number): Page {
    const number = slot >>> PAGE_BITS
    while (number >= this.#pages.length) {
      const hashes = new Uint8Array(PAGE_SLOTS * ITEM_HASH_BYTES)
      this.#pages.push({ hashes, flags: new Uint8Array(PAGE_SLOTS) })
    }
    return this.#pages[number] as Page
  }

  /** The hash of a slot, until the next call. */
  #kept(hashes: Uint8Array, at: number): Uint8Array {
    copyBytes(hashes, at * ITEM_HASH_BYTES, ITEM_HASH_BYTES, this.#oneHash, 0)
    return this.#oneHash
  }
}
