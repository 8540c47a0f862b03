import type { OnStale, QuotaLimits } from '@starling/ormap'
import type { Clock, Hash, Metrics, Timers } from '@starling/ports'
import type { Replica, ReplicaOwner, ReplicaStats } from '@starling/replica'
import type { MapLimits } from './config.ts'
import type { SyncView } from './synced.ts'
import type { Schema } from './schema.ts'

/** Where a change came from: written here, or received. `snapshot` is what was there when the watch began. */
export type Origin = 'local' | 'remote' | 'snapshot'

/**
 * One step of a watch. Taking `set` and `conflict` as "the key now has this value", `delete` and `expired` as "the key is gone", in
 * order, gives the map's state.
 *
 * - `set`: the key has one value.
 * - `conflict`: the key has several, written without knowing each other; `value` is the one that `get` shows.
 * - `delete`: the key has none any more. `expired`: the same, because the time of its last value was over.
 * - `resync`: changes were missed because the reader was too slow: forget what was read. A watch from a snapshot goes on with
 *   a fresh one; one from `now` goes on with what changes next, and the map has to be read for the rest.
 */
export type MapEvent<V> =
  | {
      readonly type: 'set' | 'conflict'
      readonly key: string
      readonly value: V
      /** What the reader was last shown, or what was there before the change; `undefined` when there was nothing. */
      readonly previous: V | undefined
      /** The version of the key, as `getWithVersion` gives it. */
      readonly version: string
      readonly origin: Origin
    }
  | {
      readonly type: 'delete'
      readonly key: string
      readonly value: undefined
      readonly previous: V | undefined
      readonly version: undefined
      readonly origin: Origin
    }
  | {
      readonly type: 'expired'
      readonly key: string
      readonly value: undefined
      readonly previous: V | undefined
      readonly version: undefined
      readonly origin: Origin
    }
  | {
      readonly type: 'resync'
      /** How many changes this reader is not told of: the last of each key that waited, and each one after there was no more room. */
      readonly missed: number
      readonly key: undefined
      readonly value: undefined
      readonly previous: undefined
      readonly version: undefined
      readonly origin: undefined
    }

/** How to watch. */
export interface WatchOptions {
  /** Ends the watch: a read that waits, and every later one, rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Begin with a `set` or `conflict` for every key there is, or with the next change. Default `now`. */
  readonly from?: 'snapshot' | 'now'
}

/** A value and the version of its key. */
export interface Versioned<V> {
  readonly value: V
  /** Covers all live values of the key: it differs as soon as a concurrent write arrives. */
  readonly version: string
}

/** One of several values of a key. */
export interface Conflict<V> {
  readonly value: V
  /** The stamp of the write: 48 bits of wall milliseconds, 16 bits of counter. */
  readonly stamp: bigint
  /** The replica that wrote it. */
  readonly replica: string
  /** When its time is over, in wall ms since the epoch; absent for a value that stays. */
  readonly expiresAtMs?: number
}

/** What a write made. */
export interface Written {
  readonly version: string
  /** Greater than the stamp of everything it replaced: a fencing token. */
  readonly stamp: bigint
}

/** One step of a batch. */
export type BatchOperation<V> =
  | { readonly type: 'set'; readonly key: string; readonly value: V; readonly ttlMs?: number }
  | { readonly type: 'delete'; readonly key: string }

/** Options of every write. */
export interface WriteOptions {
  /** Looked at before anything happens, and while the write waits for other nodes. A write that has begun is not undone. */
  readonly signal?: AbortSignal
  /**
   * On how many nodes' disks the write must be before it counts as done, this one included. Default 1. Only nodes this one is
   * linked with are asked; `ReplicationTimeoutError` says who answered in time, and the write stays.
   */
  readonly replicas?: number
  /** How long to wait for the other nodes, in ms, from when the write is durable here. Default 5,000. */
  readonly timeoutMs?: number
}

/** Options of a write of a value. */
export interface SetOptions extends WriteOptions {
  /**
   * How long the value lives, in ms: 1 to 10 years. It is gone on each node when that node's wall clock is so far after this
   * one's at the write; nodes' clocks differ, so seconds are the least that makes sense.
   */
  readonly ttlMs?: number
  /**
   * Write the value again, three times in its time to live, while this node has the map open and nobody else has written or
   * removed the key: presence. It is removed when the map is closed, and ends by itself when the process dies. Needs `ttlMs`.
   */
  readonly renew?: boolean
}

/** Which keys, and in which order. Keys are compared by their UTF-16 code units, as `<` does. */
export interface RangeOptions {
  /** Keys that begin so. */
  readonly prefix?: string
  /** Keys at or after, or after. */
  readonly gte?: string
  readonly gt?: string
  /** Keys before, or at or before. */
  readonly lt?: string
  readonly lte?: string
  /** Greatest first. */
  readonly reverse?: boolean
  /** At most so many. */
  readonly limit?: number
}

