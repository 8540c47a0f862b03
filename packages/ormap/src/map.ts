import { decodeUtf8 } from '@starling/codec'
import type { Hash } from '@starling/ports'
import { ITEM_HASH_BYTES, type Fingerprint } from '@starling/reconcile/fingerprint'
import { copyBytes } from './copy-bytes.ts'
import { countClashes, EMPTY_ENTRY, hasLiveDot, isDot, joinEntries, sameLiveDots } from './entry.ts'
import { entryLength, isLive, keyStart, liveEnd, readEntry, skipKey, writeEntry } from './entry-bytes.ts'
import { ItemHashes } from './item-hashes.ts'
import { SlabStore } from './slab-store.ts'
import type { Entry, EntryChange, Item } from './types.ts'
import type { EncodedRow } from './wire.ts'

/** The key in UTF-8 and the row of the live dots, as views on the store, which never change. */
export interface LiveRow {
  readonly key: Uint8Array
  /** `undefined` when there are none. */
  readonly live: EncodedRow | undefined
  /** Whether there is evidence beside them. */
  readonly hasEvidence: boolean
}

/**
 * The state of one observed-remove map: what has been applied. It changes by joining entries, so that the order and the
 * number of times they arrive do not matter, and by forgetting evidence. It neither stores nor sends.
 *
 * Entries are kept encoded, in slabs: `get` decodes one, with values that are views and never change. A view keeps the slab that
 * it is on (64 KiB) alive: copy a value that is to be held for long. Evidence is kept with the entries; the fingerprint and the
 * size are of live entries only.
 */
export class ObservedRemoveMap {
  readonly #store = new SlabStore()
  readonly #hashes: ItemHashes
  #size = 0
  // What was looked for last: a write or intake gets the entry, and the join that follows needs it again.
  #lastKey: string | undefined
  #lastSlot: number | undefined
  #lastEntry: Entry | undefined
  // And where it is, which stays true when the entry changes: whoever follows a change asks for it several times.
  #placedKey: string | undefined
  #placedSlot: number | undefined

