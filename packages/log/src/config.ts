/** What the log accepts and how much it gathers. Every number is a bound, not a target. */
export interface StoreLimits {
  /** Bytes of a log's name in UTF-8. Default 255, and never more: the name's length is one byte on disk. */
  readonly nameBytesMax: number
  /** Logs in one store. Default 4,096 (guess). */
  readonly logsMax: number
  /** Bytes of one row's key. Default 4 KiB (guess: four times the map's own limit). */
  readonly keyBytesMax: number
  /** Bytes of one row's value. Default 4 MiB (guess). */
  readonly valueBytesMax: number
  /** Rows of one append. Default 65,536 (guess). */
  readonly appendRowsMax: number
  /** Bytes of one append, rows with their keys and headers. Default 16 MiB (guess). */
  readonly appendBytesMax: number
  /** Rows of one shared write, unless a single append holds more. Default 16,384 (guess). */
  readonly batchRowsMax: number
  /** Bytes of one shared write, unless a single append holds more. Default 4 MiB: LevelDB's write buffer. */
  readonly batchBytesMax: number
  /** Bytes of all appends that wait for a write; a log with none waiting may add one beyond it. Default 64 MiB (guess). */
  readonly queueBytesMax: number
  /** Appends that wait for a write; a log with none waiting may add one beyond it. Default 65,536 (guess). */
  readonly queueAppendsMax: number
  /** Damaged rows whose bytes are set aside when the first append accepts the loss. Default 1,024 (guess). */
  readonly quarantineRowsMax: number
}

/** The limits a store has unless told otherwise. */
export const STORE_LIMITS: StoreLimits = {
  nameBytesMax: 255,
  logsMax: 4_096,
  keyBytesMax: 4_096,
  valueBytesMax: 4 * 1024 * 1024,
  appendRowsMax: 65_536,
  appendBytesMax: 16 * 1024 * 1024,
  batchRowsMax: 16_384,
  batchBytesMax: 4 * 1024 * 1024,
  queueBytesMax: 64 * 1024 * 1024,
  queueAppendsMax: 65_536,
  quarantineRowsMax: 1_024
}

/**
 * The layout this package writes, and the only one it reads: a store with a greater number is refused by
 * `FormatNewerError`, one with a smaller by `FormatOlderError`. A later format that reads an older one lowers `FORMAT_OLDEST`.
 */
export const FORMAT = 3

/** The oldest layout this package reads. Those before it were never released. */
export const FORMAT_OLDEST = 3

/** Rows read from LevelDB at a time. Source: measured, 540,000 rows a second against 437,000 one by one. */
export const READ_ROWS = 1_000

/** Bytes read from LevelDB at a time. Its own default of 16 KiB would cut every 1,000 small rows into eight trips. */
export const READ_BYTES: number = 1024 * 1024

/** Rows between two calls of a progress listener, about a hundred a second. */
export const PROGRESS_ROWS = 10_000

/** Files beyond this many times the live bytes are compacted. Source: the goal is 4; an eighth is kept for what is on its way. */
export const DISK_RATIO_MAX = 3.5

/** Live bytes below which the files are left to the database, in bytes: a quarter of the 1 MiB that any store may take. */
export const DISK_LIVE_MIN: number = 256 * 1024

/** The same while nothing waits to be written: a small store then shrinks as well, which takes milliseconds. */
export const DISK_LIVE_MIN_IDLE: number = 32 * 1024

/** Bytes in the files for one byte of a row: values are Base64 there. The keys, which are not, make it a little less. */
export const DISK_BYTES_PER_BYTE: number = 4 / 3

/** What a write gives to the database beside its rows, in bytes: about a meta row and the store's row. */
export const WRITE_OVERHEAD_BYTES = 256

/** Deleted rows that call for a compaction when they are also a quarter of those alive: scans crawl over them. Guess. */
export const DELETED_ROWS_MAX = 10_000

/**
 * Microtask turns a writer waits before it takes what is queued, so that callers woken by the write before can join
 * this one. Guess: three `await`s between a caller's wake-up and its next append, and one to spare.
 */
export const GATHER_TURNS = 4

/**
 * Rows that are worth a write of their own while another is on its way. Below it, whatever waits shares one write, which saves
 * syncs; above it, callers prepare one half while the other is written, which saves time. Guess, between 64 and 1,024.
 */
export const OVERLAP_ROWS = 512

/** Fills in the defaults and refuses numbers that are no limits. */
export function resolveLimits(limits: Partial<StoreLimits> | undefined): StoreLimits {
  const resolved: StoreLimits = { ...STORE_LIMITS, ...limits }
  for (const [name, value] of Object.entries(resolved)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`limits.${name} must be a whole number of at least 1, got ${String(value)}`)
    }
  }
  if (resolved.nameBytesMax > 255) {
    throw new RangeError(`limits.nameBytesMax cannot exceed 255, got ${resolved.nameBytesMax}`)
  }
  return resolved
}
