import type { PeerKey } from './types.ts'

/** The settings of a {@link HyParView} machine. Times are ms. */
export interface Config {
  /** Neighbours a node wants. Source: paper §5.1, 5 for 10,000 nodes. */
  readonly activeViewCapacity: number
  /** Further peers a node remembers for the day it needs them. Source: paper §5.1. */
  readonly passiveViewCapacity: number
  /** Hops of a forwarded join (ARWL). Source: paper §5.1. */
  readonly activeRandomWalkLength: number
  /** Hops left at which a forwarded join enters a passive view (PRWL). Source: paper §5.1. */
  readonly passiveRandomWalkLength: number
  /** How a contact brings a joiner in. `split` keeps the overlay random when all join one node. Source: measured. */
  readonly joinRule: 'replace' | 'split'
  /** Walks that look for a link to split, for each join. Source: measured. */
  readonly splitWalks: number
  /** Walks that look for a free slot, for each join. Source: measured. */
  readonly openWalks: number
  /**
   * Hops of a shuffle that offers no swap. Source: measured, a longer walk mixes no better, costs more, and passes more peers
   * that could answer in place of its end.
   */
  readonly shuffleRandomWalkLength: number
  /**
   * Hops of a shuffle that offers a swap: it is worth more the further away the two ends are. A fraction is the chance of one hop
   * more. Source: measured at 10,000 nodes: 6 leaves a clustering of 0.0005 to 0.0006, 7 costs more than 7.5 messages a cycle.
   */
  readonly swapRandomWalkLength: number
  /** Neighbours in a shuffle (ka). Source: paper §5.1. */
  readonly shuffleActiveCount: number
  /** Passive entries in a shuffle (kp). Source: paper §5.1. */
  readonly shufflePassiveCount: number
  /** Time between two shuffles, plus or minus a tenth. Source: guess within the usual 10 to 60 s. */
  readonly shuffleIntervalMs: number
  /** First shuffles that each offer a swap of links. Source: measured, two make the overlay random. */
  readonly swapShufflesFirst: number
  /** Share of later shuffles that offer one. Source: measured. */
  readonly swapShare: number
  /**
   * Time between two shuffles that go to a lost peer, plus or minus a tenth, while there is one; 0 for never. Source: measured,
   * two islands of six nodes each, whose views are full, find each other within a minute.
   */
  readonly lostProbeMs: number
  /** Share of the other shuffles that go to a contact instead of a neighbour, to find another island. Source: guess. */
  readonly contactProbeShare: number
  /** Share of those that offer a swap; those to lost peers always do. Source: guess. */
  readonly contactSwapShare: number
  /** Requests for neighbours in flight at once. Source: measured. */
  readonly refillParallel: number
  /** The same after sudden losses: doubled up to this at each timeout. Source: measured. */
  readonly refillParallelMax: number
  /** Refusals after which a round of requests pauses. Source: measured. */
  readonly refillRefusalsMax: number
  /** First pause between rounds; grows by half each time. Source: measured. */
  readonly refillPauseMs: number
  /** Longest pause. Source: measured. */
  readonly refillPauseMsMax: number
  /** The same for a node without any neighbour: a contact may be about to start. Source: guess. */
  readonly isolatedPauseMs: number
  /** Longest pause of a node without any neighbour. Source: guess, well below the 30 s of an isolation alarm. */
  readonly isolatedPauseMsMax: number
  /** How long the walks of a join may take before the joiner looks for neighbours itself. Source: measured. */
  readonly joinSettleMs: number
  /** Peers asked in one round while rounds are fresh; later rounds ask `refillRefusalsMax`. Source: guess. */
  readonly refillTriesMax: number
  /** Rounds that found nothing before triangles are accepted and a contact is asked. Source: measured. */
  readonly refillRoundsPatient: number
  /** Bounds of the time a request may take; within them 2.5 times the slowest recent answer. Source: measured. */
  readonly requestTimeoutMsMin: number
  readonly requestTimeoutMsMax: number
  /** The same before the first answer. Source: guess, one QUIC handshake over a slow link. */
  readonly requestTimeoutMsFirst: number
  /** How long a slot is kept for a peer that was announced. Source: measured, above two round trips. */
  readonly reservationMs: number
  /** First retry after a failure; doubled for each further one. Source: guess. */
  readonly failureBackoffMs: number
  /** Longest of these. Source: guess. */
  readonly failureBackoffMsMax: number
  /** Failures after which a peer leaves the passive view; the address book keeps it. Source: guess. */
  readonly failuresMax: number
  /** Peers kept in the address book besides contacts. Source: measured, enough after 95 % of the nodes failed at once. */
  readonly bookCapacity: number
  /** Contacts kept; further ones displace the oldest. Source: guess. */
  readonly contactsMax: number
  /** Longest peer data. Source: guess, four addresses. */
  readonly dataBytesMax: number
  /** Longest list of peers in one message. Source: paper §5.1, 1 + ka + kp. */
  readonly entriesMax: number
  /** Oldest links that are given up for nobody, and the age from which on a link may be one of them. Source: guess. */
  readonly anchors: number
  readonly anchorAgeMs: number
  /**
   * Whether a link may be given up for another at this moment. The broadcast layer answers false for links its tree uses.
   * Must be a pure function of the driver's state. Default: always.
   */
  readonly mayReplace: (peer: PeerKey) => boolean
}