/**
 * What keeps a map from being what its user expects; each has a line in the README that says what to do.
 *
 * - `not-synced`: no round with a neighbour has been completed since the map was opened.
 * - `unconverged`: entries of peers are refused here; `refused` counts them by reason.
 * - `over-quota`: they are refused, or local writes are, for want of room.
 * - `clock-ahead`: this node's stamps are so far ahead of its wall clock that it refuses to write.
 * - `stale`: values wait, set aside, for a decision; `stale()` lists them.
 * - `damaged`: rows of the store were unreadable and their keys have not come back from a peer yet.
 * - `poisoned`: the disk failed; reads go on, writes reject until the store has been opened again.
 */
export type HealthState =
  | 'not-synced'
  | 'unconverged'
  | 'over-quota'
  | 'clock-ahead'
  | 'stale'
  | 'damaged'
  | 'poisoned'

/** How a map is. */
export interface MapHealth {
  /** Nothing of it applies. */
  readonly ok: boolean
  readonly states: readonly HealthState[]
  /** Entries of peers that are refused here, by reason. */
  readonly refused: Readonly<Record<string, number>>
  /** How far stamps are ahead of the wall clock while writes are refused for it, in ms; else 0. */
  readonly clockAheadMs: number
  /** Values set aside. */
  readonly stale: number
  readonly damagedKeys: readonly string[]
}

/** A value that was taken away although nothing that superseded it was at hand. */
export interface StaleValue<V> {
  readonly key: string
  /** `undefined` when the schema refuses it. */
  readonly value: V | undefined
  /** When it was set aside, in wall ms since the epoch. */
  readonly setAsideMs: number
}

/** What an import did. */
export interface Imported {
  /** Entries that were written. */
  readonly entries: number
  /** Entries that were left out because their time is over. */
  readonly expired: number
}

/** Gauges of a map, and the replica's counters. */
export interface MapStats {
  /** `closing` from the call of `close` or `destroy` on. */
  readonly state: 'open' | 'closing' | 'closed'
  /** Keys that are shown. */
  readonly entries: number
  /** Bytes of all keys and live values, those not shown included. */
  readonly bytes: number
  /** Keys not shown because the schema or the codec refuses the value that won. */
  readonly invalid: number
  /** Keys with several values, written without knowing each other. */
  readonly conflicts: number
  readonly watchers: number
  /** Keys this node renews. */
  readonly renewals: number
  /** Calls of change listeners that threw. */
  readonly listenersFailed: number
  /** Peers' writes took the map over `entriesMax` or `bytesMax`: local writes that add are refused. */
  readonly overQuota: boolean
  readonly replica: ReplicaStats
}

/** An open replica, and what is known of its reconciliation. */
export interface OpenedReplica {
  readonly replica: Replica
  /** The topic's sessions. Without it there is nobody to reconcile with. */
  readonly sync?: SyncView
}

/** What a map stands on. */
export interface MapComponents {
  /** Opens the map's replica with the map as its owner; called once, at once. `quota` is for the replica to keep. */
  readonly open: (owner: ReplicaOwner, needs: { readonly quota: QuotaLimits }) => Promise<OpenedReplica>
  readonly clock: Clock
  readonly timers: Timers
  readonly hash: Hash
  /** Where the map's figures are registered, under the name of its replica. */
  readonly metrics?: Metrics
  /** There is nobody else: the map counts as synced at once. Default: when there is no `sync`. */
  readonly alone?: boolean
}

/** What the user of a map says. */
export interface MapInit<V> {
  readonly schema?: Schema<V>
  /** What differs from `MAP_LIMITS`. */
  readonly limits?: Partial<MapLimits>
}

/**
 * A map that every node holds whole. Reads are synchronous and local, writes are asynchronous and durable. Values that come
 * out are the caller's own: changing one changes nothing here.
 */
