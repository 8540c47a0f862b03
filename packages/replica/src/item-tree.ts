import { equalBytes } from '@starling/codec'
import { isDot, type Entry, type EntryChange, type ObservedRemoveMap } from '@starling/ormap'
import { FingerprintTree, FingerprintTreeBuilder } from '@starling/reconcile'

/**
 * The fingerprint tree over the live entries of a map: an item is an entry's greatest live stamp and its item hash, and refers to
 * its key by the map's own reference. Evidence is in no item, so that forgetting it changes nothing here.
 */
export class ItemTree {
  readonly #map: ObservedRemoveMap
  #tree = new FingerprintTree()
  #builder: FingerprintTreeBuilder | undefined = new FingerprintTreeBuilder()

  constructor(map: ObservedRemoveMap) {
    this.#map = map
  }

  /** Adds an entry while the state is being loaded. */
  load(key: string, entry: Entry): void {
    const hash = this.#map.itemHash(key)
    if (hash !== undefined) this.#builder?.add(greatestLiveStamp(entry), hash, this.#refOf(key))
  }

  /** Everything is loaded. */
  build(): void {
    if (this.#builder !== undefined) this.#tree = this.#builder.finish()
    this.#builder = undefined
  }

  /** Follows a change of the map, which has been made. */
  move(key: string, { previous, entry }: EntryChange, hashBefore: Uint8Array | undefined): void {
    const hash = this.#map.itemHash(key)
    if (hash !== undefined && hashBefore !== undefined && equalBytes(hash, hashBefore)) return
    if (hashBefore !== undefined && previous !== undefined) {
      this.#tree.remove(greatestLiveStamp(previous), hashBefore)
    }
    if (hash !== undefined) this.#tree.insert(greatestLiveStamp(entry), hash, this.#refOf(key))
  }

  /** Whether there is such an item. */
  has(stamp: bigint, hash: Uint8Array): boolean {
    return this.#tree.refOf(stamp, hash) !== undefined
  }

  /** The tree as it is now: later changes are not in it. */
  snapshot(): FingerprintTree {
    return this.#tree.clone()
  }

  #refOf(key: string): number {
    const ref = this.#map.refOf(key)
    if (ref === undefined) throw new Error(`an entry that is live has no reference: ${JSON.stringify(key)}`)
    return ref
  }
}

/** The stamp by which an entry is found among the items; 0 when nothing of it is live. */
export function greatestLiveStamp(entry: Entry): bigint {
  let greatest = 0n
  for (const item of entry.items) if (isDot(item) && item.stamp > greatest) greatest = item.stamp
  return greatest
}
