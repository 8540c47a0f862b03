import { DecodeError, type DecodeReason } from '@starling/codec'
import {
  DRIFT_MS_MAX,
  STAMP_COUNTER_MAX,
  STAMP_WALL_MS_MAX,
  stampOf,
  stampWallMs,
  type Stamp
} from '@starling/hlc'
import { APPLIED_ITEM_COST, ENTRY_LIMITS, INGEST_ITEMS_MAX, type EntryLimits } from './config.ts'
import { countClashes, equalEntries, greatestStamp, joinEntries } from './entry.ts'
import { BY_AGE, type Coverage, type Forgetting } from './forgetting.ts'
import { entryBytes, lifeGained, type Quota, type QuotaPart } from './quota.ts'
import type { Entry, Item } from './types.ts'
import { decodeEntry, readKey, type EncodedEntries } from './wire.ts'

/** What entries are joined with. */
export interface IngestState extends EncodedEntries {
  get(key: string): Entry | undefined
}

/** What entries are ingested under. */
export interface IngestOptions {
  /** The local wall time in ms since the epoch: drift is measured against it, not against any clock that peers can move. */
  readonly wallMs: number
  /** How far a stamp may be ahead of it, in ms; default one minute. */
  readonly driftMsMax?: number
  /** What one entry may cost; default {@link ENTRY_LIMITS}. */
  readonly limits?: EntryLimits
  /** What the absence of a write means; default {@link BY_AGE}: nothing. */
  readonly forgetting?: Forgetting
  /** What the map may hold; without it there is no bound. */
  readonly quota?: Pick<Quota, 'lacks'>
}

/** An entry that changes the state. */
export interface IngestChange {
  readonly key: string
  /** The entry as it came, without dots that are dead, and with evidence instead of dots that are over. */
  readonly received: Entry
  /** The bytes it came as, when all of it counts as it came: for `ObservedRemoveMap.join`, which then need not encode it. */
  readonly wire: Uint8Array | undefined
  /** The state of the key joined with it, and with what came earlier in the same call. */
  readonly joined: Entry
  /** Items with another value under a replica and stamp that is known; see {@link countClashes}. */
  readonly clashes: number
}

/**
 * Dots of a received entry that were here and are gone: absent, while {@link Known} covers them. They were not applied and are
 * not to be forwarded.
 */
export interface Answer {
  readonly key: string
  /** Evidence for each of them at its own stamp. A session sends it back joined with the entry of the key, as one entry. */
  readonly evidence: Entry
}

/**
 * An entry that was refused, whole. `future`: a stamp is too far ahead. `quota`: the map has no room for what it adds.
 * `malformed`: the bytes are not an entry within limits. `tooMuch`: the entries before it took all the time there is for one
 * call; it was not even read.
 */
export type IngestRejection =
  | { readonly reason: 'tooMuch'; readonly key: undefined }
  | { readonly reason: 'quota'; readonly key: string; readonly part: QuotaPart }
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
  /** What to send back to where the entries came from, of those refused for want of room too; empty unless absence means death. */
  readonly answers: readonly Answer[]
  /** Keys of accepted entries that lack something which is here: whoever sent them should get the entry of the key. */
  readonly behind: readonly string[]
  /** The greatest stamp of all accepted entries, for the clock to take note of; 0 when there are none. */
  readonly greatestStamp: Stamp
}

/**
 * Takes in entries from a peer: decodes, validates and checks the drift of each, and joins it with the state. It changes
 * neither the state nor a clock: the caller stores and applies what changed. No bytes make it throw.
 *
 * Of an entry, dots that are over count as evidence and dots that are dead are left out. What remains is accepted or refused
 * whole, because an entry without some of its items can remove what it does not replace; one bad entry does not harm the others.
 *
 * @param state what is known, applied or on its way to it. Entries often come again from other peers, as they are held: with
 * `heldAs` they are recognised and not decoded.
 */
