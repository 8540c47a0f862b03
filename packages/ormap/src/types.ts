import type { Stamp } from '@starling/hlc'

/** Who wrote: 8 random bytes as 16 lowercase hexadecimal digits. Their order as text is their order as bytes. */
export type ReplicaId = string

/**
 * What one replica has to say about one key: its last word, as far as known here. With a value it is a live *dot*; without one
 * it is *evidence* that everything the replica wrote up to `stamp` has been superseded.
 */
export interface Item {
  readonly replica: ReplicaId
  readonly stamp: Stamp
  /** The encoded value, never encoded again and never changed; `undefined` is evidence. */
  readonly value: Uint8Array | undefined
  /** When the value ends, in wall ms since the epoch; a whole number from 0 to 2^53 − 1. Part of the dot; only with a value. */
  readonly expiresAtMs?: number
}

/** An item with a value. */
export interface Dot extends Item {
  readonly value: Uint8Array
}

/**
 * Everything known about one key: at most one item per replica, in ascending order of replica id. Entries are values: no
 * function changes one, and bytes in one must not be changed by anyone.
 */
export interface Entry {
  readonly items: readonly Item[]
}

/** What joining an entry into a map changed, or forgetting evidence. */
export interface EntryChange {
  readonly key: string
  /** The entry before, `undefined` when there was none. */
  readonly previous: Entry | undefined
  /** The entry now. */
  readonly entry: Entry
  /** How many items of the two had the same replica and stamp and yet different values. Honest replicas cause none. */
  readonly clashes: number
}
