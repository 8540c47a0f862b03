/**
 * Many protocols on one libp2p connection, told apart by a tag at the start of each stream, and framed channels with
 * credit-based flow control: whole messages, bounded memory at both ends, and an end that says whether everything came.
 *
 * It is not a transport and not a connection manager: it never dials, and each channel is one stream of the connection.
 *
 * @example
 * ```ts
 * import { mux } from '@starling/mux'
 *
 * const libp2p = await createLibp2p({ transports: [quic()], services: { mux: mux() } })
 * libp2p.services.mux.handleChannel('chat:room', async channel => {
 *   for await (const message of channel) channel.send(message)
 *   await channel.end()
 * })
 *
 * const channel = await libp2p.services.mux.openChannel(peerId, 'chat:room')
 * channel.send(new TextEncoder().encode('hello'))
 * ```
 *
 * @packageDocumentation
 */
import type { Timers } from '@starling/ports'
import type { MuxInit } from './config.ts'
import { TagMux } from './tag-mux.ts'
import type { Mux, MuxComponents } from './types.ts'

export { DEFAULT_CONFIG, PROTOCOL, RESERVED_PREFIX, type MuxConfig, type MuxInit } from './config.ts'
export {
  ChannelClosedError,
  ChannelOverrunError,
  ChannelProtocolError,
  ChannelQueueFullError,
  ChannelStalledError,
  ChannelTruncatedError,
  MuxStoppedError,
  NotConnectedError,
  OpenTimeoutError,
  StreamLimitError,
  StreamLostError,
  StreamRefusedError,
  TagTakenError
} from './errors.ts'
export type * from './types.ts'

/** What `mux` may be given beside the limits. */
export interface MuxServiceInit extends MuxInit {
  /** Default: the platform's timers. */
  readonly timers?: Timers
}

/**
 * A mux outside a libp2p node's services. It opens and accepts nothing until `start()`.
 *
 * @throws RangeError on a limit that is no positive number or contradicts another.
 */
export function createMux(components: MuxComponents, init: MuxInit = {}): Mux {
  return new TagMux(components, init)
}

/** The mux as a libp2p service: `services: { mux: mux() }`. */
export function mux(init: MuxServiceInit = {}): (components: Omit<MuxComponents, 'timers'>) => Mux {
  const { timers, ...limits } = init
  return ({ registrar, connectionManager, logger, metrics }) =>
    createMux(
      {
        registrar,
        connectionManager,
        ...(logger === undefined ? {} : { logger }),
        ...(metrics === undefined ? {} : { metrics }),
        ...(timers === undefined ? {} : { timers })
      },
      limits
    )
}