  constructor(hash: Hash) {
    this.#hashes = new ItemHashes(slot => {
      const bytes = this.#store.bytesOf(slot)
      const start = this.#store.offsetOf(slot)
      return hash(bytes.subarray(start, liveEnd(bytes, start)))
    })
  }

  /** How many keys have a live value. */
  get size(): number {
    return this.#size
  }

  /** How many keys have an entry, those with evidence only included. */
  get entryCount(): number {
    return this.#store.size
  }

  /** The fingerprint over the item hashes of all live entries; a copy. Hashes what has changed since it was last asked for. */
  get root(): Fingerprint {
    return this.#hashes.sum()
  }

  /** Bytes that the encoded entries take here, and bytes that are reserved for them. */
  get storage(): { readonly usedBytes: number; readonly reservedBytes: number } {
    return { usedBytes: this.#store.liveBytes, reservedBytes: this.#store.slabBytes }
  }

  /** The entry of a key, also when it is evidence only. Decoded for each call; only its content counts. */
  get(key: string): Entry | undefined {
    this.#find(key)
    return this.#lastEntry
  }

  /** What `encodeEntry` gives for a key: a view on the store, which never changes. `undefined` when there is no entry. */
  encoded(key: string): Uint8Array | undefined {
    const slot = this.#slotOf(key)
    return slot === undefined ? undefined : this.#store.rowOf(slot)
  }

  /** What {@link get} gives when {@link encoded} gives exactly these bytes, else `undefined`. */
  heldAs(key: string, wire: Uint8Array): Entry | undefined {
    const slot = this.#slotOf(key)
    return slot !== undefined && this.#store.isRow(slot, wire) ? this.get(key) : undefined
  }

  /** How a key is stored, without decoding it; `undefined` when there is no entry. */
  liveRow(key: string): LiveRow | undefined {
    const slot = this.#slotOf(key)
    if (slot === undefined) return undefined
    const bytes = this.#store.bytesOf(slot)
    const start = this.#store.offsetOf(slot)
    const liveAt = skipKey(bytes, start)
    const evidenceAt = liveEnd(bytes, start)
    return {
      key: bytes.subarray(keyStart(bytes, start), liveAt),
      live:
        bytes[liveAt] === 0
          ? undefined
          : { bytes: bytes.subarray(liveAt, evidenceAt), hash: this.#hashes.get(slot) },
      hasEvidence: bytes[evidenceAt] !== 0
    }
  }

  /** A small number that stands for a key while it has an entry, and may stand for another key afterwards. */
  refOf(key: string): number | undefined {
    return this.#slotOf(key)
  }

  /** The key that such a number stands for now; `undefined` when it stands for none. */
  keyOf(ref: number): string | undefined {
    if (!this.#store.holds(ref)) return undefined
    const bytes = this.#store.bytesOf(ref)
    const start = this.#store.offsetOf(ref)
    return decodeUtf8(bytes.subarray(keyStart(bytes, start), skipKey(bytes, start)))
  }

  /** The item hash of a key, 32 bytes; `undefined` when it has no live value. */
  itemHash(key: string): Uint8Array | undefined {
    const slot = this.#slotOf(key)
    return slot !== undefined && this.#isLive(slot) ? this.#hashes.get(slot) : undefined
  }

  /**
   * Joins an entry into a key.
   *
   * @param hash the item hash of `entry` when the caller has it already, from encoding it or from its row: then it is not
   * computed again unless the join leaves other live dots than `entry` has. Without it, it is computed when it is needed.
   * @param wire what `encodeEntry` gives for `entry`, when the caller has it already: then it is copied.
   * @returns what changed, or `undefined` when nothing did.
   */
  join(key: string, entry: Entry, hash?: Uint8Array, wire?: Uint8Array): EntryChange | undefined {
    if (hash !== undefined && hash.length !== ITEM_HASH_BYTES) {
      throw new RangeError(`an item hash has ${ITEM_HASH_BYTES} bytes, got ${hash.length}`)
    }
    this.#find(key)
    const known = this.#lastSlot
    const previous = this.#lastEntry
    const joined = joinEntries(previous, entry)
    if (joined === previous || joined.items.length === 0) return undefined
    const slot = this.#write(key, joined, known, joined === entry ? wire : undefined)
    const wasLive = previous !== undefined && hasLiveDot(previous)
    const isLiveNow = hasLiveDot(joined)
    this.#size += Number(isLiveNow) - Number(wasLive)
    if (!isLiveNow) {
      if (wasLive) this.#hashes.clear(slot)
    } else if (previous === undefined || !sameLiveDots(joined, previous)) {
      if (hash !== undefined && sameLiveDots(joined, entry)) this.#hashes.set(slot, hash)
      else this.#hashes.outdate(slot)
    }
    return { key, previous, entry: joined, clashes: countClashes(previous, entry) }
  }

  /**
   * Puts an entry with items in the place of whatever a key has. This is no merge: only the repair of a clock may use it, for
   * items that no peer has ever accepted.
   */
  replace(key: string, entry: Entry): EntryChange {
    if (entry.items.length === 0)
      throw new RangeError('an entry without items cannot be put in place of another')
    this.#find(key)
    const previous = this.#lastEntry
    const slot = this.#write(key, entry, this.#lastSlot)
    const wasLive = previous !== undefined && hasLiveDot(previous)
    const isLiveNow = hasLiveDot(entry)
    this.#size += Number(isLiveNow) - Number(wasLive)
    if (isLiveNow) this.#hashes.outdate(slot)
    else if (wasLive) this.#hashes.clear(slot)
    return { key, previous, entry, clashes: 0 }
  }

  /**
   * Forgets the evidence of a key for which `isCovered` says so; a dot is never forgotten. An entry that is left without items
   * is gone. This is no merge: only collection may use it, for what every replica has.
   *
   * @returns what changed, with an `entry` without items when the key is gone; `undefined` when nothing did.
   */
  dropEvidence(key: string, isCovered: (item: Item) => boolean): EntryChange | undefined {
    this.#find(key)
    const slot = this.#lastSlot
    const previous = this.#lastEntry
    if (slot === undefined || previous === undefined) return undefined
    const items = previous.items.filter(item => isDot(item) || !isCovered(item))
    if (items.length === previous.items.length) return undefined
    const entry: Entry = items.length === 0 ? EMPTY_ENTRY : { items }
    // Evidence is not in the item hash, so that the fingerprint stays.
    if (items.length > 0) {
      this.#write(key, entry, slot)
    } else {
      this.#store.delete(key)
      this.#placedKey = undefined
      this.#placedSlot = undefined
    }
    this.#forgetLast()
    return { key, previous, entry, clashes: 0 }
  }

  /** The keys with a live value and their entries, in the order in which they first arrived. */
  *entries(): IterableIterator<[key: string, entry: Entry]> {
    for (const [key, slot] of this.#store.entries()) if (this.#isLive(slot)) yield [key, this.#decode(slot)]
  }

  /** All entries, those with evidence only included. */
  *allEntries(): IterableIterator<[key: string, entry: Entry]> {
    for (const [key, slot] of this.#store.entries()) yield [key, this.#decode(slot)]
  }

  #write(key: string, entry: Entry, known: number | undefined, wire?: Uint8Array): number {
    const to = this.#store.reserve(wire?.length ?? entryLength(key, entry))
    if (wire === undefined) writeEntry(to, this.#store.room, key, entry)
    else copyBytes(wire, 0, wire.length, to, this.#store.room)
    this.#forgetLast()
    const slot = this.#store.commit(key, known)
    this.#placedKey = key
    this.#placedSlot = slot
    return slot
  }

  /** Looks for a key, and leaves what it finds in the three fields. */
  #find(key: string): void {
    if (key === this.#lastKey) return
    const slot = this.#slotOf(key)
    this.#lastKey = key
    this.#lastSlot = slot
    this.#lastEntry = slot === undefined ? undefined : this.#decode(slot)
  }

  /** Where a key is. A caller without types may ask for the key `undefined`, which is nowhere. */
  #slotOf(key: string): number | undefined {
    if (key === this.#placedKey) return this.#placedSlot
    const slot = this.#store.slotOf(key)
    this.#placedKey = key
    this.#placedSlot = slot
    return slot
  }

  /** What was found is no longer so. All three go: a caller without types may ask for the key `undefined`. */
  #forgetLast(): void {
    this.#lastKey = undefined
    this.#lastSlot = undefined
    this.#lastEntry = undefined
  }

  #decode(slot: number): Entry {
    return readEntry(this.#store.bytesOf(slot), this.#store.offsetOf(slot))
  }

  #isLive(slot: number): boolean {
    return isLive(this.#store.bytesOf(slot), this.#store.offsetOf(slot))
  }
}
