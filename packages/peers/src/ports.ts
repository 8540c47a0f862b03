import type { Connection, ConnectionStatus, PeerId, TypedEventTarget } from '@libp2p/interface'
import type { OpenConnectionOptions } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock, Hash, Hmac, Observers, Random, Timers } from '@starling/ports'

/** A stream of whole messages with flow control, as the multiplexer gives it. */
export interface FramedChannel extends AsyncIterable<Uint8Array> {
  readonly tag: string
  readonly peer: string
  readonly messageBytesMax: number
  /** Queues; false means: wait for `drained`. Throws after the end, or when the message is too large. */
  send(message: Uint8Array): boolean
  drained(options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Ends after all queued messages; resolves when the peer has acknowledged that. */
  end(options?: { readonly signal?: AbortSignal }): Promise<void>
  abort(reason: Error): void
  /** Resolves, never rejects, once nothing more can be sent or received. */
  readonly closed: Promise<void>
}

/** Why a channel is not accepted. */
export type ChannelRefusal = 'unknownTag' | 'busy' | 'malformed' | 'timeout' | 'closing'

/** What the multiplexer says about an inbound channel. */
export interface ChannelInfo {
  readonly peer: string
  readonly connection: Connection
  readonly tag: string
}

/** The multiplexer, as far as it is needed here. `@starling/mux` fits. */
export interface MuxPort {
  handleChannel(
    tags: string | readonly string[],
    handler: (channel: FramedChannel, info: ChannelInfo) => void | Promise<void>,
    options?: {
      readonly accept?: (
        info: ChannelInfo
      ) => ChannelRefusal | undefined | Promise<ChannelRefusal | undefined>
      readonly internal?: boolean
      readonly windowBytes?: number
    }
  ): { dispose(): void }
  openChannel(
    target: Connection,
    tag: string,
    options?: { readonly signal?: AbortSignal; readonly internal?: boolean; readonly windowBytes?: number }
  ): Promise<FramedChannel>
}

/** libp2p's connection manager, used as a dialler and nothing else. */
export interface DiallerPort {
  openConnection(address: Multiaddr, options?: OpenConnectionOptions): Promise<Connection>
  getConnections(peer?: PeerId): Connection[]
}

/** The libp2p events this package listens to. */
export interface ConnectionEvents {
  'connection:open': CustomEvent<Connection>
  'connection:close': CustomEvent<Connection>
}

/** What a peer manager is made of. */
export interface PeersComponents extends Observers {
  readonly mux: MuxPort
  readonly connectionManager: DiallerPort
  readonly events: Pick<TypedEventTarget<ConnectionEvents>, 'addEventListener' | 'removeEventListener'>
  readonly peerId: PeerId
  /** Where `ownAddresses()` comes from when no announce addresses are given. */
  readonly addressManager?: { getAddresses(): Multiaddr[] }
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly hash: Hash
  readonly hmac: Hmac
}

/** Whether a connection can still carry anything. */
export function isOpen(connection: { readonly status: ConnectionStatus }): boolean {
  return connection.status === 'open'
}
