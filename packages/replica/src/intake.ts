import { DecodeError } from '@starling/codec'
import { stampOf, STAMP_COUNTER_MAX, STAMP_WALL_MS_MAX, stampWallMs } from '@starling/hlc'
import {
  decodeEntry,
  encodeLive,
  ENTRY_LIMITS,
  greatestStamp,
  hasLiveDot,
  ingest,
  joinEntries,
  LIVE_DOTS_REPORTED,
  liveDots,
  type Answer,
  type Entry,
  type IngestChange,
  type IngestResult,
  type RefusalReason,
  type ReplicaId
} from '@starling/ormap'
import { NEWS_AGE_MS } from './config.ts'
import type { Core } from './core.ts'
import { greatestLiveStamp } from './item-tree.ts'
import { longestRowBytes } from './split-entry.ts'
import type { Change } from './types.ts'

/** What one message's entries did. */
export interface Taken {
  /** Entries that changed something, and those that did not. */
  readonly changed: number
  readonly unchanged: number
  /** Refused entries by reason. */
  readonly rejected: ReadonlyMap<string, number>
  readonly rejectedCount: number
  /** Items with another value under a replica and stamp that is known. */
  readonly clashes: number
  /** Something changed by a write that is older than a broadcast takes. */
  readonly news: boolean
  /** What to send back. */
  readonly answers: readonly Answer[]
  /** Keys of which evidence alone was here, some of which did not come. */
  readonly behind: readonly string[]
}

/** Looks at each change before it is applied, and says why it is made; what it throws stops this change and those after it. */
export type Judge = (change: IngestChange, previous: Entry | undefined) => Change['cause']

const WRITTEN: Judge = () => 'written'

/**
 * Takes entries in from peers: whole or not at all, each by itself. What changes something is applied and shown at once; that
 * its row follows later costs nobody anything, since only writes of this replica are acknowledged by this disk.
 */
export class Intake {
  readonly #core: Core
  readonly #evidenceMs: number

  /** @param evidenceMs how long evidence is kept at least. */
  constructor(core: Core, evidenceMs: number) {
    this.#core = core
    this.#evidenceMs = evidenceMs
  }

  /** @param judge for entries of a session; those of a broadcast are applied as they are. */
  take(entries: readonly Uint8Array[], peer: string, judge: Judge = WRITTEN): Taken {
    const { state, wallMs, counters } = this.#core
    let result = this.#ingest(entries, wallMs)
    if (this.#isDuplicate(result)) {
      this.#duplicate(peer)
      // What was held for long dead may be the other's write.
      result = this.#ingest(entries, wallMs)
    }
    const rejected = new Map<string, number>()
    for (const { reason } of result.rejected) rejected.set(reason, (rejected.get(reason) ?? 0) + 1)
    this.#noteStamps(result, peer, wallMs)
    const behind = keysBehind(result).filter(key => {
      const held = state.map.get(key)
      return held !== undefined && !hasLiveDot(held)
    })
    const applied = new Application(this.#core, judge)
    try {
      const { changed } = result
      for (let i = 0; i < changed.length; i++) applied.apply(changed[i] as IngestChange)
    } finally {
      this.#core.tell(applied.changes)
    }
    if (applied.refused > 0) rejected.set('rowTooLong', applied.refused)
    const rejectedCount = result.rejected.length + applied.refused
    if (rejectedCount > 0) this.#noteRefused(entries, result, applied.tooLong, peer)
    const { unchanged, answers } = result
    const { clashes, news, changes } = applied
    const taken: Taken = {
      changed: changes.length,
      unchanged,
      rejected,
      rejectedCount,
      clashes,
      news,
      answers,
      behind
    }
    counters.take(taken)
    if (rejectedCount > 0) this.#core.emit({ type: 'rejected', peer, reasons: rejected })
    return taken
  }

  #ingest(entries: readonly Uint8Array[], wallMs: number): IngestResult {
    const { state, driftMsMax, forgetting } = this.#core
    // Against everything accepted, own writes in flight included: what those supersede already is not worth a row.
    return ingest(state, entries, {
      wallMs,
      driftMsMax,
      limits: ENTRY_LIMITS,
      forgetting,
      quota: state.room
    })
  }

  /**
   * Whether something came under this replica's id that it never wrote: newer than what is held of it, or not held at all although
   * it is too young for its evidence to be collected already.
   */
  #isDuplicate({ changed, answers }: IngestResult): boolean {
    const { state, identity, wallMs } = this.#core
    const own = identity.current
    if (own === undefined) return false
    const collected = lastStampOf(wallMs - this.#evidenceMs)
    for (const { key, received } of changed) {
      const stamp = stampUnder(received, own)
      const held = stamp === 0n ? 0n : stampUnder(state.get(key), own)
      if (stamp > held && (held > 0n || stamp > collected)) return true
    }
    return answers.some(({ evidence }) => stampUnder(evidence, own) > collected)
  }

