import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { PAGE_BITS, PAGE_SLOTS } from './config.ts'

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
  readonly #compute: (slot: number) => Uint8Array

  /** @param compute gives the item hash of what a slot holds now; called only for slots that {@link outdate} was called for. */
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
    if (flag & COUNTED) this.#sum.remove(kept(hashes, at))
    hashes.set(hash, at * ITEM_HASH_BYTES)
    this.#sum.add(hash)
    flags[at] = (flag & LISTED) | COUNTED
  }

  /** The slot no longer has a hash. */
  clear(slot: number): void {
    const { hashes, flags } = this.#page(slot)
    const at = slot & (PAGE_SLOTS - 1)
    const flag = flags[at] as number
    if (flag & COUNTED) this.#sum.remove(kept(hashes, at))
    flags[at] = flag & LISTED
  }

  /** A copy of the hash of a slot that has one. */
  get(slot: number): Uint8Array {
    const { hashes, flags } = this.#page(slot)
    const at = slot & (PAGE_SLOTS - 1)
    if ((flags[at] as number) & DUE) this.set(slot, this.#compute(slot))
    return new Uint8Array(kept(hashes, at))
  }

  /** The sum over all slots that have a hash; a copy. */
  sum(): Fingerprint {
    for (const slot of this.#due) {
      const { flags } = this.#page(slot)
      const at = slot & (PAGE_SLOTS - 1)
      if ((flags[at] as number) & DUE) this.set(slot, this.#compute(slot))
      flags[at] = (flags[at] as number) & ~LISTED
    }
    this.#due.length = 0
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
}

function kept(hashes: Uint8Array, at: number): Uint8Array {
  return hashes.subarray(at * ITEM_HASH_BYTES, (at + 1) * ITEM_HASH_BYTES)
}