/** The defaults of {@link Config}. */
export const DEFAULT_CONFIG: Config = {
  activeViewCapacity: 5,
  passiveViewCapacity: 30,
  activeRandomWalkLength: 6,
  passiveRandomWalkLength: 3,
  joinRule: 'split',
  splitWalks: 2,
  openWalks: 1,
  shuffleRandomWalkLength: 2,
  swapRandomWalkLength: 6.5,
  shuffleActiveCount: 3,
  shufflePassiveCount: 4,
  shuffleIntervalMs: 60_000,
  swapShufflesFirst: 2,
  swapShare: 0.01,
  lostProbeMs: 60_000,
  contactProbeShare: 0.1,
  contactSwapShare: 0.1,
  refillParallel: 2,
  refillParallelMax: 16,
  refillRefusalsMax: 4,
  refillPauseMs: 2_000,
  refillPauseMsMax: 30_000,
  isolatedPauseMs: 500,
  isolatedPauseMsMax: 5_000,
  joinSettleMs: 500,
  refillTriesMax: 64,
  refillRoundsPatient: 3,
  requestTimeoutMsMin: 200,
  requestTimeoutMsMax: 2_000,
  requestTimeoutMsFirst: 1_000,
  reservationMs: 400,
  failureBackoffMs: 1_000,
  failureBackoffMsMax: 300_000,
  failuresMax: 5,
  bookCapacity: 200,
  contactsMax: 32,
  dataBytesMax: 512,
  entriesMax: 8,
  anchors: 2,
  anchorAgeMs: 600_000,
  mayReplace: () => true
}

/** Peers whose budgets are remembered at once; the longest known is forgotten first. Source: guess. */
export const BUDGET_PEERS_MAX = 1024

/** Requests of others held back until their announcement arrives. Source: guess, more than swaps can overlap. */
export const DEFERRED_MAX = 4

/** Requests in flight at once, of all purposes. Source: guess, above `refillParallelMax` and all slots together. */
export const REQUESTS_MAX = 64

/** Hops a join walk may make beyond its length because its end was busy. Source: measured. */
export const SPARE_HOPS_MAX = 6

/** Peers offered in replies and disconnects. Source: measured, 3 to 4. */
export const SAMPLES_MAX = 4

/** How long a peer that was refused counts as one with a free slot, ms. Source: guess, a pause between two rounds. */
export const SEEKER_MS = 10_000

