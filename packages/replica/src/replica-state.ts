import {
  Collector,
  ExpiryQueue,
  ItemCensus,
  joinEntries,
  ObservedRemoveMap,
  Quota,
  type Entry,
  type EntryChange,
  type Forgetting,
  type Item,
  type QuotaLimits,
  type QuotaTaken
} from '@starling/ormap'
import type { Clock, Hash } from '@starling/ports'
import { ItemTree } from './item-tree.ts'
import { RowLedger } from './row-ledger.ts'

interface OwnWrites {
  entry: Entry
  count: number
}

/** What a state is made with. */
export interface StateInit {
  readonly hash: Hash
  readonly clock: Clock
  readonly forgetting: Forgetting
  readonly quota: QuotaLimits
  readonly driftMsMax: number
  readonly evidenceMs: number
}

/**
 * The applied state with everything that is kept beside it, and this replica's own writes that are not durable yet. Every change
 * of the state goes through here, so that the fingerprint tree, the quota, the evidence to collect, the ends to wait for and the
 * rows in the log can never disagree with it.
 */
export class ReplicaState {
  readonly map: ObservedRemoveMap
  readonly tree: ItemTree
  readonly ledger: RowLedger
  readonly quota: Quota
  readonly census: ItemCensus = new ItemCensus()
  readonly expiry: ExpiryQueue
  readonly #collector: Collector
  readonly #clock: Clock
  readonly #own = new Map<string, OwnWrites>()
  /** Keys whose rows were damaged and that have not come back. */
  readonly damaged: Set<string> = new Set()
  #staged: QuotaTaken = { live: 0, entries: 0, bytes: 0 }

  constructor({ hash, clock, forgetting, quota, driftMsMax, evidenceMs }: StateInit) {
    this.map = new ObservedRemoveMap(hash)
    this.tree = new ItemTree(this.map)
    this.ledger = new RowLedger(this.map, hash)
    this.quota = new Quota(quota)
    this.expiry = new ExpiryQueue(driftMsMax)
    this.#collector = new Collector({ forgetting, evidenceMs })
    this.#clock = clock
  }

  /** What own writes on their way will add, together. */
  get staged(): QuotaTaken {
    return this.#staged
  }

  /** The quota less what own writes on their way will take of it: for what is received meanwhile. */
  get room(): Pick<Quota, 'lacks'> {
    const { live, entries, bytes } = this.#staged
    if (live === 0 && entries === 0 && bytes === 0) return this.quota
    return {
      lacks: (key, before, after, taken) => {
        const all = {
          live: live + (taken?.live ?? 0),
          entries: entries + (taken?.entries ?? 0),
          bytes: bytes + (taken?.bytes ?? 0)
        }
        return this.quota.lacks(key, before, after, all)
      }
    }
  }

  /** Items of evidence that are kept. */
  get evidence(): number {
    return this.#collector.size
  }

  /**
   * What a new write supersedes: the visible state joined with own writes still in flight. Without the second part, a remove
   * right after an unfinished put would find nothing to remove.
   */
  get(key: string): Entry | undefined {
    const own = this.#own.get(key)
    const visible = this.map.get(key)
    if (own === undefined) return visible
    return visible === undefined ? own.entry : joinEntries(visible, own.entry)
  }

  /** The visible entry of a key when it is encoded as exactly these bytes. */
  heldAs(key: string, wire: Uint8Array): Entry | undefined {
    return this.map.heldAs(key, wire)
  }

  /** A write of ours enters the queue. */
  stage(key: string, entry: Entry, growth: QuotaTaken): void {
    this.#grow(growth, 1)
    const own = this.#own.get(key)
    if (own === undefined) {
      this.#own.set(key, { entry, count: 1 })
    } else {
      own.entry = joinEntries(own.entry, entry)
      own.count++
    }
  }

  /** A write of ours was applied, or will never be. Once no other of this key is in flight, the applied state holds all of them. */
  land(key: string, growth: QuotaTaken): void {
    this.#grow(growth, -1)
    const own = this.#own.get(key)
    if (own === undefined) return
    own.count--
    if (own.count === 0) this.#own.delete(key)
  }

  /** An entry read from the log, each key once, before anything else; {@link ItemTree.build} follows. */
  load(key: string, entry: Entry, itemHash: Uint8Array | undefined): EntryChange | undefined {
    const change = this.map.join(key, entry, itemHash)
    if (change === undefined) return undefined
    this.tree.load(key, change.entry)
    this.quota.note(change)
    this.census.load(change.entry)
    this.#collector.load(key, change.entry, this.#clock.monotonicMs())
    this.noteEnds(key, change.entry)
    return change
  }

  /** Joins an entry into a key. The parameters are those of the map's `join`. */
  join(key: string, entry: Entry, itemHash?: Uint8Array, wire?: Uint8Array): EntryChange | undefined {
    const hashBefore = this.map.itemHash(key)
    const change = this.map.join(key, entry, itemHash, wire)
    if (change !== undefined) this.#follow(change, hashBefore)
    return change
  }

  /** Puts an entry in the place of a key's. No merge: for the repair of a clock. */
  replace(key: string, entry: Entry): EntryChange {
    const hashBefore = this.map.itemHash(key)
    const change = this.map.replace(key, entry)
    this.#follow(change, hashBefore)
    return change
  }

  /** Asks to be woken when something of the entry ends. */
  noteEnds(key: string, entry: Entry): void {
    for (const { expiresAtMs } of entry.items) {
      if (expiresAtMs === undefined) continue
      this.expiry.note(key, entry, this.#clock.wallMs())
      return
    }
  }

  /**
   * Collects evidence that may go.
   *
   * @param budget items examined at most.
   * @returns the keys whose rows change.
   */
  sweep(budget: number): readonly string[] {
    const dropEvidence = (key: string, isCovered: (item: Item) => boolean): EntryChange | undefined => {
      const hash = this.map.itemHash(key)
      const change = this.map.dropEvidence(key, isCovered)
      if (change === undefined) return undefined
      this.ledger.leave(key, change.previous, hash)
      this.quota.note(change)
      this.census.note(change)
      return change
    }
    const changes = this.#collector.sweep({ dropEvidence }, this.#clock.monotonicMs(), budget)
    return changes.map(({ key }) => key)
  }

  #follow(change: EntryChange, hashBefore: Uint8Array | undefined): void {
    const { key, previous, entry } = change
    this.ledger.leave(key, previous, hashBefore)
    this.tree.move(key, change, hashBefore)
    this.quota.note(change)
    this.census.note(change)
    this.#collector.note(change, this.#clock.monotonicMs())
    this.noteEnds(key, entry)
    if (this.damaged.size > 0) this.damaged.delete(key)
  }

  #grow({ live, entries, bytes }: QuotaTaken, sign: 1 | -1): void {
    this.#staged = {
      live: this.#staged.live + sign * live,
      entries: this.#staged.entries + sign * entries,
      bytes: this.#staged.bytes + sign * bytes
    }
  }
}
