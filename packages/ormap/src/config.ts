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
 * Items that one call of `ingest` may go through, known and received together, before it refuses the rest; those of an entry that
 * changes count {@link APPLIED_ITEM_COST} times more. Source: guess; a message of honest entries has about a tenth of them. As
 * many take about a second to go through and apply (measured on a busy machine of two cores).
 */
export const INGEST_ITEMS_MAX = 1_000_000

/** What it costs to apply an item, in items gone through: it is merged once more, written, and read back. Source: measured. */
export const APPLIED_ITEM_COST = 3

/** The number of the snapshot format, the first byte of a piece. Rises with every change. */
export const SNAPSHOT_FORMAT = 1

/** Bytes after which a piece of a snapshot ends, with the entry that reaches them. Source: guess; about 1,500 short entries. */
export const SNAPSHOT_PIECE_BYTES = 65_536

/**
 * Bytes that a key in a snapshot may share with the key before it. They cost the sender nothing, so they bind what a piece can
 * make its receiver allocate. Source: guess; the paths that keys begin with are shorter.
 */
export const SNAPSHOT_SHARED_BYTES_MAX = 64

/**
 * Bytes of one slab of the store, in which rows lie one after the other. A row of more than a quarter has a slab of its own.
 * Source: measured; smaller ones cost more objects, larger ones are kept alive longer by a view of one value.
 */
export const SLAB_BYTES = 65_536

/** Bytes of the first slab of a map; later ones are as long as all rows together, up to {@link SLAB_BYTES}. Source: guess. */
export const SLAB_BYTES_MIN = 1024

/**
 * The share of the full slabs together that must count, or rows move out of the sparsest. The slabs take at most its inverse of
 * what the rows do. Source: at a half a replaced row moves at most one other on average.
 */
export const SLAB_LIVE_SHARE_MIN = 0.5

/** Two to this power: {@link PAGE_SLOTS}. */
export const PAGE_BITS = 7

/** Slots for which the store and the item hashes grow at a time: 4 KiB of hashes. Source: guess. */
export const PAGE_SLOTS: number = 1 << PAGE_BITS

/**
 * How long evidence is kept at least after it was superseded here, in ms: 24 hours. Source: guess; a day covers broadcasts on
 * their way and peers that are away for a night. With `known` off it is also the longest separation after which removed keys
 * stay removed.
 */
export const EVIDENCE_MS = 86_400_000

/**
 * How long a set-aside value is kept, and how long `known` remembers a replica id that has fallen silent, in ms: 30 days.
 * Source: guess; a machine that was away longer is set up again rather than brought back.
 */
export const SILENCE_MS: number = 30 * 86_400_000

/**
 * Replica ids in `known`. Source: 1,000 nodes that restart every day for {@link SILENCE_MS} are half of it, and all of it fits
 * into one frame of 1 MiB.
 */
export const KNOWN_IDS_MAX = 60_000

/**
 * Values that one session may set aside before it stops: this many, or one in {@link STALE_SHARE} of the map when that is
 * more. Source: guess.
 */
export const STALE_DOTS_MAX = 64

/** See {@link STALE_DOTS_MAX}. */
export const STALE_SHARE = 100

/** Values set aside at once, of all sessions; a session that would set aside more stops until the owner has decided. Source: guess. */
export const SET_ASIDE_MAX = 65_536

/**
 * Bytes of the values that are set aside at once, their keys' characters included; beyond it as beyond {@link SET_ASIDE_MAX}. Source:
 * a sixteenth of a map's default quota of 1 GiB; a thousand of the longest values.
 */
export const SET_ASIDE_BYTES_MAX: number = 64 * 1024 * 1024

/** Refused entries whose hashes are remembered; the oldest goes first. Source: guess; about 1 MiB. */
export const REFUSALS_MAX = 4096

/** The first pause before a refused entry is fetched again, and the longest, in ms. Each refusal doubles it. Source: guess. */
export const REFUSAL_PAUSE_MS = 60_000

/** See {@link REFUSAL_PAUSE_MS}: one hour. */
export const REFUSAL_PAUSE_MS_MAX = 3_600_000
