import { joinEntries, type Entry, type ObservedRemoveMap } from '@starling/ormap'

interface OwnWrites {
  entry: Entry
  count: number
}

/**
 * The applied state, and this replica's own writes that are not durable yet. Received entries are applied at once, so the two
 * joined are everything that was accepted: the staged head of a key, and what a caller here could know of it.
 */
export class StagedState {
  readonly applied: ObservedRemoveMap
  readonly #own = new Map<string, OwnWrites>()

  constructor(applied: ObservedRemoveMap) {
    this.applied = applied
  }

  /**
   * What a new write supersedes: the visible state joined with own writes still in flight. Without the second part, a remove
   * right after an unfinished put would find nothing to remove.
   */
  get(key: string): Entry | undefined {
    const own = this.#own.get(key)
    const visible = this.applied.get(key)
    if (own === undefined) return visible
    return visible === undefined ? own.entry : joinEntries(visible, own.entry)
  }

  /** A write of ours enters the queue. */
  stage(key: string, entry: Entry): void {
    const own = this.#own.get(key)
    if (own === undefined) {
      this.#own.set(key, { entry, count: 1 })
    } else {
      own.entry = joinEntries(own.entry, entry)
      own.count++
    }
  }

  /** A write of ours was applied. Once no other of this key is in flight, the applied state holds all of them. */
  land(key: string): void {
    const own = this.#own.get(key)
    if (own === undefined) return
    own.count--
    if (own.count === 0) this.#own.delete(key)
  }
}
