import type { Bound } from './bound.ts'
import type { Flags } from './flags.ts'

/** What one side says of a range, or asks. Item hashes are in the order of the items. */
export type RangeContent =
  /** This is my fingerprint of the range; an answer means that yours is another. */
  | { readonly type: 'fingerprint'; readonly fingerprint: Uint8Array }
  /** These are my items, by the first four bytes of their hashes. */
  | { readonly type: 'list'; readonly prefixes: Uint32Array }
  /** Of your list I lack these; I have so many that are not in it; and this is my fingerprint of those we share. */
  | {
      readonly type: 'answer'
      readonly lacks: Flags
      readonly extra: number
      readonly common: Uint8Array | undefined
    }
  /** What we share differs: these are the full hashes of mine that you said you have. */
  | { readonly type: 'confirm'; readonly hashes: Uint8Array }
  /** Of those I lack these, and have so many that only began alike. */
  | { readonly type: 'confirmed'; readonly lacks: Flags; readonly extra: number }

/** A range with what is said of it. */
export type RangeRecord = RangeContent & { readonly lower: Bound; readonly upper: Bound }

/** A few neighbouring items, compared in a second way that nobody could prepare for. */
export interface Slice {
  readonly lower: Bound
  readonly upper: Bound
  /** The responder's salt. */
  readonly salt: Uint8Array
  /** The fingerprint of the slice: when it differs, the slice says nothing. */
  readonly fingerprint: Uint8Array
  /** The hash over both salts and the item hashes in order. */
  readonly digest: Uint8Array
}

/** One message of a session. */
export type Frame =
  | {
      readonly type: 'open'
      /** Whether fingerprints are hashes of items in order instead of sums. */
      readonly ordered: boolean
      readonly salt: Uint8Array
      /** The sender's fingerprint of everything; `undefined` when it has nothing. */
      readonly fingerprint: Uint8Array | undefined
    }
  | {
      readonly type: 'ranges'
      /** More was to be said than fitted. */
      readonly truncated: boolean
      readonly slice: Slice | undefined
      /** Read one by one; reading throws a DecodeError where the frame goes wrong. */
      readonly records: Iterable<RangeRecord>
    }
  | { readonly type: 'equal'; readonly salt: Uint8Array; readonly digest: Uint8Array }
  | { readonly type: 'done'; readonly truncated: boolean }
  | { readonly type: 'collision' }

/** The first byte of a frame. From {@link FRAME_TYPES_END} on they are the session's that carries these. */
export const FRAME_TYPES = { open: 1, ranges: 2, equal: 3, done: 4, collision: 5 } as const
export const FRAME_TYPES_END = 16

/** The byte before a record's content. */
export const RECORD_KINDS = { skip: 0, fingerprint: 1, list: 2, answer: 3, confirm: 4, confirmed: 5 } as const

/** Bits of an open frame's second byte. */
export const FLAG_ORDERED = 1
export const FLAG_EMPTY = 2

/** Bits of the second byte of a frame with ranges, and of a done frame. */
export const FLAG_TRUNCATED = 1
export const FLAG_SLICE = 2
