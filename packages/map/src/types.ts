import type { Replica, ReplicaOwner, ReplicaStats } from '@starling/replica'
import type { MapLimits } from './config.ts'
import type { Schema } from './schema.ts'

/** Where a change came from: written here, or received. `snapshot` is what was there when the watch began. */
export type Origin = 'local' | 'remote' | 'snapshot'

/**
 * One step of a watch. Taking `set` and `conflict` as "the key now has this value" and `delete` as "the key is gone", in
 * order, gives the map's state.
 *
 * - `set`: the key has one value.
 * - `conflict`: the key has several, written without knowing each other; `value` is the one that `get` shows.
 * - `delete`: the key has none any more.
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
      readonly type: 'resync'
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
}

/** What a write made. */
export interface Written {
  readonly version: string
  /** Greater than the stamp of everything it replaced: a fencing token. */
  readonly stamp: bigint
}

/** One step of a batch. */
export type BatchOperation<V> =
  | { readonly type: 'set'; readonly key: string; readonly value: V }
  | { readonly type: 'delete'; readonly key: string }

/** Options of every write. */
export interface WriteOptions {
  /** Checked before anything happens. A write that has begun is not undone. */
  readonly signal?: AbortSignal
}

/** Gauges of a map, and the replica's counters. */
export interface MapStats {
  /** Keys that are shown. */
  readonly entries: number
  /** Bytes of all keys and live values, those not shown included. */
  readonly bytes: number
  /** Keys not shown because the schema or the codec refuses the value that won. */
  readonly invalid: number
  readonly watchers: number
  /** Peers' writes took the map over `entriesMax` or `bytesMax`: local writes that add are refused. */
  readonly overQuota: boolean
  readonly replica: ReplicaStats
}

/** What a map stands on. */
export interface MapComponents {
  /** Opens the map's replica with the map as its owner; called once, at once. */
  readonly open: (owner: ReplicaOwner) => Promise<Replica>
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
   * Writes and resolves once it is durable here and on its way to the others. Settles all conflicts of the key that were
   * visible at the call.
   *
   * @throws TypeError, RangeError for a bad key; `UnencodableValueError`, `ValueTooLargeError`, `SchemaError`,
   *   `QuotaExceededError`, `MapClosedError`, or what the replica's commit rejects with.
   */
  set(key: string, value: V, options?: WriteOptions): Promise<Written>
  /** Removes every value of the key visible at the call. Resolves with whether there was one. */
  delete(key: string, options?: WriteOptions): Promise<boolean>
  /**
   * Like `set`, if the key is at `version`; `undefined` means absent. The check is local: another node may write meanwhile,
   * and both writes stay as a conflict. Rejects with `VersionMismatchError` otherwise.
   */
  setIf(key: string, value: V, version: string | undefined, options?: WriteOptions): Promise<Written>
  /** All or nothing on this disk and in one step for its readers; other nodes see each key by itself. */
  batch(operations: readonly BatchOperation<V>[], options?: WriteOptions): Promise<void>
  /**
   * Follows the map. It begins with this call, not with the first read. A reader that is slow gets each key's newest state
   * only; one that is slower than `watchKeysMax` changed keys gets `resync`. It ends with the map's `close`.
   *
   * @throws WatcherLimitError, MapClosedError, or the signal's reason.
   */
  watch(options?: WatchOptions): AsyncIterableIterator<MapEvent<V>>
  /** Keys whose winning value is not shown, because the schema or the codec refuses it. */
  invalid(): readonly string[]
  stats(): MapStats
  /** Ends the watches, makes what waits durable, closes the replica. Idempotent. */
  close(): Promise<void>
  /** Resolves, and never rejects, once the map is closed, whoever closed it. */
  readonly closed: Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
