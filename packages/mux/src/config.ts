/** The libp2p protocol id of every tag. */
export const PROTOCOL = '/starling/mux/2'

/** Tags with this prefix belong to Starling; applications cannot register or open them. */
export const RESERVED_PREFIX = 'starling:'

/** Length of a tag in bytes. The wire has one byte for it, and 0 is malformed. */
export const TAG_BYTES_MAX = 255

/** What a message costs on a window and in a queue beyond its length, in bytes. Measured: without it one-byte messages in a 256 KiB window cost 20 to 29 MiB. */
export const MESSAGE_CHARGE_BYTES = 128

/** Largest body of one frame, in bytes. Longer messages travel in parts. Source: measured, libp2p is fastest at 64 KiB writes. */
export const FRAME_BODY_BYTES_MAX = 65_536

/** Bytes gathered into one write. A message is never cut to fit. Source: measured. */
export const BATCH_BYTES = 65_536

/** The same on a transport that takes one write at a time, where each costs a change of threads. Source: measured, a quarter less work for the sender than 64 KiB; over TCP it is slower. */
export const JOINED_BATCH_BYTES = 262_144

/** A joined batch from this length on is put together in a buffer that is used again, in bytes. Guess: below, an allocation is cheap. */
export const REUSED_BATCH_BYTES_MIN = 16_384

/** A frame's body from this length on is handed to libp2p as it is, not copied into a batch, in bytes. Source: measured, a fresh batch of 64 KiB costs more than a write of its own. */
export const BY_REFERENCE_BYTES = 32_768

/** Bounds of a window, in bytes. Guess: below, a message barely fits; above, one channel holds too much. */
export const WINDOW_BYTES_MIN = 16_384
export const WINDOW_BYTES_MAX = 16_777_216

/** What of a window is granted at first, in bytes; the rest when the consumer keeps up or a message needs it. Source: measured, enough for a round trip of 40 ms at 25 Mbit/s, and all that a channel costs which nobody reads. */
export const FIRST_GRANT_BYTES = 262_144

/** A peer is granted again what has been dealt with when that is the window divided by this. Source: measured, half is as fast on an idle machine, and slower when either end has to wait for its processor. */
export const GRANTS_PER_WINDOW = 4

/** The longest delay the platform's timers take, ms; a longer one is over at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** What the user may set. Everything has a default. */
export interface MuxInit {
  /** Bytes a peer may have unread in one channel, 16 KiB to 16 MiB; of them 256 KiB at first. Default 1 MiB. Source: measured, right up to 100 Mbit/s over 40 ms. */
  readonly windowBytes?: number
  /** Charge at which a channel's `send` returns false, bytes. Default 256 KiB. Source: measured. */
  readonly queueBytesMax?: number
  /** Streams this end has open or opening on one connection; further opens wait. Default 64, below `transportStreamsMax` so that libp2p never queues. */
  readonly outboundStreamsMax?: number
  /** Outbound streams per connection that the other end has not answered; more wait. Default 8: over TCP libp2p ends a connection on which more than 10 come before its own end is ready (measured). */
  readonly openingStreamsMax?: number
  /** Opens that wait for a place on one connection. Default 256 (guess); beyond, StreamLimitError at once. */
  readonly queuedOpensMax?: number
  /** Streams a peer may have open on one connection; beyond, `busy`. Default 80: the other end may learn later than we do that one is closed. */
  readonly inboundStreamsMax?: number
  /** Streams a peer may have open over all its connections; beyond, `busy`. Default 128: while one connection takes over from another there are two. */
  readonly inboundStreamsPerPeerMax?: number
  /** Streams all peers together may have open; beyond, `busy`. Default 4,096 (guess): 32 peers at their limit. */
  readonly inboundStreamsTotalMax?: number
  /** Streams of one peer that arrive within one second, whatever becomes of them; beyond, `busy`. Default 1,000: what one stream at a time reaches over QUIC (measured). */
  readonly inboundOpensPerSecondMax?: number
  /** What libp2p is told to allow per connection and direction; beyond, it resets without a word. Default 96. */
  readonly transportStreamsMax?: number
  /** Streams of one peer that wait for a preamble or an accept rule. Default 16; beyond, `busy`. */
  readonly parkedPerPeerMax?: number
  /** The same over all peers. Default 256; beyond, the newest of the peer with most gives way. */
  readonly parkedMax?: number
  /** Bytes one stream may send while its accept rule thinks. Default 1 MiB; beyond, the stream is aborted. */
  readonly parkedBytesMax?: number
  /** From a stream's arrival to its complete preamble, ms. Default 5,000. An absolute deadline, not an idle timer. */
  readonly preambleTimeoutMs?: number
  /** For an accept rule's answer, ms. Default 5,000. */
  readonly acceptTimeoutMs?: number
  /** From `open` to the verdict, the wait for a place included, ms. Default 10,000: the acceptor's two deadlines. */
  readonly openTimeoutMs?: number
  /** From our close to the reset when the other end does not close, ms. Default 1,000. Measured: 0 of 1,400 verdicts lost. */
  readonly closeTimeoutMs?: number
  /** How long a channel's messages or END may wait without any progress before the channel is ended, ms. Default 120,000 (guess); `Infinity` never. */
  readonly stallTimeoutMs?: number
}

