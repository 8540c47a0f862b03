import { VALUE_LIMITS } from '@starling/codec'

/** What a map accepts from its own node. Entries from peers are always taken in; being over a limit is reported then. */
export interface MapLimits {
  /** Bytes of a key in UTF-8; at least 1 is needed. */
  readonly keyBytesMax: number
  /** Bytes of a value in its encoding. */
  readonly valueBytesMax: number
  /** Keys with a value. */
  readonly entriesMax: number
  /** Bytes of all keys and live values together. */
  readonly bytesMax: number
  /** Keys whose changes a watcher that does not read keeps, beyond which it is told to `resync`. */
  readonly watchKeysMax: number
  /** Watchers at a time. */
  readonly watchersMax: number
}

/**
 * The limits a map has unless told otherwise: keys of 1 KiB, values of 64 KiB, 1,000,000 entries, 1 GiB, 1,024 changed keys
 * per watcher, 1,024 watchers. Source: guesses, in line with what configuration stores allow; the number of entries is what
 * the project measures with. The replica's and the codec's own limits apply as well, so key and value bytes can only be
 * lowered here.
 */
export const MAP_LIMITS: MapLimits = {
  keyBytesMax: 1024,
  valueBytesMax: VALUE_LIMITS.bytesMax,
  entriesMax: 1_000_000,
  bytesMax: 1024 * 1024 * 1024,
  watchKeysMax: 1024,
  watchersMax: 1024
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
