/** What can be set, with defaults. Times are milliseconds. */
export interface SyncConfig {
  /** From opening a channel, or being opened one, to the handshake's end. Default 5,000 (TSM acceptance). */
  readonly handshakeMs: number
  /** How long the lesser peer id waits for the greater to open. Default 1,000 (guess). */
  readonly passiveOpenDelayMs: number
  /** First and longest wait after a failure. Defaults 1,000 and 300,000. */
  readonly backoffMsMin: number
  readonly backoffMsMax: number
  /** How long a session outlives its neighbour link, or a stranger's last round. Default 30,000 (an overlay swap is no farewell). */
  readonly graceMs: number
  /** Between two rounds that a topic starts by itself, each with one random session; ± 25 %. Default 30,000 (guess). */
  readonly reconcileIntervalMs: number
  /** Least time between two offers of news to the other neighbours of a topic, ms. Default 1,000 (guess). */
  readonly newsIntervalMs: number
  /** A round in which nothing moves for this long is given up. Default 30,000 (guess). */
  readonly roundStallMs: number
  /** No round lasts longer. Default 3,600,000 (guess). */
  readonly roundMsMax: number
  /** What a protocol has to settle in after its signal fired, before it is not waited for any longer. Default 5,000 (guess). */
  readonly roundSettleMs: number
  /** What a polite end of a channel may take before it is cut. Default 2,000 (guess). */
  readonly closeMs: number
  /** Topics. Default 1,024 (guess). */
  readonly topicsMax: number
  /** Peers of one topic, neighbours not counted: beyond it a stranger's session is refused as busy. Default 256 (guess). */
  readonly peersPerTopicMax: number
  /** Inbound channels of one peer that have not finished their handshake. Default 128 (guess). */
  readonly handshakesPerPeerMax: number
  /** The same over all peers. Default 4,096 (guess). */
  readonly handshakesMax: number
  /**
   * Rounds of all topics that this end runs with one peer at a time; further topics wait for their turn. Default 16 (guess): a
   * quarter of the streams that the mux gives one connection.
   */
  readonly roundsPerPeerMax: number
  /** Rounds that a peer may have running with us. Default 32: it may learn later than we do that one is over. */
  readonly inboundRoundsPerPeerMax: number
  /** Sends of one exchange that wait for room, for protocols that do not await each. Default 64 (guess). */
  readonly pendingSendsMax: number
  /** Messages that arrive after our protocol has returned, before the round is given up. Default 65,536: a window of tiny ones. */
  readonly strayMessagesMax: number
  /** From a push to its answer, at both ends. Default 30,000 (guess). */
  readonly pushMs: number
  /** Pushes to one peer that wait for their answer, and pushes of one peer that are being answered. Default 256 (guess). */
  readonly pushesPerPeerMax: number
  /** How long the channel for pushes outlives the last one. Default 30,000 (guess). */
  readonly pushIdleMs: number
}

/** The defaults. */
export const SYNC_DEFAULTS: SyncConfig = {
  handshakeMs: 5_000,
  passiveOpenDelayMs: 1_000,
  backoffMsMin: 1_000,
  backoffMsMax: 300_000,
  graceMs: 30_000,
  reconcileIntervalMs: 30_000,
  newsIntervalMs: 1_000,
  roundStallMs: 30_000,
  roundMsMax: 3_600_000,
  roundSettleMs: 5_000,
  closeMs: 2_000,
  topicsMax: 1_024,
  peersPerTopicMax: 256,
  handshakesPerPeerMax: 128,
  handshakesMax: 4_096,
  roundsPerPeerMax: 16,
  inboundRoundsPerPeerMax: 32,
  pendingSendsMax: 64,
  strayMessagesMax: 65_536,
  pushMs: 30_000,
  pushesPerPeerMax: 256,
  pushIdleMs: 30_000
}

/** What can be set of a host finder, with defaults. Times are milliseconds; all are guesses. */
export interface HostFinderConfig {
  /** The first announcement of a topic comes within this time. Default 500. */
  readonly firstMs: number
  /** First pause between announcements while the topic has no neighbours; it doubles up to `everyMs`. Default 1,000. */
  readonly aloneMsMin: number
  /** Pause after which one of the hosts of a topic announces it, as long as all goes well. Default 60,000. */
  readonly everyMs: number
  /** What is due within this time goes along. Default 500. */
  readonly gatherMs: number
  /** A topic is given at most one contact in this time. Default 1,000. */
  readonly foundMs: number
}

/** The defaults. */
export const HOST_FINDER_DEFAULTS: HostFinderConfig = {
  firstMs: 500,
  aloneMsMin: 1_000,
  everyMs: 60_000,
  gatherMs: 500,
  foundMs: 1_000
}

/** The tag of the channels that rounds run on. */
export const SYNC_TAG = 'starling:sync'

/** The tag of the channel for pushes. */
export const PUSH_TAG = 'starling:sync-push'

/** The version of the handshake. */
export const WIRE_VERSION = 2

/** Bytes of a topic's name in UTF-8. */
export const TOPIC_BYTES_MAX = 255

/** Jitter of the periodic rounds: each wait is drawn from the interval ± this share. */
export const RECONCILE_JITTER = 0.25

/** Fills in the defaults and refuses what is no duration or count. */
export function resolveConfig(init: Partial<SyncConfig> | undefined): SyncConfig {
  const config: SyncConfig = { ...SYNC_DEFAULTS, ...init }
  for (const [name, value] of Object.entries(config)) {
    const least = name === 'passiveOpenDelayMs' || name === 'graceMs' ? 0 : 1
    if (!Number.isFinite(value) || value < least) {
      throw new RangeError(`${name} must be a number of at least ${least}, got ${String(value)}`)
    }
  }
  if (config.backoffMsMax < config.backoffMsMin) {
    throw new RangeError('backoffMsMax must not be less than backoffMsMin')
  }
  return config
}
