import { DecodeError, type DecodeReason } from '@starling/codec'
import { DRIFT_MS_MAX, stampWallMs, type Stamp } from '@starling/hlc'
import { ENTRY_LIMITS, INGEST_ITEMS_MAX, type EntryLimits } from './config.ts'
import { countClashes, greatestStamp, joinEntries } from './entry.ts'
import type { Entry } from './types.ts'
import { decodeEntry, readKey } from './wire.ts'

/** What entries are ingested under. */
export interface IngestOptions {
  /** The local wall time in ms since the epoch: drift is measured against it, not against any clock that peers can move. */
  readonly wallMs: number
  /** How far a stamp may be ahead of it, in ms; default one minute. */
  readonly driftMsMax?: number
  /** What one entry may cost; default {@link ENTRY_LIMITS}. */
  readonly limits?: EntryLimits
}

/** An entry that changes the state. */
export interface IngestChange {
  readonly key: string
  /** The entry as it came. */
  readonly received: Entry
  /** The state of the key joined with it, and with what came earlier in the same call. */
  readonly joined: Entry
  /** Items with another value under a replica and stamp that is known; see {@link countClashes}. */
  readonly clashes: number
}

/**
 * An entry that was refused, whole. `future`: a stamp is too far ahead. `malformed`: the bytes are not an entry within limits.
 * `tooMuch`: the entries before it took all the time there is for one call; it was not even read.
 */
export type IngestRejection =
  | { readonly reason: 'tooMuch'; readonly key: undefined }
  | { readonly reason: 'future'; readonly key: string; readonly aheadMs: number }
  | {
      readonly reason: 'malformed'
      /** The key, when at least that could be read. */
      readonly key: string | undefined
      readonly detail: DecodeReason
      readonly offset: number
    }

/** What became of the entries. */
export interface IngestResult {
  /** In the order of arrival; a key that came twice and changed twice is here twice, the second on top of the first. */
  readonly changed: readonly IngestChange[]
  /** How many were accepted and said nothing new. */
  readonly unchanged: number
  readonly rejected: readonly IngestRejection[]
  /** The greatest stamp of all accepted entries, for the clock to take note of; 0 when there are none. */
  readonly greatestStamp: Stamp
}

/**
 * Takes in entries from a peer: decodes, validates and checks the drift of each, and joins it with the state. It changes
 * neither the state nor a clock: the caller stores and applies what changed. An entry is accepted or refused whole, because an
 * entry without some of its items can remove what it does not replace; one bad entry does not harm the others. No bytes make it throw.
 *
 * @param state what is known, applied or on its way to it.
 */
export function ingest(
  state: { get(key: string): Entry | undefined },
  encodedEntries: Iterable<Uint8Array>,
  options: IngestOptions
): IngestResult {
  const { wallMs, driftMsMax = DRIFT_MS_MAX, limits = ENTRY_LIMITS } = options
  const changed: IngestChange[] = []
  const rejected: IngestRejection[] = []
  const joinedHere = new Map<string, Entry>()
  if (!Number.isFinite(wallMs)) throw new RangeError(`wallMs must be a finite time in ms, got ${wallMs}`)
  let unchanged = 0
  let greatest = 0n
  let items = 0
  for (const bytes of encodedEntries) {
    // A short entry of a key with very many items costs far more time than bytes.
    if (items >= INGEST_ITEMS_MAX) {
      rejected.push({ reason: 'tooMuch', key: undefined })
      continue
    }
    const decoded = decodeOrReject(bytes, limits)
    if ('reason' in decoded) {
      rejected.push(decoded)
      continue
    }
    const { key, entry: received } = decoded
    const stamp = greatestStamp(received)
    const aheadMs = stampWallMs(stamp) - Math.floor(wallMs)
    if (aheadMs > driftMsMax) {
      rejected.push({ reason: 'future', key, aheadMs })
      continue
    }
    if (stamp > greatest) greatest = stamp
    const known = joinedHere.get(key) ?? state.get(key)
    items += received.items.length + (known?.items.length ?? 0)
    const joined = joinEntries(known, received)
    if (joined === known) {
      unchanged++
      continue
    }
    joinedHere.set(key, joined)
    changed.push({ key, received, joined, clashes: countClashes(known, received) })
  }
  return { changed, unchanged, rejected, greatestStamp: greatest }
}

function decodeOrReject(
  bytes: Uint8Array,
  limits: EntryLimits
): { key: string; entry: Entry } | IngestRejection {
  try {
    return decodeEntry(bytes, limits)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { reason: 'malformed', key: readKey(bytes, limits), detail: error.reason, offset: error.offset }
  }
}
