import { DEFAULT_CONFIG, type Config as OverlayConfig } from '@starling/hyparview'
import { plumtreeConfig, type PlumtreeConfig } from '@starling/plumtree'

/**
 * Age from which on a link is given up because its other end calls this node a stranger, ms: beyond any frame in flight. Measured: with
 * none, links to peers that were dropped and taken up again ended at once, 2,270 messages for each survivor of a mass failure
 * instead of 80.
 */
export const STRANGER_AGE_MS = 5_000

/** The tag of the channel that carries all topics. */
export const GOSSIP_TAG = 'starling:gossip'

/** Bytes of a topic token. Source: guess; a chance match is one in 2^128. */
export const TOKEN_BYTES = 16

/** Addresses of one peer that travel through the overlay, and the text length of one. Source: guess. */
export const ADDRESSES_MAX = 8
export const ADDRESS_BYTES_MAX = 256

/** Topics one peer may name over one channel at a time; beyond, its frames are refused. Source: guess. */
export const HANDLES_MAX = 1_024

/** What `createGossip` may be told. Times are ms. */
export interface GossipInit {
  /** Overrides for every topic's membership machine. */
  readonly overlay?: Partial<OverlayConfig>
  /** Overrides for every topic's broadcast machine. */
  readonly tree?: Partial<PlumtreeConfig>
  /** Topics joined at once. Default 256. Beyond, `join` throws `TopicLimitError`. Source: guess. */
  readonly topicsMax?: number
  /** Longest topic name in UTF-8 bytes. Default 256. Source: guess. */
  readonly topicNameBytesMax?: number
  /** Payload bytes that wait for one peer. Default 4 MiB; beyond, payloads are dropped and counted. Source: guess. */
  readonly payloadQueueBytesMax?: number
  /** Other bytes that wait for one peer. Default 1 MiB; beyond, the peer counts as lost. Source: guess. */
  readonly controlQueueBytesMax?: number
  /** Frames that wait for one peer that has no channel yet. Default 256; beyond, the peer counts as lost. Source: guess. */
  readonly unopenedQueueMax?: number
  /** Frames are gathered into one channel message up to this length, in bytes. Default 16 KiB. Source: guess. */
  readonly batchBytesMax?: number
  /** Peers known at once, connected or being connected. Default 1,024. Source: guess, far above all active views. */
  readonly linksMax?: number
  /** How long a session is wanted for a message to a peer that is no neighbour. Default 10,000. Source: a slow dial and an answer. */
  readonly holdMs?: number
  /** A channel without neighbours or traffic for so long is ended. Default 30,000. Source: the session's own idle grace. */
  readonly channelIdleMs?: number
  /** First and longest wait before a refused channel is opened again. Defaults 250 and 10,000. Source: guess. */
  readonly reopenMs?: number
  readonly reopenMsMax?: number
  /** How long `leave` and `stop` wait for the farewells to be sent. Default 1,000. Source: guess. */
  readonly leaveTimeoutMs?: number
  /**
   * Bad frames a peer may send in a minute before its channel is closed for as long; twenty messages over its budget count
   * as one. Default 100. Source: guess.
   */
  readonly strikesMax?: number
  /** Told of an error a listener threw. Default: it is thrown again outside, where the platform reports it. */
  readonly onListenerError?: (error: unknown) => void
}

/** The settings in force. */
export interface GossipConfig {
  readonly overlay: OverlayConfig
  readonly tree: PlumtreeConfig
  readonly topicsMax: number
  readonly topicNameBytesMax: number
  readonly payloadQueueBytesMax: number
  readonly controlQueueBytesMax: number
  readonly unopenedQueueMax: number
  readonly batchBytesMax: number
  readonly linksMax: number
  readonly holdMs: number
  readonly channelIdleMs: number
  readonly reopenMs: number
  readonly reopenMsMax: number
  readonly leaveTimeoutMs: number
  readonly strikesMax: number
  readonly onListenerError: (error: unknown) => void
}

/** Membership settings for clusters that start together: no contact is left alone for longer than ten seconds. */
const OVERLAY: Partial<OverlayConfig> = {
  failureBackoffMs: 500,
  failureBackoffMsMax: 10_000,
  refillPauseMs: 1_000,
  isolatedPauseMsMax: 2_000,
  // A request may have to wait for a connection to be made.
  requestTimeoutMsMin: 1_000,
  requestTimeoutMsFirst: 3_000,
  requestTimeoutMsMax: 5_000
}

/** Fills in the defaults. Throws `RangeError` for a bound that is not a positive number. */
export function gossipConfig(init: GossipInit = {}): GossipConfig {
  const config: GossipConfig = {
    overlay: { ...DEFAULT_CONFIG, ...OVERLAY, ...init.overlay },
    tree: plumtreeConfig(init.tree),
    topicsMax: init.topicsMax ?? 256,
    topicNameBytesMax: init.topicNameBytesMax ?? 256,
    payloadQueueBytesMax: init.payloadQueueBytesMax ?? 4 * 1024 * 1024,
    controlQueueBytesMax: init.controlQueueBytesMax ?? 1024 * 1024,
    unopenedQueueMax: init.unopenedQueueMax ?? 256,
    batchBytesMax: init.batchBytesMax ?? 16_384,
    linksMax: init.linksMax ?? 1_024,
    holdMs: init.holdMs ?? 10_000,
    channelIdleMs: init.channelIdleMs ?? 30_000,
    reopenMs: init.reopenMs ?? 250,
    reopenMsMax: init.reopenMsMax ?? 10_000,
    leaveTimeoutMs: init.leaveTimeoutMs ?? 1_000,
    strikesMax: init.strikesMax ?? 100,
    onListenerError: init.onListenerError ?? rethrow
  }
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === 'number' && !(value > 0)) {
      throw new RangeError(`gossip: ${name} must be a positive number, got ${value}`)
    }
  }
  return config
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
