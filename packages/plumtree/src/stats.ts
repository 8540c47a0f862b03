import type { Message, RejectionReason } from './types.ts'

/** Counters of a machine, from its construction on. None is ever reset. */
export interface Counts {
  /** Messages sent and received, by type. Received ones are counted before they are judged. */
  readonly sent: Record<Message['type'], number>
  readonly received: Record<Message['type'], number>
  readonly rejected: Record<RejectionReason, number>
  /** Own broadcasts. */
  broadcasts: number
  /** Payloads handed to the application. */
  delivered: number
  /** Payload copies of an id that was known already. */
  duplicates: number
  /** Messages from peers that are no neighbours. */
  strangers: number
  /** Announcements ignored because the missing table, or that peer's share of it, was full. */
  announcementsIgnored: number
  /** Announcements not made because the queue for that peer was full. */
  announcementsDropped: number
  /** Grafts sent because a timer ran out, and links taken into the tree because they would have been faster. */
  lateGrafts: number
  optimizations: number
  /** Grafted ids not served because the peer's byte budget was spent. */
  graftsRefused: number
  /** Announced ids given up because every announcer failed: left to reconciliation. */
  abandoned: number
}

export function newCounts(): Counts {
  const byType = (): Record<Message['type'], number> => ({
    gossip: 0,
    ihave: 0,
    graft: 0,
    prune: 0,
    unavailable: 0
  })
  return {
    sent: byType(),
    received: byType(),
    rejected: { idMismatch: 0, oversize: 0, tooManyIds: 0 },
    broadcasts: 0,
    delivered: 0,
    duplicates: 0,
    strangers: 0,
    announcementsIgnored: 0,
    announcementsDropped: 0,
    lateGrafts: 0,
    optimizations: 0,
    graftsRefused: 0,
    abandoned: 0
  }
}

/** Counters, and the present size of everything that is bounded. */
export interface PlumtreeStats extends Counts {
  readonly eager: number
  readonly lazy: number
  readonly cached: number
  readonly cachedBytes: number
  readonly seen: number
  /** Announced ids that have not arrived. */
  readonly missing: number
  /** Ids waiting to be announced, over all lazy peers. */
  readonly queued: number
  /** Own broadcasts of which no copy has left yet, and those given up. */
  readonly unsent: number
  readonly unsentDropped: number
}
