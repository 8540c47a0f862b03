import { compareBytes } from '@starling/codec'
import type { Stamp } from '@starling/hlc'
import type { Dot, Entry, Item, ReplicaId } from './types.ts'

/** The entry that says nothing: the least of all. */
export const EMPTY_ENTRY: Entry = { items: [] }

/**
 * Compares two items of one replica; the greater one wins a merge. By stamp; under one stamp evidence is above every value,
 * because it says that the value was superseded; two values under one stamp, which no honest replica makes, by their bytes and
 * then by when they end, so that all replicas choose the same.
 */
export function compareItems(a: Item, b: Item): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1
  if (a.value === undefined || b.value === undefined) {
    return (a.value === undefined ? 1 : 0) - (b.value === undefined ? 1 : 0)
  }
  return compareBytes(a.value, b.value) || (a.expiresAtMs ?? -1) - (b.expiresAtMs ?? -1)
}

/**
 * The merge: for each replica the greater of its two items, and nothing else. Commutative, associative and idempotent for any
 * two entries whatever.
 *
 * @returns `a` itself when `b` adds nothing, which is how a caller sees that nothing changed; otherwise `b` itself when `a` adds
 * nothing.
 */
export function joinEntries(a: Entry | undefined, b: Entry): Entry {
  if (a === undefined) return b
  // Most merges are of a write and what it replaces, or of what is known already: then one side is the result.
  if (a === b || covers(a.items, b.items)) return a
  if (covers(b.items, a.items)) return b
  const items: Item[] = []
  let j = 0
  for (const mine of a.items) {
    while (j < b.items.length && (b.items[j] as Item).replica < mine.replica) items.push(b.items[j++] as Item)
    const other = b.items[j]
    if (other?.replica !== mine.replica) {
      items.push(mine)
    } else {
      items.push(compareItems(mine, other) < 0 ? other : mine)
      j++
    }
  }
  while (j < b.items.length) items.push(b.items[j++] as Item)
  return { items }
}

/** Whether each of the lesser items has one of its replica among the greater that is not below it. */
function covers(greater: readonly Item[], lesser: readonly Item[]): boolean {
  let i = 0
  for (let j = 0; j < lesser.length; j++) {
    const item = lesser[j] as Item
    while (i < greater.length && (greater[i] as Item).replica < item.replica) i++
    const other = greater[i]
    if (other === undefined || other.replica !== item.replica || compareItems(other, item) < 0) return false
  }
  return true
}

/**
 * How many items of the two entries carry different values under one replica and stamp. It takes a broken or hostile replica,
 * or one that runs twice, to make one.
 */
export function countClashes(a: Entry | undefined, b: Entry): number {
  if (a === undefined) return 0
  const left = a.items
  const right = b.items
  let clashes = 0
  let i = 0
  for (let j = 0; j < right.length; j++) {
    const other = right[j] as Item
    while (i < left.length && (left[i] as Item).replica < other.replica) i++
    const mine = left[i]
    if (mine === undefined) break
    if (mine.replica !== other.replica || mine.stamp !== other.stamp) continue
    if (mine.value !== undefined && other.value !== undefined && compareItems(mine, other) !== 0) clashes++
  }
  return clashes
}

/**
 * The entry after `replica` wrote `value` at `stamp`, having seen `base`: what was live becomes evidence at its own stamp, and
 * the new dot is the only live one. Nothing is applied or stored by it.
 *
 * @param base what the writer could know: what is visible here, joined with its own writes that are still under way.
 * @param stamp a new stamp of the clock, greater than every stamp in `base`.
 * @throws RangeError when it is not: a write that did not exceed what it replaces could be lost.
 */
export function putEntry(
  base: Entry | undefined,
  replica: ReplicaId,
  stamp: Stamp,
  value: Uint8Array,
  expiresAtMs?: number
): Entry {
  if (expiresAtMs !== undefined && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs >= 0)) {
    throw new RangeError(`expiresAtMs must be a whole number of ms from 0, got ${expiresAtMs}`)
  }
  const dot: Dot =
    expiresAtMs === undefined ? { replica, stamp, value } : { replica, stamp, value, expiresAtMs }
  return supersede(base, dot)
}

/**
 * The entry after `replica` removed the key at `stamp`, having seen `base`: all of it becomes evidence, and so does the removal.
 *
 * @returns `base` itself when nothing in it is live: there is nothing to remove and nothing to remember.
 * @throws RangeError when `stamp` is not greater than every stamp in `base`.
 */
export function removeEntry(base: Entry, replica: ReplicaId, stamp: Stamp): Entry {
  return hasLiveDot(base) ? supersede(base, { replica, stamp, value: undefined }) : base
}

/** The live dots, in ascending order of replica id. More than one: they were written without knowing of each other. */
export function liveDots(entry: Entry): readonly Dot[] {
  return entry.items.filter(isDot)
}

/** Whether an item is live. */
export function isDot(item: Item): item is Dot {
  return item.value !== undefined
}

/** Whether the key has a value. */
export function hasLiveDot(entry: Entry): boolean {
  const { items } = entry
  // By index: this and the loops below run for every write and every entry received, and iterators cost more than their bodies.
  for (let i = 0; i < items.length; i++) if (isDot(items[i] as Item)) return true
  return false
}

/** The dot that is shown: the live one with the greatest stamp, between equal stamps the one of the greater replica id. */
export function winner(entry: Entry): Dot | undefined {
  let best: Dot | undefined
  for (const item of entry.items) {
    // Items ascend by replica id, so that at equal stamps the later one is the greater.
    if (isDot(item) && (best === undefined || item.stamp >= best.stamp)) best = item
  }
  return best
}

/** The greatest stamp of all items, live or not; 0 for the empty entry. */
export function greatestStamp(entry: Entry): Stamp {
  const { items } = entry
  let greatest = 0n
  for (let i = 0; i < items.length; i++) {
    const { stamp } = items[i] as Item
    if (stamp > greatest) greatest = stamp
  }
  return greatest
}

/** Whether two entries say the same, byte for byte. */
export function equalEntries(a: Entry, b: Entry): boolean {
  if (a === b) return true
  return (
    a.items.length === b.items.length &&
    a.items.every((item, i) => {
      const other = b.items[i] as Item
      return item.replica === other.replica && compareItems(item, other) === 0
    })
  )
}

/** Whether two entries have the same live dots, whatever their evidence. */
export function sameLiveDots(a: Entry, b: Entry): boolean {
  if (a === b) return true
  let j = 0
  for (let i = 0; i < a.items.length; i++) {
    const mine = a.items[i] as Item
    if (!isDot(mine)) continue
    while (j < b.items.length && !isDot(b.items[j] as Item)) j++
    const other = b.items[j++]
    if (mine === other) continue
    if (other === undefined || mine.replica !== other.replica || compareItems(mine, other) !== 0) return false
  }
  while (j < b.items.length) if (isDot(b.items[j++] as Item)) return false
  return true
}

function supersede(base: Entry | undefined, last: Item): Entry {
  if (base === undefined) return { items: [last] }
  const items: Item[] = []
  let placed = false
  for (const item of base.items) {
    if (item.stamp >= last.stamp) {
      throw new RangeError(
        `stamp must exceed every stamp of the entry: ${last.stamp} does not exceed ${item.stamp}`
      )
    }
    if (!placed && item.replica >= last.replica) {
      items.push(last)
      placed = true
    }
    if (item.replica !== last.replica) {
      items.push(isDot(item) ? { replica: item.replica, stamp: item.stamp, value: undefined } : item)
    }
  }
  if (!placed) items.push(last)
  return { items }
}
