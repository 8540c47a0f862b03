/** Every limit and default of this package, each with its unit and where the number comes from. */

/** The tag of the channel that carries handshake, heartbeats and goodbye. Reserved prefix, opened by the dialler. */
export const SESSION_TAG = 'starling:session'

/** Tags with this prefix are ours; the mux lets only internal registrations use them. */
export const INTERNAL_TAG_PREFIX = 'starling:'

/** The oldest and the newest handshake version spoken here. */
export const PROTOCOL_VERSION_MIN = 3
export const PROTOCOL_VERSION_MAX = 3

/** From an open connection to an established session, ms. Source: guess, twice a dial and far above a slow round trip. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/** One dial, all addresses together, ms. Source: measured, an unreachable QUIC address fails by itself only after 10 s. */
export const DIAL_TIMEOUT_MS = 4_000

/** The least time one of several addresses gets within a dial, ms. Source: guess, three round trips over a slow link. */
export const DIAL_SLOT_MS_MIN = 1_000

/** How long after a given-up dial its connection may still turn up and is closed, ms. Source: measured, QUIC goes on for 10 s. */
export const LATE_DIAL_MS = 15_000

/** Wall clocks further apart than this are refused, ms. Source: the drift bound of the hybrid clock. */
export const DRIFT_MS_MAX = 60_000

/** Time between two heartbeats, ms. Source: measured with the two grades below. */
export const BEAT_INTERVAL_MS = 1_000

/** Silence that makes a peer suspect, ms. Source: measured, above a 1 s beat plus a 1 s stall. */
export const SUSPECT_AFTER_MS = 2_500

/** Silence that ends a session, ms. Source: measured, above a beat plus a 3 s stall of the peer. */
export const DOWN_AFTER_MS = 5_000

/** A session nobody wants is kept this long, ms. Source: guess. */
export const IDLE_GRACE_MS = 30_000

/** Goodbye, drain and close of one connection together, ms. Source: guess. */
export const GOODBYE_TIMEOUT_MS = 2_000

/** How long the greater peer id waits for the lesser one to close a connection, ms. Source: measured, one closer loses nothing. */
export const CLOSER_WAIT_MS = 1_000

/** Stop as a whole, ms. Source: guess, above one goodbye. */
export const STOP_TIMEOUT_MS = 5_000

/** How long an accepted connection waits for our own dial to the same peer that is nearly done, ms. Source: guess. */
export const HOLD_MS = 2_000

/** A session that lasted this long resets the backoff, ms. Source: guess, five flaps of a link that flaps every 2 s. */
export const STABLE_MS = 10_000

/** Ceilings of the full-jitter delay before redial 1, 2, 3 …, ms, for a peer that has worked before. The last one repeats. */
export const BACKOFF_PROVEN_MS: readonly number[] = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000]

/** The same for a peer that never worked in this process. */
export const BACKOFF_UNPROVEN_MS: readonly number[] = [500, 1_000, 2_000, 5_000, 15_000, 30_000, 60_000]

/** The same for a peer that refused us or that we refused: it takes a person to change that. Half of it is fixed. */
export const BACKOFF_REFUSED_MS: readonly number[] = [10_000, 30_000, 60_000]

/** After "duplicate" from a peer whose better connection we do not have: time for it to notice, ms. Source: guess. */
export const DUPLICATE_GRACE_MS = 2_000

/** Connections of one peer at once, closing ones included; more are closed. Source: guess, two live and a few draining. */
export const LINKS_PER_PEER_MAX = 8

/** Accepted connections of all peers whose handshake is not finished; more are closed. Source: four times 60 simultaneous. */
export const PENDING_INBOUND_MAX = 256

/** Peers with a connection, an intent or a dial at once; more are refused. */
export const PEERS_MAX = 4_096

/** Channels of one connection held back while its handshake finishes; more are refused as busy. Source: the mux's 64. */
export const HELD_CHANNELS_MAX = 64

/** Peers in the address book; the one not used for longest goes. */
export const ADDRESS_BOOK_PEERS_MAX = 4_096

/** Addresses kept per peer; the oldest goes. */
export const ADDRESSES_PER_PEER_MAX = 8

/** Characters of one address. */
export const ADDRESS_CHARS_MAX = 512

/** Addresses one dial tries, and answers kept of one name. Source: twice the addresses of a peer. */
export const TARGETS_MAX = 16

/** Announced addresses. Source: guess, four interfaces with four transports. */
export const ANNOUNCE_MAX = 16

/** Answers to a question about a name are shared for this long, ms; each dial after that asks again. Source: guess. */
export const NAME_FRESH_MS = 1_000

/** The last answer about a name is used for this long while no new one comes, ms. Source: guess. */
export const NAME_STALE_MS = 3_600_000

/** Deadline of one question about a name, ms. Source: guess, well within a dial, so that an older answer can still be tried. */
export const NAME_TIMEOUT_MS = 1_500

/** Questions about names whose answers are remembered; those used least recently go. */
export const NAMES_CACHE_MAX = 1_024

/** Questions about names under way at once; more fail and are asked at the next redial. */
export const NAME_LOOKUPS_MAX = 32

