import { isDot, isExpired, type Dot, type Entry } from '@starling/ormap'
import type { Clock } from '@starling/ports'

/**
 * What an entry shows at a wall time: the entry itself while nothing of it has ended, which is nearly always, else its dots that
 * have not.
 */
export function visibleEntry(entry: Entry, wallMs: number): Entry {
  // By a loop: this runs for every change and every read, and an entry mostly has one item.
  for (const item of entry.items) {
    if (!isDot(item) || !isExpired(item, wallMs)) continue
    return { items: entry.items.filter(one => isDot(one) && !isExpired(one, wallMs)) }
  }
  return entry
}

/** The dot that `get` shows. The clock is read only for dots that end. */
export function shownDot(entry: Entry, clock: Clock): Dot | undefined {
  let best: Dot | undefined
  let wallMs: number | undefined
  for (const item of entry.items) {
    if (!isDot(item)) continue
    if (item.expiresAtMs !== undefined && isExpired(item, (wallMs ??= clock.wallMs()))) continue
    // Items are in the order of their replica ids, so of equal stamps the later one is the greater.
    if (best === undefined || item.stamp >= best.stamp) best = item
  }
  return best
}

/** How many dots have not ended. The clock is read only for dots that end. */
export function visibleDots(entry: Entry, clock: Clock): number {
  let dots = 0
  let wallMs: number | undefined
  for (const item of entry.items) {
    if (!isDot(item)) continue
    if (item.expiresAtMs === undefined || !isExpired(item, (wallMs ??= clock.wallMs()))) dots++
  }
  return dots
}
