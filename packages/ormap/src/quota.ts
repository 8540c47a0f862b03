import { hasLiveDot } from './entry.ts'
import { QuotaExceededError } from './errors.ts'
import type { Entry, EntryChange } from './types.ts'

/** Estimated bytes of an item beside its value: replica id, stamp, lengths. */
const ITEM_BYTES = 24

/** Keys with an entry, of which nothing may be live any more, for each key that may have a live value. Source: guess. */
const REMEMBERED_SHARE = 2

/** What a map may hold. */
export interface QuotaLimits {
  /**
   * Keys with a live value: removing one makes room at once. Of keys that were removed and are still remembered there may be as many
   * as make up twice this number, or memory would not be bounded.
   */
  readonly entriesMax: number
  /** Estimated bytes of keys, values and items, evidence included; see {@link entryBytes}. */
  readonly bytesMax: number
}

/** What was accepted and is not noted yet. */
export interface QuotaTaken {
  /** Keys that got a live value, less those that lost theirs; and keys that got an entry. */
  readonly live: number
  readonly entries: number
  readonly bytes: number
}

/** Which part of a quota is used up. */
export type QuotaPart = 'entries' | 'bytes'

/** Estimated bytes of an entry: its key and values, and 24 for each item. Without an entry, or without items, none. */
export function entryBytes(key: string, entry: Entry | undefined): number {
  if (entry === undefined || entry.items.length === 0) return 0
  let bytes = key.length
  for (const { value } of entry.items) bytes += ITEM_BYTES + (value === undefined ? 0 : value.length)
  return bytes
}

/**
 * How much of its quota a map uses. A local write beyond it throws; a received entry beyond it is refused, because memory is
 * bounded, and then the map no longer converges: that is a state to be shown ({@link Quota.isOver}), not an event to be missed.
 *
 * What adds no live dot to a key that is here is always taken: removals have to get through.
 */
export class Quota {
  readonly limits: QuotaLimits
  #entries = 0
  #live = 0
  #bytes = 0
  #refused = 0
  #over = false

  constructor(limits: QuotaLimits) {
    for (const [name, value] of Object.entries(limits)) {
      if (!(value >= 0)) throw new RangeError(`${name} must be 0 or more, got ${String(value)}`)
    }
    this.limits = limits
  }

  /** Keys with an entry. */
  get entries(): number {
    return this.#entries
  }

  /** Keys with a live value. */
  get live(): number {
    return this.#live
  }

  /** Estimated bytes in use. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many received entries were refused. */
  get refused(): number {
    return this.#refused
  }

  /** Whether received entries are missing here for want of room. */
  get isOver(): boolean {
    return this.#over
  }

  /** Something in the map changed. Entries that are loaded are changes from `undefined`. */
  note({ key, previous, entry }: Pick<EntryChange, 'key' | 'previous' | 'entry'>): void {
    this.#entries += (entry.items.length > 0 ? 1 : 0) - (previous === undefined ? 0 : 1)
    this.#live += lifeGained(previous, entry)
    this.#bytes += entryBytes(key, entry) - entryBytes(key, previous)
  }

  /**
   * Checks a local write before it has any effect.
   *
   * @throws QuotaExceededError when there is no room for it.
   */
  assertRoom(key: string, before: Entry | undefined, after: Entry): void {
    const over = this.lacks(key, before, after)
    if (over !== undefined) {
      throw new QuotaExceededError(over, over === 'entries' ? this.limits.entriesMax : this.limits.bytesMax)
    }
  }

  /**
   * What there is no room for if a key goes from one entry to another, `undefined` when there is room.
   *
   * @param taken what was accepted and not noted yet.
   */
  lacks(
    key: string,
    before: Entry | undefined,
    after: Entry,
    taken: QuotaTaken = NOTHING_TAKEN
  ): QuotaPart | undefined {
    const { entriesMax } = this.limits
    const isNew = before === undefined || before.items.length === 0
    if (lifeGained(before, after) > 0 && this.#live + taken.live >= entriesMax) return 'entries'
    if (isNew && this.#entries + taken.entries >= entriesMax * REMEMBERED_SHARE) return 'entries'
    const growth = entryBytes(key, after) - entryBytes(key, before)
    if (growth <= 0 || this.#bytes + taken.bytes + growth <= this.limits.bytesMax) return undefined
    return isNew || addsDot(before, after) ? 'bytes' : undefined
  }

  /** Received entries were refused for want of room. */
  noteRefused(count: number): void {
    this.#refused += count
    if (count > 0) this.#over = true
  }

  /** A session with a peer ran to its end and nothing was refused for want of room. */
  settled(): void {
    this.#over = false
  }
}

const NOTHING_TAKEN: QuotaTaken = { live: 0, entries: 0, bytes: 0 }

/** 1 when a key without a live value gets one, -1 when it loses its last, else 0. */
export function lifeGained(before: Entry | undefined, after: Entry): number {
  return Number(hasLiveDot(after)) - Number(before !== undefined && hasLiveDot(before))
}

/** Whether `after`, a merge with `before`, has a live dot that `before` has not. */
function addsDot(before: Entry, after: Entry): boolean {
  let i = 0
  for (const { replica, stamp, value } of after.items) {
    if (value === undefined) continue
    while (i < before.items.length && (before.items[i]?.replica ?? '') < replica) i++
    const held = before.items[i]
    if (held?.replica !== replica || held.stamp !== stamp || held.value === undefined) return true
  }
  return false
}