/** How deep `/dnsaddr` records may refer to each other. Source: libp2p allows 32, which nobody needs. */
export const DNSADDR_DEPTH_MAX = 4

/** Peers whose admission is revoked, remembered. */
export const REVOKED_MAX = 4_096

/** From revoking a peer to its closed connection, and from a challenge to its answer, ms. Source: the reliability bar, 1 s. */
export const REVOKE_MS = 1_000

/** A standing connection that a second one calls in question must be heard within this, ms. Source: guess, a slow round trip. */
export const PROBE_MS = 1_000

/** Intents for one peer. Source: guess, far more than the parts of one process that want the same peer. */
export const INTENTS_PER_PEER_MAX = 1_024

/** A once intent without a session fails after this, ms. Source: guess, a dial, a handshake and one more try. */
export const INTENT_TIMEOUT_MS = 30_000

/** Events kept for a reader that is behind: the default and the most. */
export const EVENT_BUFFER = 256
export const EVENT_BUFFER_MAX = 65_536

/** Dials in flight at once; more wait for a place. Source: libp2p runs 100 in parallel. */
export const DIALS_MAX = 64

/** Bytes of a cluster secret. */
export const SECRET_BYTES_MIN = 16

/** Secrets in the rotation list. */
export const SECRETS_MAX = 8

/** UTF-8 bytes of a cluster name. */
export const CLUSTER_NAME_BYTES_MAX = 255

/** Random bits below the wall milliseconds in an incarnation: two starts within one millisecond still differ. */
export const INCARNATION_RANDOM_BITS = 16

/** Random bytes each side adds to the proof. */
export const NONCE_BYTES = 32

/** Bytes of an admission proof (HMAC-SHA-256). */
export const PROOF_BYTES = 32

/** Bytes of the cluster name's hash in a hello. */
export const CLUSTER_HASH_BYTES = 16

/** Largest message on the session channel, bytes, but for `about`; a longer one ends the session. */
export const SESSION_MESSAGE_BYTES_MAX = 256

/** What a node may say of itself: pairs, bytes of all keys and values, and bytes of one key. Source: guess, a name and a few labels. */
export const METADATA_PAIRS_MAX = 16
export const METADATA_BYTES_MAX = 1_024
export const METADATA_KEY_BYTES_MAX = 64

/** Largest `about`, bytes: its type, the number of pairs, and for each the lengths of key and value. */
export const ABOUT_BYTES_MAX: number = 2 + METADATA_BYTES_MAX + METADATA_PAIRS_MAX * 3

/** Bytes of unread session messages a peer may have here. Source: the least the multiplexer offers. */
export const SESSION_WINDOW_BYTES = 16_384

/** Delays, deadlines and grades the user may set; everything else above is fixed. */
export interface PeersTimings {
  /** Time between two heartbeats, ms (default 1,000). A beat that is due this much too late means that this process stalled. */
  readonly beatIntervalMs: number
  /** Silence that makes a peer suspect, ms (default 2,500). */
  readonly suspectAfterMs: number
  /** Silence that ends a session, ms (default 5,000). */
  readonly downAfterMs: number
  /** Deadline of the handshake, ms (default 10,000). */
  readonly handshakeTimeoutMs: number
  /** Deadline of one dial, ms (default 4,000). */
  readonly dialTimeoutMs: number
  /** How long a session is kept that neither side wants and that has no open channel, ms (default 30,000). */
  readonly idleGraceMs: number
  /** Deadline of goodbye, drain and close of one connection, ms (default 2,000). */
  readonly goodbyeTimeoutMs: number
  /** Largest distance of two wall clocks, ms (default 60,000). */
  readonly driftMsMax: number
}

/** The defaults of {@link PeersTimings}. */
export const DEFAULT_TIMINGS: PeersTimings = {
  beatIntervalMs: BEAT_INTERVAL_MS,
  suspectAfterMs: SUSPECT_AFTER_MS,
  downAfterMs: DOWN_AFTER_MS,
  handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
  dialTimeoutMs: DIAL_TIMEOUT_MS,
  idleGraceMs: IDLE_GRACE_MS,
  goodbyeTimeoutMs: GOODBYE_TIMEOUT_MS,
  driftMsMax: DRIFT_MS_MAX
}

/** Fills in the defaults. @throws RangeError for a value that is not a positive finite number, or grades out of order. */
export function resolveTimings(init: Partial<PeersTimings> = {}): PeersTimings {
  const timings = { ...DEFAULT_TIMINGS }
  for (const name of Object.keys(DEFAULT_TIMINGS) as (keyof PeersTimings)[]) {
    const value = init[name]
    if (value === undefined) continue
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw new RangeError(`${name} must be a positive number of milliseconds, got ${String(value)}`)
    }
    timings[name] = value
  }
  if (!(timings.beatIntervalMs < timings.suspectAfterMs && timings.suspectAfterMs <= timings.downAfterMs)) {
    throw new RangeError(
      'set beatIntervalMs < suspectAfterMs <= downAfterMs, else a healthy peer is taken for a dead one'
    )
  }
  return timings
}
