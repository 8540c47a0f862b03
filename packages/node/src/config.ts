/** How many connections a node holds at most, both directions together. Source: a guess, 1,000 peers twice over. */
export const CONNECTIONS_MAX = 2_000

/** Inbound connections that may be in their transport handshake at one time. Source: a cluster of 1,000 starting at once. */
export const PENDING_INBOUND_MAX = 1_000

/** After how many ms a dial of one address is given up. Source: measured, an unreachable QUIC port takes 10 s by itself. */
export const DIAL_TIMEOUT_MS = 4_000

/** After how many ms `stop` stops waiting for goodbyes and closes what is left. Source: a guess. */
export const STOP_TIMEOUT_MS = 5_000

/**
 * The QUIC transport's limits. The windows are just above the multiplexer's own credit window, so that ours binds first, and
 * small because a known weakness of the transport multiplies what it buffers (THREAT_MODEL.md). Measured: no loss of speed
 * on a local network down to half of these. The multiplexer takes 80 streams of a peer and refuses the rest by an answer, for
 * which streams must be left.
 */
export const QUIC_LIMITS = {
  maxStreamData: 1_310_720,
  maxConnectionData: 4_194_304,
  maxConcurrentStreamLimit: 96,
  maxIdleTimeout: 10_000,
  keepAliveInterval: 3_000,
  handshakeTimeout: 5_000
} as const

/**
 * Inbound QUIC connections that may be in their cryptographic handshake at one time on each listen address; further ones wait.
 * Source: above 60 joiners at once, four times over; an idle place costs about a kilobyte.
 */
export const QUIC_ACCEPTS = 256

/** The shortest cluster secret, in bytes. Source: half a SHA-256, beyond guessing when random. */
export const SECRET_BYTES_MIN = 16

/** How many cluster secrets may be accepted at one time. Source: the limit of `@starling/peers`. */
export const SECRETS_MAX = 8
