/** Slots of a page of the tree: items in a leaf, pages in a branch. Source: measured, see the README. */
export const PAGE_SLOTS = 128

/** Greatest `ref` of an item. */
export const REF_MAX = 0xffff_ffff

/** Parts a range that differs is split into. Source: measured; a million items are listed in the third round trip. */
export const PARTS_MAX = 22

/**
 * Items of a range that are listed rather than split, and the most that a list may have. Source: measured; a list this long costs
 * about what a split does.
 */
export const LIST_ITEMS_MAX = 128

/**
 * Items in a list that cost as much as one part of a split, in bytes on the wire. A split whose parts will be listed next costs
 * least when parts hold as much in items as all parts together hold in fingerprints.
 */
export const ITEMS_PER_PART = 5

/** Bytes of a salt. It needs to be fresh, not secret. */
export const SALT_BYTES = 4

/** Bytes of the comparison of a slice. */
export const SLICE_DIGEST_BYTES = 8

/** A slice has one of this many items of the set, and at most the second number. */
export const SLICE_SHARE = 1024
export const SLICE_ITEMS_MAX = 4096

/** Items hashed together where order counts. */
export const CHUNK_ITEMS = 4096

/** Bytes of a frame, received or sent: what a replica takes from a peer at once, halved. */
export const FRAME_BYTES_MAX = 524_288

/** The least that {@link ReconcilerLimits.frameBytesMax} may be: any one record fits. */
export const FRAME_BYTES_MIN = 8192

/** What one session may cost. */
export interface ReconcilerLimits {
  /** Bytes of a frame sent, 8 KiB to 512 KiB. Default 512 KiB. What does not fit is left to the next session. */
  readonly frameBytesMax: number
  /** Bytes of all frames, both ways. Default 64 MiB (guess): over ten times the lists of a million items. */
  readonly bytesMax: number
  /** Milliseconds from the first frame to the last. Default 10 minutes (guess). */
  readonly timeMsMax: number
}

/** The limits unless told otherwise. */
export const RECONCILER_LIMITS: ReconcilerLimits = {
  frameBytesMax: FRAME_BYTES_MAX,
  bytesMax: 64 * 1024 * 1024,
  timeMsMax: 600_000
}
