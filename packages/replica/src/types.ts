import type { SourceSkew } from '@starling/hlc'
import type {
  Entry,
  OnStale,
  QuotaLimits,
  RefusalReason,
  ReplicaId,
  SetAsideDot,
  StaleConflictError
} from '@starling/ormap'
import type { Clock, Hash, Observers, Random, Timers } from '@starling/ports'
import type { ReplicaLimits } from './config.ts'
import type { BroadcastPort, LogPort, PeerPort, SyncProtocol } from './ports.ts'

/** What the caller believes a key's version to be; `undefined` means that it is absent. */
export interface Expected {
  readonly version: string | undefined
}

/** One step of a commit. Keys are 1 to 1,024 bytes of UTF-8; values are encoded already, by `@starling/codec`. */
export type Operation =
  | {
      readonly type: 'put'
      readonly key: string
      /** Copied during the call. */
      readonly value: Uint8Array
      /** When the value ends, in wall ms since the epoch, a whole number; never without it. */
      readonly expiresAtMs?: number
      readonly expected?: Expected
    }
  | { readonly type: 'remove'; readonly key: string; readonly expected?: Expected }

/** How long a commit waits, and for whom. */
export interface CommitOptions {
  /** Nodes the writes must be durable on before it resolves, this one included. Default 1. */
  readonly replicas?: number
  /** How long to wait for the others, in ms from when the writes are durable here: 0 to 24 days. Default {@link ACKNOWLEDGE_MS}. */
  readonly timeoutMs?: number
  /** Called once the writes are durable here, before anybody else is waited for. What it throws is reported and dropped. */
  readonly onDurable?: (results: readonly OperationResult[]) => void
  /** Ends the waiting. Aborted before anything happened it rejects with the signal's reason; later it cannot undo the writes. */
  readonly signal?: AbortSignal
}

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

/** An entry that differs from what it was, or of which something has ended. */
export interface Change {
  readonly key: string
  readonly previous: Entry | undefined
  readonly entry: Entry
  /**
   * Why. `written`: by a put or remove, wherever it was made. `expired`: a value ended; while `previous` is `entry` only time has
   * passed, and one drift bound later the value is gone from the entry. `setAside`: a peer knows values to be long dead that were
   * live here.
   */
  readonly cause: 'written' | 'expired' | 'setAside'
  /** Written here, received from a peer, or read back from disk. */
  readonly origin: 'local' | 'remote' | 'recovery'
}