export interface ReplicatedMap<V> extends Iterable<readonly [key: string, value: V]> {
  /** Keys with a value that is shown. */
  readonly size: number
  /** The value, or `undefined`. Of concurrent writes, the one with the greatest stamp, then the greatest replica id. */
  get(key: string): V | undefined
  getWithVersion(key: string): Versioned<V> | undefined
  has(key: string): boolean
  /** Keys in no particular order. Changes made while iterating may or may not be seen. */
  keys(): IterableIterator<string>
  values(): IterableIterator<V>
  entries(): IterableIterator<readonly [key: string, value: V]>
  /** Every value of a key that no later write had seen, the one that `get` shows first. Empty for an absent key. */
  conflicts(key: string): readonly Conflict<V>[]
  /**
   * Entries in the order of their keys. The order is built with the first call, and kept from then on. Changes made while
   * iterating are seen when they lie ahead.
   *
   * @throws TypeError for bounds that are no strings or two of one side; RangeError for a limit that is none.
   */
  range(options?: RangeOptions): IterableIterator<readonly [key: string, value: V]>
  /**
   * `present`, `absent`, or `notSynced`: not here, while no round with a neighbour has been completed since the map was
   * opened, so that another node may well have it.
   */
  presence(key: string): 'present' | 'absent' | 'notSynced'
  /**
   * Resolves when everything was compared with one neighbour since the map was opened; at once on a node without contacts.
   * Rejects with the signal's reason, or `MapClosedError`.
   */
  whenSynced(options?: { readonly signal?: AbortSignal }): Promise<void>
  /**
   * Writes and resolves once it is durable here and on its way to the others; with `replicas`, once it is durable on so many
   * nodes. Settles all conflicts of the key that were visible at the call.
   *
   * @throws TypeError, RangeError for a bad key or option; `UnencodableValueError`, `ValueTooLargeError`, `SchemaError`,
   *   `QuotaExceededError`, `RenewalLimitError`, `MapClosedError`, `ReplicationTimeoutError` (the write stays), or what the
   *   replica's commit rejects with.
   */
  set(key: string, value: V, options?: SetOptions): Promise<Written>
  /** Removes every value of the key visible at the call. Resolves with whether there was one. */
  delete(key: string, options?: WriteOptions): Promise<boolean>
  /**
   * Like `set`, if the key is at `version`; `undefined` means absent. The check is local: another node may write meanwhile,
   * and both writes stay as a conflict. Rejects with `VersionMismatchError` otherwise.
   */
  setIf(key: string, value: V, version: string | undefined, options?: SetOptions): Promise<Written>
  /**
   * Like `delete`, if the key is at `version`, as `setIf` compares it: this node's own writes on their way count, and another
   * node may write meanwhile, which stays. `undefined` means absent, so nothing is removed. Rejects with `VersionMismatchError`
   * otherwise.
   */
  deleteIf(key: string, version: string | undefined, options?: WriteOptions): Promise<boolean>
  /** All or nothing on this disk and in one step for its readers; other nodes see each key by itself. */
  batch(operations: readonly BatchOperation<V>[], options?: WriteOptions): Promise<void>
  /**
   * Follows the map. It begins with this call, not with the first read. A reader that is slow gets each key's newest state
   * only; one that is slower than `watchKeysMax` changed keys gets `resync`. It ends with the map's `close`.
   *
   * @throws WatcherLimitError, MapClosedError, or the signal's reason.
   */
  watch(options?: WatchOptions): AsyncIterableIterator<MapEvent<V>>
  /**
   * Calls the listener with every change from now on, at once and in order; nothing is buffered. What it throws is counted in
   * `stats` and stays with it. Returns the function that stops it.
   */
  onChange(listener: (event: MapEvent<V>) => void): () => void
  /**
   * What is shown, as lines of JSON without line breaks: `{ key, value, expiresAtMs? }`, or `encoded` in place of `value` for
   * what JSON cannot say. Conflicts, versions and stamps are not exported.
   */
  exportLines(): IterableIterator<string>
  /**
   * Writes what an export holds. Each entry is a new write of this node: it supersedes what is visible here, and has a new stamp
   * and version. Identity is not imported, so a map may be filled from its own export, anywhere, any number of times.
   *
   * Rejects with `ImportError` naming the line; lines in batches before it are written and stay.
   */
  importLines(lines: Iterable<string> | AsyncIterable<string>, options?: WriteOptions): Promise<Imported>
  health(): MapHealth
  /** Values that were set aside, those longest ago first. */
  stale(): readonly StaleValue<V>[]
  /** Decides about stale values: `set-aside` hides them, `keep` writes them again. Sessions that stopped for it go on. */
  decideStale(onStale: OnStale): void
  /** Opens the store again after the disk failed. It is tried by itself as well, with growing pauses. */
  reopen(): Promise<void>
  /** After a clock that was far ahead: a new identity, and own values from the future written again at the present. */
  repairClock(): Promise<void>
  /** Keys whose winning value is not shown, because the schema or the codec refuses it. */
  invalid(): readonly string[]
  stats(): MapStats
  /** Removes what is renewed, makes what waits durable, ends the watches, closes the replica. Idempotent. */
  close(): Promise<void>
  /** Closes the map and deletes what this node holds of it. Other nodes keep theirs. */
  destroy(): Promise<void>
  /** Resolves, and never rejects, once the map is closed, whoever closed it. */
  readonly closed: Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
