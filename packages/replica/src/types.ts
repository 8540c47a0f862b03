import type { Entry, ReplicaId } from '@starling/ormap'
import type { Clock, Hash, Random } from '@starling/ports'
import type { ReplicaLimits } from './config.ts'
import type { BroadcastPort, LogPort, SyncProtocol } from './ports.ts'

/** What the caller believes a key's version to be; `undefined` means that it is absent. */
export interface Expected {
  readonly version: string | undefined
}

/** One step of a commit. Keys are 1 to 1,024 bytes of UTF-8; values are encoded already, by `@starling/codec`. */
export type Operation =
  | {
      readonly type: 'put'
      readonly key: string
      /** Kept as it is, not copied: hand over bytes nobody changes any more. */
      readonly value: Uint8Array
      readonly expected?: Expected
    }
  | { readonly type: 'remove'; readonly key: string; readonly expected?: Expected }

/** What one operation of a commit did. */
export interface OperationResult {
  readonly key: string
  /** False for a remove that found nothing to remove: no stamp was taken and nothing was written. */
  readonly changed: boolean
  /** The stamp of this write: greater than every stamp it replaces, so it also serves as a fencing token. */
  readonly stamp: bigint | undefined
  /** The version this write made; `undefined` after a remove. A concurrent write from elsewhere makes another one. */
  readonly version: string | undefined
}

/** An entry that differs from what it was. */
export interface Change {
  readonly key: string
  readonly previous: Entry | undefined
  readonly entry: Entry
  /** Written here, received from a peer, or read back from disk. */
  readonly origin: 'local' | 'remote' | 'recovery'
}

/** The data structure that a replica keeps equal everywhere: a map, a counter, a registry. */
export interface ReplicaOwner {
  /**
   * Called after the state has changed, in the order of the changes; a commit's changes come in one call. Local changes
   * are durable by then, and no caller has been answered yet. It must not throw; what it throws is reported and dropped.
   */
  applied(changes: readonly Change[]): void
}

/** What happened that no caller was waiting for. */
export type ReplicaEvent =
  /** The first event. `damaged` is the log's own finding that it may not be whole: what is missing comes back from peers. */
  | {
      readonly type: 'recovered'
      readonly keys: number
      readonly badRows: number
      readonly quarantined: number
      readonly damaged: Error | undefined
    }
  /** Entries of one message or frame were refused: none of them was applied. */
  | { readonly type: 'rejected'; readonly peer: string; readonly reasons: ReadonlyMap<string, number> }
  /** A key has more live dots than honest use explains: nobody settles its conflicts. All are kept. */
  | { readonly type: 'conflictOverflow'; readonly key: string; readonly dots: number }
  /** A peer sent a write under this replica's id that this replica never made: it takes a new id. */
  | { readonly type: 'identityDuplicate'; readonly peer: string; readonly replica: ReplicaId }
  | { readonly type: 'poisoned'; readonly error: unknown }
  | { readonly type: 'ownerFailed'; readonly error: unknown }
  | { readonly type: 'broadcastFailed'; readonly error: unknown }

/** Everything a replica stands on. */
export interface ReplicaComponents {
  readonly log: LogPort
  readonly broadcast: BroadcastPort
  readonly clock: Clock
  readonly random: Random
  readonly hash: Hash
}

/** What the user of a replica says. */
export interface ReplicaInit {
  /** For messages and statistics. */
  readonly name: string
  readonly owner: ReplicaOwner
  /** What differs from `REPLICA_LIMITS`. */
  readonly limits?: Partial<ReplicaLimits>
  /** How far a stamp may be ahead of this node's wall clock, in ms; the same on all nodes. Default 60,000. */
  readonly driftMsMax?: number
  /** Facts nobody waits for. It must not throw; what it throws is dropped. */
  readonly onEvent?: (event: ReplicaEvent) => void
}

/** Counters since the replica was opened, and gauges. */
export interface ReplicaStats {
  readonly state: 'open' | 'poisoned' | 'closing' | 'closed'
  /** The id that this opening's writes carry; `undefined` before the first. */
  readonly replica: ReplicaId | undefined
  /** Greatest stamp issued or received. */
  readonly clock: bigint
  /** Keys with at least one live dot. */
  readonly liveKeys: number
  /** Bytes of local commits and received rows that wait for the disk. */
  readonly waitingBytes: number
  /** Batches and rows handed to the log. */
  readonly batches: number
  readonly rows: number
  /** Local writes that took effect. */
  readonly localWrites: number
  /** Received entries that changed something, and those that did not. */
  readonly receivedChanged: number
  readonly receivedUnchanged: number
  /** Received messages and frames that were dropped whole: unreadable, while poisoned or closed, or over the backlog. */
  readonly dropped: { readonly malformed: number; readonly unavailable: number; readonly backlog: number }
  /** Items that came with another value under a replica and stamp already known. Honest replicas cause none. */
  readonly clashes: number
  /** Refused entries by reason. */
  readonly rejected: Readonly<Record<string, number>>
  /** Broadcast messages sent, and writes too long for one: those travel by reconciliation. */
  readonly broadcasts: number
  readonly broadcastOversize: number
  /** Rows that could not be decoded when the replica was opened, and rows the log did not trust. */
  readonly badRows: number
  readonly quarantined: number
}

/** One replica of one replicated thing. Made by `createReplica`. */
export interface Replica {
  readonly name: string
  /**
   * Makes the operations durable, applies them, broadcasts them and resolves, in this order; all of them or none on this
   * disk, and in one step for the owner. Commits take effect in the order of the calls.
   *
   * @throws TypeError, RangeError for a bad key or value, before anything happens.
   * @throws ValueTooLargeError, VersionMismatchError, WriteQueueFullError, ClockAheadError, ReplicaPoisonedError,
   *   ReplicaClosedError: nothing happened.
   * @throws IndeterminateWriteError when the disk failed meanwhile.
   */
  commit(operations: readonly Operation[]): Promise<readonly OperationResult[]>
  /** The applied entry of a key. Never shows a write that is not durable yet. */
  entry(key: string): Entry | undefined
  /** Keys with at least one live dot. */
  readonly size: number
  /** Every entry with a live dot. Changes made while iterating may or may not be seen. */
  entries(): IterableIterator<[key: string, entry: Entry]>
  /** Every entry, those that hold only evidence included. */
  allEntries(): IterableIterator<[key: string, entry: Entry]>
  /** The version of an entry: a hash of the identities of its live dots; `undefined` when it has none. */
  versionOf(entry: Entry): string | undefined
  /** Sum and count of the hashes of all live entries: equal on two replicas exactly when their live state is. */
  root(): { readonly sum: Uint8Array; readonly count: number }
  /** Reconciles with one peer; `@starling/sync` runs it. */
  readonly protocol: SyncProtocol
  stats(): ReplicaStats
  /** Stops listening, writes what waits, closes the log. Idempotent; commits from now on reject. Rejects as the log's close does. */
  close(): Promise<void>
}