export function ingest(
  state: IngestState,
  encodedEntries: Iterable<Uint8Array>,
  options: IngestOptions
): IngestResult {
  const { wallMs, driftMsMax = DRIFT_MS_MAX, limits = ENTRY_LIMITS, forgetting = BY_AGE, quota } = options
  if (!Number.isFinite(wallMs)) throw new RangeError(`wallMs must be a finite time in ms, got ${wallMs}`)
  const known = forgetting.type === 'byKnown' ? forgetting.known : undefined
  const changed: IngestChange[] = []
  const rejected: IngestRejection[] = []
  const answers: Answer[] = []
  const behind: string[] = []
  const latest = latestStamp(wallMs + driftMsMax)
  let joinedHere: Map<string, Entry> | undefined
  const taken = { live: 0, entries: 0, bytes: 0 }
  let dead: Item[] = []
  let unchanged = 0
  let greatest = 0n
  let items = 0
  for (const bytes of encodedEntries) {
    // A short entry of a key with very many items costs far more time than bytes.
    if (items >= INGEST_ITEMS_MAX) {
      rejected.push({ reason: 'tooMuch', key: undefined })
      continue
    }
    const decoded = decodeOrReject(bytes, limits, state)
    if ('reason' in decoded) {
      rejected.push(decoded)
      continue
    }
    const { key, entry } = decoded
    const stamp = greatestStamp(entry)
    if (stamp > latest) {
      rejected.push({ reason: 'future', key, aheadMs: stampWallMs(stamp) - Math.floor(wallMs) })
      continue
    }
    const held = joinedHere?.get(key) ?? state.get(key)
    items += entry.items.length + (held?.items.length ?? 0)
    if (dead.length > 0) dead = []
    const received = screen(entry, held, known, wallMs - driftMsMax, dead)
    const joined = joinEntries(held, received)
    // Also of an entry that is refused below: what is dead is dead, and whoever still shows it is told.
    if (dead.length > 0) answers.push({ key, evidence: { items: dead } })
    const isNews = joined !== held && joined.items.length > 0
    const lacking = isNews ? quota?.lacks(key, held, joined, taken) : undefined
    if (lacking !== undefined) {
      rejected.push({ reason: 'quota', key, part: lacking })
      continue
    }
    if (stamp > greatest) greatest = stamp
    if (joined !== received && !equalEntries(joined, received)) behind.push(key)
    if (!isNews) {
      unchanged++
      continue
    }
    if (quota !== undefined) {
      if (held === undefined) taken.entries++
      taken.live += lifeGained(held, joined)
      taken.bytes += entryBytes(key, joined) - entryBytes(key, held)
    }
    items += APPLIED_ITEM_COST * joined.items.length
    joinedHere ??= new Map()
    joinedHere.set(key, joined)
    changed.push({
      key,
      received,
      wire: received === entry ? bytes : undefined,
      joined,
      clashes: countClashes(held, received)
    })
  }
  return { changed, unchanged, rejected, answers, behind, greatestStamp: greatest }
}

/** The last stamp of a wall time, of which a fraction is dropped. */
function latestStamp(wallMs: number): Stamp {
  return stampOf(Math.min(Math.max(Math.floor(wallMs), 0), STAMP_WALL_MS_MAX), STAMP_COUNTER_MAX)
}

/**
 * What of an entry counts: a dot that is over as evidence, a dot that was here and is gone not at all. The latter is one that
 * `known` covers and of whose replica nothing is held at its stamp or later.
 *
 * @param overMs dots that ended up to then are over.
 * @param dead takes evidence for each dot that is left out.
 * @returns `entry` itself when all of it counts as it is.
 */
function screen(
  entry: Entry,
  held: Entry | undefined,
  known: Coverage | undefined,
  overMs: number,
  dead: Item[]
): Entry {
  const { items } = entry
  let kept: Item[] | undefined
  let at = 0
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Item
    const { replica, stamp, value, expiresAtMs } = item
    let counts: Item | undefined = item
    if (value !== undefined) {
      if (expiresAtMs !== undefined && expiresAtMs <= overMs) {
        counts = { replica, stamp, value: undefined }
      } else if (known?.covers(replica, stamp) === true) {
        const others = held?.items ?? NO_ITEMS
        while (at < others.length && (others[at] as Item).replica < replica) at++
        const mine = others[at]
        if (mine === undefined || mine.replica !== replica || mine.stamp < stamp) {
          dead.push({ replica, stamp, value: undefined })
          counts = undefined
        }
      }
    }
    if (counts !== item) kept ??= items.slice(0, i)
    if (kept !== undefined && counts !== undefined) kept.push(counts)
  }
  return kept === undefined ? entry : { items: kept }
}

const NO_ITEMS: readonly Item[] = []

function decodeOrReject(
  bytes: Uint8Array,
  limits: EntryLimits,
  held: EncodedEntries
): { key: string; entry: Entry } | IngestRejection {
  try {
    return decodeEntry(bytes, limits, held)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { reason: 'malformed', key: readKey(bytes, limits), detail: error.reason, offset: error.offset }
  }
}
