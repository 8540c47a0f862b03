import type { Entry, EntryChange, ReplicaId } from './types.ts'

/** How many items of each replica id the map holds, live or not, so that nobody has to look through the map to learn it. */
export class ItemCensus {
  readonly #items = new Map<ReplicaId, number>()

  /** Whether any entry has an item of the id. */
  has(replica: ReplicaId): boolean {
    return this.#items.has(replica)
  }

  /** An entry that was loaded. */
  load(entry: Entry): void {
    for (const { replica } of entry.items) this.#add(replica, 1)
  }

  /** Something in the map changed. */
  note({ previous, entry }: EntryChange): void {
    const before = previous?.items ?? []
    const after = entry.items
    let i = 0
    let j = 0
    while (i < before.length || j < after.length) {
      const left = before[i]?.replica
      const right = after[j]?.replica
      if (left === right) {
        i++
        j++
      } else if (right === undefined || (left !== undefined && left < right)) {
        this.#add(left as ReplicaId, -1)
        i++
      } else {
        this.#add(right, 1)
        j++
      }
    }
  }

  #add(replica: ReplicaId, by: number): void {
    const count = (this.#items.get(replica) ?? 0) + by
    if (count > 0) this.#items.set(replica, count)
    else this.#items.delete(replica)
  }
}
