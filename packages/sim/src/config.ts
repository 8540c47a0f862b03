/** Most events that may be pending at once. Source: guess; 100,000 nodes with a hundred events each. */
export const EVENTS_PENDING_MAX = 10_000_000

/** Wall time at virtual time 0, ms since the Unix epoch: 2026-01-01. Any fixed value would do. */
export const EPOCH_WALL_MS = 1_767_225_600_000

/** One-way delay of a link, ms. Source: the U(10, 50) ms that published measurements of both protocols use. */
export const LATENCY_MS: { readonly min: number; readonly max: number } = { min: 10, max: 50 }

/**
 * Silence after which a watcher is told that a peer behind a partition is lost, ms. Source: 10 s, the idle time-out
 * usual for QUIC connections.
 */
export const PARTITION_DETECTION_MS = 10_000

/** Share by which a watcher's patience exceeds that time at most. Source: guess; connections count from their last packet. */
export const DETECTION_SPREAD = 0.2

/** Most nodes of one network: pair delays are keyed by two 26-bit indexes. */
export const NODES_MAX: number = 2 ** 26

/** Images tried of one crash point, unless told otherwise. Source: guess; beyond it a sample is taken. */
export const CRASH_IMAGES_MAX = 5_000

/** Different contents of one file that are told apart for one crash point; beyond it a sample is taken. Source: guess. */
export const CRASH_CONTENTS_MAX = 512

/** Bytes in memory beyond which a simulated database writes a table. Source: LevelDB's default, 4 MiB. */
export const LEVEL_WRITE_BUFFER_BYTES: number = 4 * 1024 * 1024

/** Tables of a simulated database beyond which they are merged into one. Source: LevelDB's trigger for its first level. */
export const LEVEL_TABLES_MAX = 4

/** First and longest pause before a packet is sent again, ms. Source: guess, the probe time-outs usual for QUIC. */
export const RESEND_MS_MIN = 100
export const RESEND_MS_MAX = 1_000

/** Bytes of a packet without payload. Source: guess. */
export const CONTROL_PACKET_BYTES = 64

/** Bytes a channel's frame adds to its message. Source: guess. */
export const CHANNEL_FRAME_BYTES = 8

/** Bytes of the window that each message costs beside its own. Source: `@starling/mux`. */
export const CHANNEL_MESSAGE_CHARGE_BYTES = 128

/** Bytes a peer may have unread on a channel. Source: `@starling/mux`, 1 MiB. */
export const CHANNEL_WINDOW_BYTES: number = 1024 * 1024

/** Queued bytes from which `send` returns false. Source: `@starling/mux`. */
export const CHANNEL_QUEUE_BYTES: number = 1024 * 1024
