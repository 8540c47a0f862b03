/** Beginning of the names that are the node's own, and the swarm that every node of the cluster is in. */
export const RESERVED_PREFIX = 'starling:'
export const CLUSTER_TOPIC: string = `${RESERVED_PREFIX}cluster`

/** After how many ms `stop` stops waiting for goodbyes and closes what is left. Source: a guess. */
export const STOP_TIMEOUT_MS = 5_000

/** What a timer of the platform can wait, ms: 24 days. One that is set for longer fires at once. */
export const TIMER_MS_MAX: number = 2 ** 31 - 1

/**
 * What a polite end may take when nobody answers, in ms: of a channel, of a swarm's farewells, and of all goodbyes at stop. A peer
 * that was killed a moment ago is waited for in each of them, one after the other. Source: a guess, several round trips over a
 * slow link; measured, a stop after a neighbour's kill took 5.5 s with the parts' own defaults.
 */
export const CHANNEL_END_MS = 750
export const FAREWELL_MS = 500
export const GOODBYES_MS = 1_500

/**
 * libp2p's connection manager, used as a dialler and nothing else. Every limit is set, none is inherited; times in ms.
 * Sources: connections, a guess, 1,000 peers twice over; pending ones, a cluster of 1,000 that starts at once; dials, an
 * unreachable QUIC port takes 10 s to fail by itself (measured); the other times are libp2p's own.
 */
export const CONNECTION_LIMITS = {
  maxConnections: 2_000,
  maxIncomingPendingConnections: 1_000,
  dialTimeout: 4_000,
  addressDialTimeout: 4_000,
  maxParallelDials: 64,
  maxDialQueueLength: 256,
  maxPeerAddrsToDial: 16,
  inboundUpgradeTimeout: 10_000,
  inboundStreamProtocolNegotiationTimeout: 10_000,
  outboundStreamProtocolNegotiationTimeout: 10_000,
  connectionCloseTimeout: 1_000,
  // Redialling is the peer manager's, which never gives up.
  reconnectRetries: 0,
  maxParallelReconnects: 1
} as const

/**
 * The QUIC transport's limits, in bytes and ms. The windows are just above the multiplexer's own credit window, so that ours binds
 * first, and small because a known weakness of the transport multiplies what it buffers (SECURITY.md). Measured: no loss of speed
 * on a local network down to half of these. The multiplexer takes 80 streams of a peer and refuses the rest by an answer, for
 * which streams must be left. A handshake ends with `maxIdleTimeout`: the binding takes a timeout for it and does not use it
 * (measured).
 */
export const QUIC_LIMITS = {
  maxStreamData: 1_310_720,
  maxConnectionData: 4_194_304,
  maxConcurrentStreamLimit: 96,
  maxIdleTimeout: 10_000,
  keepAliveInterval: 3_000,
  receiveBufferSize: 500_000,
  sendBufferSize: 500_000
} as const

/**
 * Inbound QUIC connections that may be in their cryptographic handshake at one time on each listen address; further ones wait.
 * Source: above 60 joiners at once, four times over; an idle place costs some kilobytes.
 */
export const QUIC_ACCEPTS = 256

/** TCP sockets. Heartbeats go both ways every second, so a silent socket is a stranger's or a dead peer's. Times in ms. */
export const TCP_LIMITS = {
  inboundSocketInactivityTimeout: 10_000,
  outboundSocketInactivityTimeout: 10_000,
  maxConnections: 2_000,
  backlog: 1_024,
  dialOpts: { noDelay: true },
  listenOpts: { noDelay: true }
} as const

/** Streams over TCP, with the windows and counts of QUIC. Buffers in bytes, above our own credit window. */
export const YAMUX_LIMITS = {
  enableKeepAlive: false,
  maxInboundStreams: 96,
  maxOutboundStreams: 96,
  maxEarlyStreams: 96,
  maxMessageSize: 65_536,
  streamOptions: {
    initialStreamWindowSize: 262_144,
    maxStreamWindowSize: 1_310_720,
    maxReadBufferLength: 4_194_304,
    maxWriteBufferLength: 4_194_304
  }
} as const

/** The shortest cluster secret, in bytes. Source: half a SHA-256, beyond guessing when random. */
export const SECRET_BYTES_MIN = 16

/** How many cluster secrets may be accepted at one time. Source: the limit of `@starling/peers`. */
export const SECRETS_MAX = 8

/** How many addresses a node may announce. Source: the limit of `@starling/peers`. */
export const ANNOUNCE_MAX = 16

/** How often the saved peers are written when they have changed, in ms. Source: a guess; a few kilobytes each time. */
export const SAVE_INTERVAL_MS = 15_000

/** Peers in the file of saved ones, addresses of each, and characters of one. Source: what gossip keeps and takes. */
export const SAVED_PEERS_MAX = 256
export const SAVED_ADDRESSES_MAX = 8
export const SAVED_ADDRESS_CHARS_MAX = 256

/** The longest file of saved peers that is read, in bytes: all of the above, and some room. */
export const PEERS_FILE_BYTES_MAX = 1_048_576
