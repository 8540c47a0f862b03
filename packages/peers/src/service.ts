import { serviceCapabilities } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { Ports } from '@starling/ports'
import { systemPorts } from '@starling/ports/system'
import { PeerManager } from './manager.ts'
import type { MuxPort, PeersComponents } from './ports.ts'
import { systemNames } from './system-names.ts'
import type { Peers, PeersInit } from './types.ts'

/** A peer manager over the given parts. Nothing happens before `start`. @throws TypeError, RangeError for a bad init. */
export function createPeers(components: PeersComponents, init: PeersInit): Peers {
  return new PeerManager(components, init)
}

/** What libp2p hands to a service; the multiplexer is a service too and must be called `mux`. */
export type PeersServiceComponents = Omit<PeersComponents, keyof Ports | 'connectionManager'> & {
  readonly connectionManager: Pick<ConnectionManager, 'openConnection' | 'getConnections'>
  readonly mux: MuxPort
}

/** Init of the service. */
export interface PeersServiceInit extends PeersInit {
  /** Clocks, timers, randomness and hashing. Default: the system's. */
  readonly ports?: Ports
}

/**
 * The peer manager as a libp2p service: `services: { mux: mux(), peers: peers({ cluster }) }`. It dials only after libp2p has
 * started, and says its goodbyes before libp2p closes anything.
 */
export function peers(init: PeersServiceInit): (components: PeersServiceComponents) => Peers {
  // libp2p's components are looked up when they are used: the multiplexer may be listed after this service.
  return components => {
    const { connectionManager, events, peerId, addressManager, metrics, logger } = components
    const parts: PeersComponents = {
      get mux() {
        return components.mux
      },
      connectionManager,
      events,
      peerId,
      ...(addressManager === undefined ? {} : { addressManager }),
      ...(metrics === undefined ? {} : { metrics }),
      ...(logger === undefined ? {} : { logger }),
      ...(init.ports ?? systemPorts)
    }
    return new PeersService(parts, { names: systemNames, ...init })
  }
}

class PeersService extends PeerManager {
  readonly [Symbol.toStringTag]: string = '@starling/peers'
  #libp2pStarts = true

  constructor(components: PeersComponents, init: PeersInit) {
    super(components, init)
    // What libp2p's container reads; the imported symbol cannot name a class member here.
    Object.defineProperty(this, serviceCapabilities, { value: ['@starling/peers'] })
  }

  /** libp2p calls `start` while other parts are not ready; a caller's own start after a stop works as usual. */
  override start(): void {
    if (!this.#libp2pStarts) super.start()
  }

  afterStart(): void {
    this.#libp2pStarts = false
    super.start()
  }

  beforeStop(): Promise<void> {
    return this.stop()
  }

  override async stop(options?: { readonly timeoutMs?: number }): Promise<void> {
    await super.stop(options)
    this.#libp2pStarts = true
  }
}
