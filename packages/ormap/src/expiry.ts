import { DRIFT_MS_MAX } from '@starling/hlc'
import { isDot } from './entry.ts'
import type { Dot, Entry, Item } from './types.ts'

/** Whether a dot has ended: from that wall time on it is hidden. It is still part of the state. */
export function isExpired(dot: Dot, wallMs: number): boolean {
  return dot.expiresAtMs !== undefined && wallMs >= dot.expiresAtMs
}

/**
 * Whether a dot ended at least one drift bound ago: from then on it counts as evidence at its own stamp, everywhere and without
 * anyone saying so. The pause is what keeps a clock that is ahead, within the bound, from ending values early elsewhere.
 */
export function isOver(item: Item, wallMs: number, driftMsMax: number = DRIFT_MS_MAX): boolean {
  return item.value !== undefined && item.expiresAtMs !== undefined && wallMs >= item.expiresAtMs + driftMsMax
}

/** The live dots that are shown at a wall time. */
export function visibleDots(entry: Entry, wallMs: number): readonly Dot[] {
  return entry.items.filter((item): item is Dot => isDot(item) && !isExpired(item, wallMs))
}

/** The dot that is shown first at a wall time: of those that have not ended the greatest stamp, then replica id. */
export function visibleWinner(entry: Entry, wallMs: number): Dot | undefined {
  let best: Dot | undefined
  for (const item of entry.items) {
    if (isDot(item) && !isExpired(item, wallMs) && (best === undefined || item.stamp >= best.stamp))
      best = item
  }
  return best
}

/**
 * The entry with each dot that is over as evidence at its own stamp. Join it into the map; it is neither broadcast nor a write.
 *
 * @returns `entry` itself when there is none.
 */
export function expireEntry(entry: Entry, wallMs: number, driftMsMax: number = DRIFT_MS_MAX): Entry {
  if (!entry.items.some(item => isOver(item, wallMs, driftMsMax))) return entry
  return {
    items: entry.items.map(item =>
      isOver(item, wallMs, driftMsMax) ? { replica: item.replica, stamp: item.stamp, value: undefined } : item
    )
  }
}

/** The next wall time at which something of the entry ends or is over, `undefined` when nothing will. */
export function nextEndMs(
  entry: Entry,
  wallMs: number,
  driftMsMax: number = DRIFT_MS_MAX
): number | undefined {
  let next: number | undefined
  for (const { value, expiresAtMs } of entry.items) {
    if (value === undefined || expiresAtMs === undefined) continue
    // A dot that is over already is due at once.
    const at = expiresAtMs > wallMs ? expiresAtMs : expiresAtMs + driftMsMax
    if (next === undefined || at < next) next = at
  }
  return next
}
