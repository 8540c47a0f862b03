import type { Hash } from '@starling/ports'
import { Fingerprint } from '@starling/reconcile/fingerprint'
import { countClashes, EMPTY_ENTRY, isDot, joinEntries, sameLiveDots } from './entry.ts'
import type { Entry, EntryChange, Item } from './types.ts'
import { encodeLive } from './wire.ts'

interface Held {
  readonly entry: Entry
  /** The item hash; `undefined` when there is no live dot. */
  readonly hash: Uint8Array | undefined
}

/**
 * The state of one observed-remove map: what has been applied. It changes by joining entries, so that the order and the
 * number of times they arrive do not matter, and by forgetting evidence. It neither stores nor sends.
 *
 * Evidence is kept with the entries; the fingerprint and the size are of live entries only.
 */
export class ObservedRemoveMap {
  readonly #hash: Hash
  readonly #held = new Map<string, Held>()
  readonly #root = new Fingerprint()
  #size = 0

  constructor(hash: Hash) {
    this.#hash = hash
  }

  /** How many keys have a live value. */
  get size(): number {
    return this.#size
  }

  /** How many keys have an entry, those with evidence only included. */
  get entryCount(): number {
    return this.#held.size
  }

  /** The fingerprint over the item hashes of all live entries; a copy. */
  get root(): Fingerprint {
    return this.#root.clone()
  }

  /** The entry of a key, also when it is evidence only. */
  get(key: string): Entry | undefined {
    return this.#held.get(key)?.entry
  }

  /** The item hash of a key, `undefined` when it has no live value. 32 bytes; not to be changed. */
  itemHash(key: string): Uint8Array | undefined {
    return this.#held.get(key)?.hash
  }

  /**
   * Joins an entry into a key.
   *
   * @param hash the item hash of `entry` when the caller has it already, from encoding it or from its row: then it is not
   * computed again unless the join leaves other live dots than `entry` has.
   * @returns what changed, or `undefined` when nothing did.
   */
  join(key: string, entry: Entry, hash?: Uint8Array): EntryChange | undefined {
    const before = this.#held.get(key)
    const previous = before?.entry
    const clashes = countClashes(previous, entry)
    const joined = joinEntries(previous, entry)
    if (joined === previous || joined.items.length === 0) return undefined
    let next: Uint8Array | undefined
    if (before !== undefined && sameLiveDots(joined, before.entry)) next = before.hash
    else if (hash !== undefined && sameLiveDots(joined, entry)) next = hash
    else next = encodeLive(key, joined, this.#hash)?.hash
    if (before?.hash !== undefined) {
      this.#root.remove(before.hash)
      this.#size--
    }
    if (next !== undefined) {
      this.#root.add(next)
      this.#size++
    }
    this.#held.set(key, { entry: joined, hash: next })
    return { key, previous, entry: joined, clashes }
  }

  /**
   * Forgets the evidence of a key for which `isCovered` says so; a dot is never forgotten. An entry that is left without items
   * is gone. This is no merge: only collection may use it, for what every replica has.
   *
   * @returns what changed, with an `entry` without items when the key is gone; `undefined` when nothing did.
   */
  dropEvidence(key: string, isCovered: (item: Item) => boolean): EntryChange | undefined {
    const held = this.#held.get(key)
    if (held === undefined) return undefined
    const items = held.entry.items.filter(item => isDot(item) || !isCovered(item))
    if (items.length === held.entry.items.length) return undefined
    const entry: Entry = items.length === 0 ? EMPTY_ENTRY : { items }
    if (items.length === 0) this.#held.delete(key)
    // Evidence is not in the item hash, so that the fingerprint stays.
    else this.#held.set(key, { entry, hash: held.hash })
    return { key, previous: held.entry, entry, clashes: 0 }
  }

  /** The keys with a live value and their entries, in the order in which they first arrived. */
  *entries(): IterableIterator<[key: string, entry: Entry]> {
    for (const [key, { entry, hash }] of this.#held) if (hash !== undefined) yield [key, entry]
  }

  /** All entries, those with evidence only included. */
  *allEntries(): IterableIterator<[key: string, entry: Entry]> {
    for (const [key, { entry }] of this.#held) yield [key, entry]
  }
}
