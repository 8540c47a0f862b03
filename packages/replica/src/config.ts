import { ENTRY_LIMITS } from '@starling/ormap'

/** What a replica accepts and how much it keeps waiting. */
export interface ReplicaLimits {
  /** Bytes of a key in UTF-8, at least 1. Default, and at most, 1,024 (guess): peers refuse longer ones. */
  readonly keyBytesMax: number
  /** Bytes of one value of a local put. Default, and at most, 64 KiB (guess): peers refuse longer ones. */
  readonly valueBytesMax: number
  /** Operations of one commit. Default 4,096 (guess). */
  readonly commitOperationsMax: number
  /** Bytes of one commit, estimated. Default 4 MiB: a quarter of what the log takes in one append. */
  readonly commitBytesMax: number
  /** Bytes of local commits that wait for the disk, beyond which a commit is refused. Default 32 MiB (guess). */
  readonly queueBytesMax: number
  /**
   * Bytes of received rows that wait for the disk. Beyond it a reconciliation waits and a broadcast is dropped, which the
   * next reconciliation makes good. Default 8 MiB (guess).
   */
  readonly backlogBytesMax: number
  /**
   * Bytes of commits, and of received rows, in one batch. Default 1 MiB each (guess): thousands of rows for one sync, and many
   * replicas fit into the queue of the store they share.
   */
  readonly groupBytesMax: number
  /** Commits' operations, and received keys, in one batch. Default 16,384 each: half of what the log takes, two rows a key. */
  readonly groupRowsMax: number
  /**
   * Bytes of one key's row of live dots, and of its row of evidence. A received entry that would make one longer is refused.
   * Default 2 MiB: half of the log's bound, since a local write may still turn all dots into evidence.
   */
  readonly rowBytesMax: number
  /** Bytes of one broadcast message. Default 128 KiB: one value of 64 KiB with its key and evidence fits. */
  readonly broadcastBytesMax: number
  /** Bytes a reconciliation's frame is filled to; a single longer entry has a frame of its own. Default 64 KiB (guess). */
  readonly frameBytesTarget: number
  /** Bytes of one received frame or message, whatever the carrier allows. Default 1 MiB (guess). */
  readonly frameBytesMax: number
}

/** The limits a replica has unless told otherwise. */
export const REPLICA_LIMITS: ReplicaLimits = {
  keyBytesMax: 1024,
  valueBytesMax: 64 * 1024,
  commitOperationsMax: 4096,
  commitBytesMax: 4 * 1024 * 1024,
  queueBytesMax: 32 * 1024 * 1024,
  backlogBytesMax: 8 * 1024 * 1024,
  groupBytesMax: 1024 * 1024,
  groupRowsMax: 16_384,
  rowBytesMax: 2 * 1024 * 1024,
  broadcastBytesMax: 128 * 1024,
  frameBytesTarget: 64 * 1024,
  frameBytesMax: 1024 * 1024
}

/**
 * How long received rows wait for others before they are written, ms, when neither an acknowledgement nor the end of a session waits
 * for them. Guess: a few messages of a busy neighbour, and little to be fetched again after a crash.
 */
export const LINGER_MS = 10

/** Recovered changes that one call of the owner gets. Guess: an array small enough to be garbage soon. */
export const RECOVERY_CHANGES = 1024

/**
 * A received write older than this should have come by broadcast, so it is news that others may lack too, ms. Guess: twice the
 * last delivery of a broadcast among 10,000 simulated nodes.
 */
export const NEWS_AGE_MS = 500

/** An encoded entry up to this length has no more items than a message's entry may have: 16 bytes each. */
export const SMALL_ENTRY_BYTES: number = 16 * 1024

/** How long a commit waits for other nodes' acknowledgements unless it says otherwise, ms. Guess. */
export const ACKNOWLEDGE_MS = 5000

/** Bytes of one message that asks for it. Guess: half of what a channel of `@starling/mux` takes, with room beside any entry. */
export const PUSH_BYTES_MAX: number = 512 * 1024

/** The longest it may wait, ms: what a timer of the platform takes, 24 days. */
export const ACKNOWLEDGE_MS_MAX: number = 2 ** 31 - 1

/** Peers asked at once for the acknowledgement of one commit; one that stays silent gives its place to another. Guess. */
export const PUSHES_MAX = 8

/** How long a peer that was asked has its place to itself, ms; its answer counts later as well. Guess: ten times a fast round trip with a sync. */
export const PUSH_PATIENCE_MS = 250

/** Time between two looks at what is to be collected, forgotten or checked, ms. Guess. */
export const TICK_MS = 10_000

/** Time before the next look when the last one left something over, ms: other work gets its turn. Guess. */
export const TICK_MS_MIN = 20

/** Items of evidence examined, and keys expired, in one look. Guess: a few milliseconds. */
export const SWEEP_ITEMS = 4096

/** Time between two looks for replica ids that have fallen silent, ms: one hour. Guess. */
export const SILENCE_CHECK_MS = 3_600_000

/** The first pause before a failed log is recovered, and the longest, ms; each failure doubles it. Guess. */
export const REOPEN_MS = 1000
export const REOPEN_MS_MAX = 60_000

/** Rows, and bytes, of one batch that restores a recovered log; half of what the log takes. */
export const RESTORE_ROWS_MAX = 16_384
export const RESTORE_BYTES_MAX: number = 2 * 1024 * 1024

/** Keys of damaged rows that are listed. The log quarantines as many. */
export const DAMAGED_KEYS_MAX = 1024

/** Fills in the defaults and refuses numbers that are no limits. */
export function resolveLimits(limits: Partial<ReplicaLimits> | undefined): ReplicaLimits {
  const resolved: ReplicaLimits = { ...REPLICA_LIMITS, ...limits }
  for (const [name, value] of Object.entries(resolved)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`limits.${name} must be a whole number of at least 1, got ${String(value)}`)
    }
  }
  for (const name of ['keyBytesMax', 'valueBytesMax'] as const) {
    const max = ENTRY_LIMITS[name]
    // A write that every peer refuses would be durable here and travel nowhere.
    if (resolved[name] > max) throw new RangeError(`limits.${name} is at most ${max}, got ${resolved[name]}`)
  }
  return resolved
}