/** Longest text of a peer id. Source: an Ed25519 or RSA peer id has at most 60 characters; doubled. */
export const PEER_KEY_BYTES_MAX = 128

/** Messages of a kind that one peer may send at once, and per second after that. Source: guess, see each. */
export const BUDGETS: {
  readonly [kind in 'join' | 'neighbor' | 'forwardJoin' | 'shuffle' | 'asker' | 'eviction']: {
    readonly burst: number
    readonly perSecond: number
  }
} = {
  /** A joiner asks once and again when it is alone. */
  join: { burst: 8, perSecond: 1 },
  /** A lonely peer asks every few seconds; swaps and splits add single ones. */
  neighbor: { burst: 16, perSecond: 2 },
  /** A neighbour next to a contact forwards what the whole cluster sends on a cold start. */
  forwardJoin: { burst: 16_384, perSecond: 1_000 },
  /** A neighbour forwards about one a minute; one that is the contact of 10,000 nodes one in three seconds. */
  shuffle: { burst: 32, perSecond: 0.5 },
  /** One that was refused is remembered, but cannot drown the others by asking again. */
  asker: { burst: 1, perSecond: 1 / 600 },
  /** A peer that was given another's place is not alone again so soon. */
  eviction: { burst: 2, perSecond: 1 / 600 }
}

/** Probes of strangers answered at once, and per second. Source: measured, a contact of 10,000 nodes gets 17 a second. */
export const PROBE_BUDGET: { readonly burst: number; readonly perSecond: number } = {
  burst: 512,
  perSecond: 32
}

/**
 * Peers taken in on the word of messages that nobody asked for, at once and per second, so that whoever shouts loudest does
 * not fill the passive view. Source: at rest a shuffle of eight ends here in each interval, as many as come with the answer
 * to the own one; joiners are rare, but come in storms.
 */
export const HEARSAY_BUDGETS: {
  readonly [kind in 'shuffles' | 'walks']: { readonly burst: number; readonly perSecond: number }
} = {
  shuffles: { burst: 64, perSecond: 8 / 60 },
  walks: { burst: 256, perSecond: 1 / 30 }
}

/**
 * Swaps agreed to at once, and per second, while a node is new and later. Source: two for each node make the overlay random
 * (measured); whoever offers peers that do not exist wins a place with each.
 */
export const SWAP_BUDGETS: {
  readonly [age in 'young' | 'settled']: { readonly burst: number; readonly perSecond: number }
} = {
  young: { burst: 4, perSecond: 1 / 600 },
  settled: { burst: 1, perSecond: 1 / 600 }
}

/** How long after its join a node is new, and the others likely are too, ms. Source: guess, five shuffles. */
export const YOUNG_MS = 300_000

/**
 * Requests sent at once, and per second: nearly all go to peers that others named, each may cost a connection, and the
 * address may be a victim's. Source: guess, above what a node needs after 95 % of all died (about 200).
 */
export const REQUEST_BUDGET: { readonly burst: number; readonly perSecond: number } = {
  burst: 256,
  perSecond: 16
}

/** Evictions that peers without any neighbour can cause here at once, and per second. Source: guess. */
export const EVICTION_BUDGET: { readonly burst: number; readonly perSecond: number } = {
  burst: 8,
  perSecond: 1 / 60
}

/** Joins a contact spreads at once, and per second; others get samples only. Source: measured up to 10,000 at once. */
export const JOIN_BUDGET: { readonly burst: number; readonly perSecond: number } = {
  burst: 16_384,
  perSecond: 1_000
}

/**
 * Links that a settled node gives up for joiners at once, and per second. Source: measured, enough for 200 nodes to become
 * 2,000 in a second, and hostile nodes that join again and again win a fifth fewer places.
 */
export const SPLIT_BUDGET: { readonly burst: number; readonly perSecond: number } = {
  burst: 1,
  perSecond: 1 / 600
}
