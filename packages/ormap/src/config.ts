import { VALUE_LIMITS } from '@starling/codec'

/** What a key and a received entry may cost. They bind what is written here or received, never the result of a merge. */
export interface EntryLimits {
  /** Bytes of a key in UTF-8. */
  readonly keyBytesMax: number
  /** Bytes of one encoded value. */
  readonly valueBytesMax: number
  /** Arrays and maps around the innermost part of a value. */
  readonly valueDepthMax: number
  /** Items of one entry, live and evidence together. */
  readonly itemsMax: number
}

/**
 * The limits unless the caller says otherwise: keys of 1 KiB, values of 64 KiB nested 16 deep, 1,024 items. Source: guess, in
 * line with what configuration stores allow; 1,024 items are as many replica ids that ever wrote one key.
 */
export const ENTRY_LIMITS: EntryLimits = {
  keyBytesMax: 1024,
  valueBytesMax: VALUE_LIMITS.bytesMax,
  valueDepthMax: VALUE_LIMITS.depthMax,
  itemsMax: 1024
}

/** For rows of our own store: whatever a merge made must be read again, and a checksum has vouched for it. */
export const ROW_LIMITS: EntryLimits = {
  keyBytesMax: Number.MAX_SAFE_INTEGER,
  valueBytesMax: Number.MAX_SAFE_INTEGER,
  valueDepthMax: VALUE_LIMITS.depthMax,
  itemsMax: Number.MAX_SAFE_INTEGER
}

/** The number of the entry format, its first byte on the wire and in the item hash. Rises with every change. */
export const ENTRY_FORMAT = 1

/** Live dots of one entry beyond which concurrent writes pile up faster than they are settled, in a report. Source: guess. */
export const LIVE_DOTS_REPORTED = 64

/**
 * Items that one call of `ingest` may go through, known and received together, before it refuses the rest. Source: guess; a
 * message of honest entries has a tenth of them, and going through them takes about a quarter of a second.
 */
export const INGEST_ITEMS_MAX = 1_000_000
