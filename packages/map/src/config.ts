import { VALUE_LIMITS } from '@starling/codec'

/** Times a renewed value is written anew in its time to live: two of three may be lost or late. Guess, as leases do it. */
export const RENEWALS_PER_TTL = 3

/** The longest wait for the next renewal before it is looked at again, in ms: a day. Timers of the platform take 24 days. */
export const RENEWAL_CHECK_MS_MAX = 86_400_000

/** Renewed keys that closing removes with one commit. Guess: far below what a commit takes. */
export const LEAVE_BATCH_KEYS = 1024

/** The longest time to live, in ms: ten years. Guess: longer is not meant to end. */
export const TTL_MS_MAX: number = 10 * 365 * 86_400_000

/** Characters of one line of an import: the longest value in base64, escaped, with its key, and room. */
export const LINE_CHARACTERS_MAX: number = 1024 * 1024

/** Lines that an import writes with one commit. Guess: a few fsyncs per thousand lines. */
export const IMPORT_BATCH_LINES = 256

/** Bytes of keys and values after which an import writes what it has: a quarter of what a commit takes. */
export const IMPORT_BATCH_BYTES: number = 1024 * 1024

/** What a map holds, and what it accepts from its own node. */
export interface MapLimits {
  /** Bytes of a key in UTF-8; at least 1 is needed. */
  readonly keyBytesMax: number
  /** Bytes of a value in its encoding. */
  readonly valueBytesMax: number
  /** Keys with a value. As many again may be remembered as removed, each for a day at least. */
  readonly entriesMax: number
  /** Bytes of all keys and values together, and 24 for each write that is remembered. */
  readonly bytesMax: number
  /** Keys whose changes a watcher that does not read keeps, beyond which it is told to `resync`. */
  readonly watchKeysMax: number
  /** Watchers at a time. */
  readonly watchersMax: number
  /** Keys that are renewed at a time. */
  readonly renewalsMax: number
}

/**
 * The limits a map has unless told otherwise: keys of 1 KiB, values of 64 KiB, 1,000,000 entries, 1 GiB, 1,024 changed keys
 * per watcher, 1,024 watchers, 4,096 renewed keys. Source: guesses, in line with what configuration stores allow; the number of entries is what
 * the project measures with. The replica's and the codec's own limits apply as well, so key and value bytes can only be
 * lowered here.
 */
export const MAP_LIMITS: MapLimits = {
  keyBytesMax: 1024,
  valueBytesMax: VALUE_LIMITS.bytesMax,
  entriesMax: 1_000_000,
  bytesMax: 1024 * 1024 * 1024,
  watchKeysMax: 1024,
  watchersMax: 1024,
  renewalsMax: 4096
}

/** Fills in the defaults and refuses numbers that are no limits. */
export function resolveLimits(limits: Partial<MapLimits> | undefined): MapLimits {
  const resolved: MapLimits = { ...MAP_LIMITS, ...limits }
  for (const [name, value] of Object.entries(resolved)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`limits.${name} must be a whole number of at least 1, got ${String(value)}`)
    }
  }
  return resolved
}
