/** Limits and timing of a machine. Every field has a default in `defaultConfig`. */
export interface PlumtreeConfig {
  /** Largest payload sent or accepted, in bytes. */
  readonly payloadBytesMax: number
  /** Payload cache: entries, bytes and age in ms (monotonic). The first bound reached evicts the oldest. */
  readonly cacheCountMax: number
  readonly cacheBytesMax: number
  readonly cacheAgeMs: number
  /** Id memory: ids and age in ms. Outlives the payload cache, so that a late copy is not taken for news. */
  readonly seenCountMax: number
  readonly seenAgeMs: number
  /** Own broadcasts of which no copy has left yet: count and bytes. They do not age; the oldest gives way. */
  readonly unsentCountMax: number
  readonly unsentBytesMax: number
  /** Announced ids that have not arrived: in all, and of one peer. Further announcements are ignored. */
  readonly missingCountMax: number
  readonly missingPerPeerMax: number
  /** Ids in one message, sent or accepted. */
  readonly announcementsMax: number
  readonly graftIdsMax: number
  /** Ids that wait to be announced to one peer; the oldest gives way. */
  readonly announceQueueMax: number
  /** Bytes a peer may fetch by graft in one second, 48 for each payload counted in. */
  readonly graftBytesPerSecondMax: number
  /** First graft timer: a multiple of the worst lag seen, between a floor and a cap, and the value before any lag was seen. */
  readonly graftLagFactor: number
  readonly graftLagDecay: number
  readonly graftFloorMs: number
  readonly graftCapMs: number
  readonly graftFirstMs: number
  /** Second graft timer: a multiple of the measured round trip, at least the floor; the value before any was measured. */
  readonly graftRetryFactor: number
  readonly graftRetryFloorMs: number
  readonly graftRetryFirstMs: number
  /** How often one announcer of one id is asked before it is given up. */
  readonly graftTries: number
  /** How new links start: `lazy` announces at once and lets the receiver choose; `eager` floods, as in the paper. */
  readonly newLinks: 'lazy' | 'eager'
  /** Lazy peers that are told of each message, on average; the others wait for their turn. */
  readonly announcePeers: number
  /** Delay of an announcement to the peer whose turn it is, and the longest any announcement waits, in ms. */
  readonly announceDelayMs: number
  readonly announceWaitMs: number
  /** No new message for so long, in ms: nobody's turn comes, so everything that waits is announced. */
  readonly announceQuietMs: number
  /** How often each id is announced to a peer while alarmed; else once. The second copy rides on a later announcement. */
  readonly announceCopies: 1 | 2
  /** After a loss or a late graft, for so long, everything is announced to all lazy peers after the short delay. */
  readonly alarmMs: number
  readonly alarmDelayMs: number
  /** Ids received within this time are announced to a new neighbour. */
  readonly recentMs: number
  /** A lazy peer that would have been faster by more than this takes the parent's place; 0 disables nothing, Infinity does. */
  readonly optimizeMs: number
  /** Only announcements held for at most this long count as evidence of speed. */
  readonly optimizeHeldMs: number
  /** Messages of two origins within this time mean that several broadcast at once; believed for the second time. */
  readonly concurrentMs: number
  readonly busyMs: number
  /** Meanwhile: an origin not heard for so long stops shaping the tree; any message may change a link once in this time. */
  readonly rootAgeMs: number
  readonly exceptionMs: number
  /** Meanwhile: the longest first graft timer. */
  readonly pullMs: number
  /** Shortest time between two sweeps of cache and id memory. */
  readonly expireMs: number
}

/**
 * The defaults. "Measured" means in simulation at 100 to 10,000 nodes with links of 10 to 50 ms; the others name their
 * source or are guesses.
 */
export const defaultConfig: PlumtreeConfig = {
  payloadBytesMax: 131_072, // guess: two map values of the greatest default size
  cacheCountMax: 4_096, // guess
  cacheBytesMax: 16 * 1024 * 1024, // guess
  cacheAgeMs: 30_000, // many times the longest repair, which is below 3 s
  seenCountMax: 65_536, // guess: 200 messages a second for 5 minutes
  seenAgeMs: 300_000, // longer than any copy can be on its way
  unsentCountMax: 1_024, // guess
  unsentBytesMax: 4 * 1024 * 1024, // guess
  missingCountMax: 8_192, // guess
  missingPerPeerMax: 1_024, // guess
  announcementsMax: 256, // guess: about 5 KiB a message
  graftIdsMax: 64, // guess
  announceQueueMax: 2_048, // guess
  graftBytesPerSecondMax: 4 * 1024 * 1024, // guess
  graftLagFactor: 2, // measured: below it spurious grafts ruin a tree shared by many senders
  graftLagDecay: 0.98, // measured, per message
  graftFloorMs: 400, // measured: about four times the greatest round trip
  graftCapMs: 1_500, // measured
  graftFirstMs: 800, // measured
  graftRetryFactor: 1.3, // measured
  graftRetryFloorMs: 40, // measured
  graftRetryFirstMs: 250, // guess: a long round trip, before one has been measured
  graftTries: 3, // 5 % loss leaves gaps with fewer
  newLinks: 'lazy', // measured: no redundant copy at all, for three trips per hop in the very first message
  announcePeers: 0.95, // measured: one control message for each delivery, the costly first broadcast included
  announceDelayMs: 60, // measured
  announceWaitMs: 10_000, // measured
  announceQuietMs: 3_500, // a topic with less traffic pays up to three announcements a message instead of one
  announceCopies: 2, // 5 % loss leaves gaps with one
  alarmMs: 10_000, // measured
  alarmDelayMs: 10, // measured
  recentMs: 10_000, // measured: at least 3 s
  optimizeMs: 5, // measured
  optimizeHeldMs: 200, // measured
  concurrentMs: 1_000, // guess: above the time one message takes
  busyMs: 5_000, // guess
  rootAgeMs: 60_000, // measured
  exceptionMs: 5_000, // measured
  pullMs: 300, // measured
  expireMs: 1_000
}

/** `defaultConfig` with the given fields replaced. Throws `RangeError` for a bound that is not positive. */
export function plumtreeConfig(overrides: Partial<PlumtreeConfig> = {}): PlumtreeConfig {
  const config = { ...defaultConfig, ...overrides }
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === 'number' && !(value >= 0)) {
      throw new RangeError(`plumtree config: ${name} must be a number of at least 0, got ${value}`)
    }
    if (name.endsWith('Max') && !((value as number) >= 1)) {
      throw new RangeError(`plumtree config: ${name} must be at least 1, got ${String(value)}`)
    }
  }
  return config
}