/** The limits in force. */
export type MuxConfig = Required<MuxInit>

/** The defaults of {@link MuxInit}. */
export const DEFAULT_CONFIG: MuxConfig = {
  windowBytes: 1_048_576,
  queueBytesMax: 262_144,
  outboundStreamsMax: 64,
  openingStreamsMax: 8,
  queuedOpensMax: 256,
  inboundStreamsMax: 80,
  inboundStreamsPerPeerMax: 128,
  inboundStreamsTotalMax: 4096,
  inboundOpensPerSecondMax: 1000,
  transportStreamsMax: 96,
  parkedPerPeerMax: 16,
  parkedMax: 256,
  parkedBytesMax: 1_048_576,
  preambleTimeoutMs: 5_000,
  acceptTimeoutMs: 5_000,
  openTimeoutMs: 10_000,
  closeTimeoutMs: 1_000,
  stallTimeoutMs: 120_000
}

/** Fills in the defaults. Throws RangeError on a value out of bounds, a bad window, or limits that contradict. */
export function muxConfig(init: MuxInit = {}): MuxConfig {
  const given = Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined))
  const config: MuxConfig = { ...DEFAULT_CONFIG, ...given }
  for (const name of Object.keys(DEFAULT_CONFIG) as (keyof MuxConfig)[]) {
    const value = config[name]
    if (name === 'stallTimeoutMs' && value === Infinity) continue
    // libp2p is given up to twice as long for an open as its caller.
    const most = name.endsWith('Ms') ? Math.floor(TIMER_MS_MAX / 2) : Number.MAX_SAFE_INTEGER
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw new RangeError(`${name} must be a whole number from 1 to ${most}, got ${value}`)
    }
  }
  checkWindow(config.windowBytes)
  const most = Math.max(config.inboundStreamsMax, config.outboundStreamsMax)
  if (most >= config.transportStreamsMax) {
    throw new RangeError(
      `inboundStreamsMax and outboundStreamsMax must be below transportStreamsMax (${config.transportStreamsMax}), got ${most}`
    )
  }
  return config
}

/** Throws RangeError unless `windowBytes` is a whole number within the bounds of a window. */
export function checkWindow(windowBytes: number): number {
  if (!Number.isInteger(windowBytes) || windowBytes < WINDOW_BYTES_MIN || windowBytes > WINDOW_BYTES_MAX) {
    throw new RangeError(
      `windowBytes must be a whole number from ${WINDOW_BYTES_MIN} to ${WINDOW_BYTES_MAX}, got ${windowBytes}`
    )
  }
  return windowBytes
}
