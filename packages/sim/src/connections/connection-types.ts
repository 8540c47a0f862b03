import type { SimChannel } from './channel.ts'
import type { SimConnection } from './connection.ts'

/** As much of an `AbortSignal` as is needed here. */
export interface CancelSignal {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** A peer's identity: what a connection's handshake would have proven. Compared by its text. */
export interface Identity {
  toString(): string
}

/** What a dial meets at its target. `hang`: no answer at all, until the dialler gives up. */
export type DialOutcome = 'connect' | 'refuse' | 'hang'

/** Why an inbound channel is not accepted. */
export type ChannelRefusal = 'unknownTag' | 'busy' | 'malformed' | 'timeout' | 'closing'

/** What is known about an inbound channel before it is accepted. */
export interface InboundChannel<P extends Identity> {
  readonly peer: string
  readonly connection: SimConnection<P>
  readonly tag: string
}

/** Receives a channel. One that throws or rejects ends its channel and no other. */
export type ChannelHandler<P extends Identity> = (
  channel: SimChannel,
  info: InboundChannel<P>
) => void | Promise<void>

export interface HandleChannelOptions<P extends Identity> {
  /** Asked for each inbound channel; one that throws or rejects refuses with `busy`. Default: all are accepted. */
  readonly accept?: (
    info: InboundChannel<P>
  ) => ChannelRefusal | undefined | Promise<ChannelRefusal | undefined>
  readonly internal?: boolean
  /** Bytes the peer may have unread here. Default `CHANNEL_WINDOW_BYTES`. */
  readonly windowBytes?: number
}

export interface OpenChannelOptions {
  readonly signal?: CancelSignal
  readonly internal?: boolean
  readonly windowBytes?: number
}

/** Told to listeners of a host. */
export interface ConnectionEvent<P extends Identity> {
  readonly type: 'connection:open' | 'connection:close'
  readonly detail: SimConnection<P>
}

/** What a channel puts on its stream. Never longer than its message and a few bytes. */
export type Frame =
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  | { readonly type: 'credit'; readonly bytes: number }
  /** The sender has more than the credits allow: whatever is owed is due. */
  | { readonly type: 'blocked' }
  | { readonly type: 'end' | 'endAck' | 'abort' }

/** How connections behave. */
export interface ConnectionNetworkInit {
  /** Bounds of the one-way delay, ms: one for each pair of hosts, for ever. Default `LATENCY_MS`. */
  readonly latencyMs?: { readonly min: number; readonly max: number }
  /** Silence after which an end gives its connection up, ms; up to a fifth more. Default `PARTITION_DETECTION_MS`. */
  readonly idleMs?: number
  /** Chance that a packet is lost and sent again, a round trip or more later. Default 0. */
  readonly loss?: number
  /** What a host can send, bytes per second. Default: no bound. */
  readonly bytesPerSecond?: number
  /** Connections a host accepts from all others in one second; beyond it dials are refused. Default: no bound. */
  readonly inboundPerSecondMax?: number
  /** Part of the label of this network's randomness. Default `connections`. */
  readonly label?: string
}
