import { encodeEntry, encodeKey, ENTRY_LIMITS, isDot, type Entry, type Item } from '@starling/ormap'

/** Most bytes that a dot takes beside its value: id, stamp, kind, end and length. */
const DOT_BYTES = 8 + 8 + 1 + 8 + 8

/** Bytes of an item of evidence. */
const EVIDENCE_BYTES = 8 + 8

/** Most bytes that an entry takes beside its key and items: format, the key's length, two counts. */
const ENTRY_BYTES = 1 + 8 + 8 + 8

/**
 * Encodes an entry in as few parts as fit: usually one. Each part is an entry itself, and joining them gives the whole; dots
 * come before evidence, so that a conversation cut between them leaves a conflict too many and never a value too few.
 *
 * @returns `undefined` when a single item takes more than `bytesMax`.
 */
export function splitEntry(key: string, entry: Entry, bytesMax: number): readonly Uint8Array[] | undefined {
  if (entry.items.length <= ENTRY_LIMITS.itemsMax) {
    const whole = encodeEntry(key, entry)
    if (whole.length <= bytesMax) return [whole]
  }
  const room = bytesMax - ENTRY_BYTES - encodeKey(key).length
  const parts: Uint8Array[] = []
  let items: Item[] = []
  let bytes = 0
  const flush = (): void => {
    if (items.length > 0) parts.push(encodeEntry(key, { items }))
    items = []
    bytes = 0
  }
  for (const item of [...entry.items.filter(isDot), ...entry.items.filter(item => !isDot(item))]) {
    const size = itemBytes(item)
    if (size > room) return undefined
    const kindChanges = items[0] !== undefined && isDot(items[0]) !== isDot(item)
    if (kindChanges || bytes + size > room || items.length === ENTRY_LIMITS.itemsMax) flush()
    items.push(item)
    bytes += size
  }
  flush()
  return parts
}

/** Bytes of the longer of an entry's two rows, estimated from above. */
export function longestRowBytes(entry: Entry): number {
  let live = 0
  let evidence = 0
  for (const item of entry.items) {
    if (isDot(item)) live += itemBytes(item)
    else evidence += itemBytes(item)
  }
  return Math.max(live, evidence)
}

/** Bytes of an entry's rows, estimated from above: good enough to bound what waits. */
export function rowBytes(key: string, entry: Entry): number {
  return entry.items.reduce((bytes, item) => bytes + itemBytes(item), ENTRY_BYTES + key.length * 3)
}

function itemBytes(item: Item): number {
  return item.value === undefined ? EVIDENCE_BYTES : DOT_BYTES + item.value.length
}