  #noteStamps({ greatestStamp: greatest, rejected }: IngestResult, peer: string, wallMs: number): void {
    const { identity, skew } = this.#core
    const received = identity.clock.receive(greatest, wallMs)
    if (greatest > 0n) skew.note(peer, greatest, wallMs, received)
    for (const rejection of rejected) {
      if (rejection.reason !== 'future') continue
      const { aheadMs } = rejection
      skew.note(peer, lastStampOf(wallMs + aheadMs), wallMs, { ok: false, reason: 'future', aheadMs })
    }
  }

  #duplicate(peer: string): void {
    const { current } = this.#core.identity
    if (current === undefined) return
    this.#core.doubt()
    this.#core.emit({ type: 'identityDuplicate', peer, replica: current })
  }

  /** Remembers what was refused for a while, by the hashes under which peers list it. */
  #noteRefused(
    entries: readonly Uint8Array[],
    result: IngestResult,
    tooLong: ReadonlySet<string>,
    peer: string
  ): void {
    const { refusals, state, components } = this.#core
    const reasons = new Map<string, RefusalReason>([...tooLong].map(key => [key, 'rowTooLong'] as const))
    let quota = 0
    for (const { reason, key } of result.rejected) {
      if (reason === 'future' || reason === 'quota') reasons.set(key, reason)
      if (reason === 'quota') quota++
    }
    state.quota.noteRefused(quota)
    if (reasons.size === 0) return
    const nowMs = components.clock.monotonicMs()
    for (const bytes of entries) {
      const decoded = decodeOr(bytes)
      const reason = decoded && reasons.get(decoded.key)
      if (decoded === undefined || reason === undefined) continue
      const live = encodeLive(decoded.key, decoded.entry, components.hash)
      if (live !== undefined) refusals.note(live.hash, reason, nowMs, greatestLiveStamp(decoded.entry), peer)
    }
  }
}

/** Changes being applied, one after the other. */
class Application {
  readonly #core: Core
  readonly #judge: Judge
  readonly changes: Change[] = []
  /** Keys of entries that would have made a row too long. */
  readonly tooLong = new Set<string>()
  refused = 0
  clashes = 0
  news = false

  constructor(core: Core, judge: Judge) {
    this.#core = core
    this.#judge = judge
  }

  apply(ingested: IngestChange): void {
    const { limits, state, wallMs } = this.#core
    const { key, received, wire, clashes } = ingested
    const joined = this.tooLong.has(key) ? joinEntries(state.get(key), received) : ingested.joined
    if (longestRowBytes(joined) > limits.rowBytesMax) {
      this.tooLong.add(key)
      this.refused++
      return
    }
    const cause = this.#judge(ingested, state.get(key))
    this.clashes += clashes
    const change = this.#core.take(key, received, wire)
    if (change === undefined) return
    this.news ||= stampWallMs(greatestStamp(received)) + NEWS_AGE_MS < wallMs
    this.changes.push({ ...change, cause, origin: 'remote' })
    const dots = dotCount(change.entry)
    if (dots > LIVE_DOTS_REPORTED && dotCount(change.previous) <= LIVE_DOTS_REPORTED) {
      this.#core.emit({ type: 'conflictOverflow', key, dots })
    }
  }
}

function decodeOr(bytes: Uint8Array): { readonly key: string; readonly entry: Entry } | undefined {
  try {
    return decodeEntry(bytes, ENTRY_LIMITS)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** Keys of entries that lack something that is here. Of what was refused nobody has looked, so what is here goes back as well. */
function keysBehind({ behind, rejected }: IngestResult): readonly string[] {
  const refused = rejected.flatMap(({ reason, key }) =>
    key !== undefined && (reason === 'quota' || reason === 'future') ? [key] : []
  )
  return [...behind, ...refused]
}

function dotCount(entry: Entry | undefined): number {
  return entry === undefined || entry.items.length <= LIVE_DOTS_REPORTED ? 0 : liveDots(entry).length
}

function stampUnder(entry: Entry | undefined, replica: ReplicaId): bigint {
  return entry?.items.find(item => item.replica === replica)?.stamp ?? 0n
}

/** The last stamp of a wall time. */
export function lastStampOf(wallMs: number): bigint {
  return stampOf(Math.min(Math.max(Math.floor(wallMs), 0), STAMP_WALL_MS_MAX), STAMP_COUNTER_MAX)
}
