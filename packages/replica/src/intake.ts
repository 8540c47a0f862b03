import { DRIFT_MS_MAX, stampWallMs, type HybridLogicalClock } from '@starling/hlc'
import {
  ENTRY_LIMITS,
  greatestStamp,
  ingest,
  joinEntries,
  LIVE_DOTS_REPORTED,
  liveDots,
  type Entry,
  type ReplicaId
} from '@starling/ormap'
import { NEWS_AGE_MS, type ReplicaLimits } from './config.ts'
import { longestRowBytes } from './split-entry.ts'
import type { StagedState } from './staged-state.ts'
import type { Change } from './types.ts'

/** What one message's entries did. */
export interface Taken {
  readonly changes: readonly Change[]
  readonly unchanged: number
  /** Refused entries by reason. */
  readonly rejected: ReadonlyMap<string, number>
  readonly rejectedCount: number
  /** Items with another value under a replica and stamp that is known. */
  readonly clashes: number
  /** Keys that have just come to hold more live dots than honest use explains, and how many. */
  readonly overflows: ReadonlyMap<string, number>
  /** A write under our own id that is newer than any we made. */
  readonly duplicate: boolean
  /** Something changed by a write that is older than a broadcast takes. */
  readonly news: boolean
}

/** What intake works on. */
export interface IntakeContext {
  readonly state: StagedState
  readonly clock: HybridLogicalClock
  readonly limits: ReplicaLimits
  readonly driftMsMax: number | undefined
  readonly own: ReplicaId | undefined
}

/**
 * Takes entries in from a peer: whole or not at all, each by itself. What changes something is applied and shown at once; that
 * its row follows later costs nobody anything, since only writes of this replica are acknowledged by this disk.
 */
export function takeIn(entries: readonly Uint8Array[], wallMs: number, context: IntakeContext): Taken {
  const { state, clock, limits, driftMsMax = DRIFT_MS_MAX, own } = context
  // Against everything accepted, own writes in flight included: what those supersede already is not worth a row.
  const result = ingest(state, entries, { wallMs, driftMsMax, limits: ENTRY_LIMITS })
  const rejected = new Map<string, number>()
  for (const { reason } of result.rejected) rejected.set(reason, (rejected.get(reason) ?? 0) + 1)
  clock.receive(result.greatestStamp, wallMs)
  const changes: Change[] = []
  let rejectedCount = result.rejected.length
  const overflows = new Map<string, number>()
  let clashes = 0
  let duplicate = false
  let news = false
  for (const { key, received, wire, clashes: found } of result.changed) {
    const known = state.get(key)
    if (longestRowBytes(joinEntries(known, received)) > limits.rowBytesMax) {
      rejected.set('rowTooLong', (rejected.get('rowTooLong') ?? 0) + 1)
      rejectedCount++
      continue
    }
    duplicate ||= own !== undefined && stampOf(received, own) > stampOf(known, own)
    clashes += found
    const change = state.applied.join(key, received, undefined, wire)
    if (change === undefined) continue
    const { previous, entry } = change
    news ||= stampWallMs(greatestStamp(received)) + NEWS_AGE_MS < wallMs
    changes.push({ key, previous, entry, origin: 'remote' })
    const dots = dotCount(entry)
    if (dots > LIVE_DOTS_REPORTED && dotCount(previous) <= LIVE_DOTS_REPORTED) overflows.set(key, dots)
  }
  return {
    changes,
    unchanged: result.unchanged,
    rejected,
    rejectedCount,
    clashes,
    overflows,
    duplicate,
    news
  }
}

function dotCount(entry: Entry | undefined): number {
  return entry === undefined || entry.items.length <= LIVE_DOTS_REPORTED ? 0 : liveDots(entry).length
}

function stampOf(entry: Entry | undefined, replica: ReplicaId): bigint {
  return entry?.items.find(item => item.replica === replica)?.stamp ?? 0n
}