/** The data structure that a replica keeps equal everywhere: a map, a counter, a registry. */
export interface ReplicaOwner {
  /**
   * Called after the state has changed, in the order of the changes; a commit's changes come in one call. Local changes
   * are durable by then, and no caller has been answered yet. It must not throw; what it throws is reported and dropped.
   *
   * @param endsToldMs the wall time up to which the owner has been told of values that ended: what it believes is `previous` as it
   *   was shown then.
   */
  applied(changes: readonly Change[], endsToldMs: number): void
  /**
   * A message that another node's owner gave to `broadcastCustom`. A hint: it may come twice, late or never. Its content is the
   * sender's claim. It must not throw either.
   *
   * @param from the neighbour it came from, which need not have made it.
   */
  custom?(payload: Uint8Array, from: string): void
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
  /** Wall and monotonic time parted by more than the drift bound: the machine slept or was copied, so the replica takes a new id. */
  | { readonly type: 'clockParted' }
  /** A write was refused because the clock is further ahead of the wall than peers accept; once, until one is taken again. */
  | { readonly type: 'clockAhead'; readonly aheadMs: number }
  /**
   * A session took values away that the peer knows to be long dead; `stale()` lists them. `forgotten`: how many of those set aside
   * longest ago had to go, for there was no room.
   */
  | { readonly type: 'setAside'; readonly peer: string; readonly count: number; readonly forgotten: number }
  /** A session stopped, and others will: a peer says that too many values here are long dead. Look, then `decideStale`. */
  | { readonly type: 'staleConflict'; readonly peer: string; readonly error: StaleConflictError }
  /**
   * Keys whose rows were damaged here, and that a peer with which everything was compared does not have either: they were removed
   * there, or what was written here last is lost, unless another peer still brings it.
   */
  | { readonly type: 'damagedMissing'; readonly peer: string; readonly keys: readonly string[] }
  /** Items of equal sums differ, so somebody made them so. */
  | { readonly type: 'fingerprintCollision'; readonly peer: string }
  | { readonly type: 'poisoned'; readonly error: unknown }
  /** The log works again. `proven`: it held everything it had acknowledged. */
  | { readonly type: 'reopened'; readonly rowsRestored: number; readonly proven: boolean }
  /** The log could not be recovered; tried again later, unless `retryable` is false. */
  | { readonly type: 'reopenFailed'; readonly error: unknown; readonly retryable: boolean }
  | { readonly type: 'ownerFailed'; readonly error: unknown }
  | { readonly type: 'broadcastFailed'; readonly error: unknown }

/** Everything a replica stands on. */
export interface ReplicaComponents extends Observers {
  readonly log: LogPort
  readonly broadcast: BroadcastPort
  readonly clock: Clock
  readonly timers: Timers
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
  /** What the replica may hold, evidence included; default no bound. The same on all nodes, or they do not converge. */
  readonly quota?: Partial<QuotaLimits>
  /**
   * What the absence of a write means, and with it when evidence of removals goes: see the map's `Forgetting`. The same on all
   * nodes. Default `byKnown`.
   */
  readonly forgetting?: 'byAge' | 'byKnown'
  /** How long evidence is kept at least, in ms; default 24 hours. */
  readonly evidenceMs?: number
  /**
   * How long received rows wait for others before they are written, in ms, when neither an acknowledgement nor the end of a
   * session waits for them; default 10. With 0 they are written at once.
   */
  readonly lingerMs?: number
  /** What happens to values that a peer knows to be long dead; default `set-aside`. One to keep that cannot be written is set aside. */
  readonly onStale?: OnStale
  /** Facts nobody waits for. It must not throw; what it throws is dropped. */
  readonly onEvent?: (event: ReplicaEvent) => void
}

/** How a replica is. */
export interface ReplicaStatus {
  /** `poisoned`: the log failed. Reads go on, nothing is taken in; recovering the log is tried again and again. */
  readonly state: 'open' | 'poisoned' | 'closing' | 'closed'
  /** How far the clock is ahead of the wall while writes are refused for it, in ms; else 0. */
  readonly clockAheadMs: number
  /** Received entries are missing here for want of room. */
  readonly overQuota: boolean
  /** Entries refused and remembered, by reason. While there is one the replica has not converged. */
  readonly refused: Readonly<Record<RefusalReason, number>>
  /** Why sessions stop, until `decideStale`. */
  readonly staleConflict: StaleConflictError | undefined
  /** Values set aside. */
  readonly stale: number
  /**
   * Keys whose rows were damaged and that wait for a peer or a write to bring them back: at the latest until everything has been
   * compared with one peer (`damagedMissing`). At most 1,024.
   */
  readonly damagedKeys: readonly string[]
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
  /** Keys with an entry, those with evidence only included. */
  readonly entries: number
  /** What they take of the quota, in estimated bytes. */
  readonly bytes: number
  /** Items of evidence. */
  readonly evidence: number
  /** Replica ids whose writes are known up to some stamp. */
  readonly knownIds: number
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
   * @throws ValueTooLargeError, VersionMismatchError, WriteQueueFullError, QuotaExceededError, ClockAheadError,
   *   ReplicaPoisonedError, ReplicaClosedError: nothing happened.
   * @throws IndeterminateWriteError when the disk failed meanwhile.
   * @throws ReplicationTimeoutError when too few others acknowledged in time: the writes are durable here and stay.
   */
  commit(operations: readonly Operation[], options?: CommitOptions): Promise<readonly OperationResult[]>
  /** The applied entry of a key. Never shows a write that is not durable yet. */
  entry(key: string): Entry | undefined
  /** Keys with at least one live dot. */
  readonly size: number
  /** Every entry with a live dot. Changes made while iterating may or may not be seen. */
  entries(): IterableIterator<[key: string, entry: Entry]>
  /** Every entry, those that hold only evidence included. */
  allEntries(): IterableIterator<[key: string, entry: Entry]>
  /** The version of an entry: of its live dots that have not ended; `undefined` when it has none. */
  versionOf(entry: Entry): string | undefined
  /** Sum and count of the hashes of all live entries: equal on two replicas exactly when their live state is. */
  root(): { readonly sum: Uint8Array; readonly count: number }
  /** Reconciles with one peer; `@starling/sync` runs it. */
  readonly protocol: SyncProtocol
  /** Hands a message to the owners on the other nodes, as a hint. At most `broadcastBytesMax` bytes, else a RangeError. */
  broadcastCustom(payload: Uint8Array): void
  /** The peers to ask for acknowledgements; without them a commit for more than this node times out. */
  setPeers(peers: PeerPort | undefined): void
  status(): ReplicaStatus
  stats(): ReplicaStats
  /** Whose stamps run ahead, the one furthest ahead first. */
  skew(): readonly SourceSkew[]
  /** Values that were set aside, those longest ago first. */
  stale(): readonly SetAsideDot[]
  /** After a `staleConflict`: the next session that runs to its end may take away as many values as it likes, in this manner. */
  decideStale(onStale: OnStale): void
  /**
   * After the log failed: recovers it, writes again what it lacks and takes writes again. It is also tried by itself. Resolves
   * when the replica works; at once when nothing has failed.
   *
   * @throws what the log's recovery throws; it can be called again.
   */
  reopen(): Promise<void>
  /**
   * Sets a clock back that has run ahead of the wall by more than the drift bound, once the wall is right. What was written with
   * stamps that peers refuse is written again, under a new id and new stamps. Resolves when that is durable.
   */
  repairClock(): Promise<void>
  /** Closes, and deletes everything on this disk, also when closing fails. Rejects as the log does, and can be called again. */
  destroy(): Promise<void>
  /** Stops listening, writes what waits, closes the log. Idempotent; commits from now on reject. Rejects as the log's close does. */
  close(): Promise<void>
}
