import type { ComponentLogger, Libp2p, PrivateKey } from '@libp2p/interface'
import { mux, type Mux } from '@starling/mux'
import { peers, type Peers, type PeersInit } from '@starling/peers'
import type { Ports } from '@starling/ports'
import { createLibp2p } from 'libp2p'
import { CONNECTION_LIMITS } from './config.ts'
import type { MetricsFactory } from './options.ts'
import type { Transports } from './transports.ts'

/** The libp2p node under a Starling node: transports, our multiplexer and our peer manager, and nothing else that acts by itself. */
export type Host = Libp2p<{ mux: Mux; peers: Peers }>

/** Creates the libp2p node without starting it. Every limit is set here, none is inherited. */
export async function createHost(init: {
  privateKey: PrivateKey
  listen: readonly string[]
  announce: readonly string[]
  transports: Transports
  peers: PeersInit
  ports: Ports
  metrics?: MetricsFactory | undefined
  logger?: ComponentLogger | undefined
}): Promise<Host> {
  const host: Host = await createLibp2p({
    start: false,
    privateKey: init.privateKey,
    addresses: { listen: [...init.listen], announce: [...init.announce] },
    ...init.transports,
    ...(init.metrics === undefined ? {} : { metrics: init.metrics }),
    ...(init.logger === undefined ? {} : { logger: init.logger }),
    connectionManager: {
      ...CONNECTION_LIMITS,
      // The default of five connections a second from one address turns away everybody behind one NAT, or on one machine.
      inboundConnectionThreshold: Number.POSITIVE_INFINITY
    },
    // Liveness is the session's heartbeat: the monitor's own ping would cut slow links that work.
    connectionMonitor: { enabled: false },
    services: { mux: mux({ timers: init.ports.timers }), peers: peers({ ...init.peers, ports: init.ports }) }
  })
  // libp2p remembers every peer that ever connected, admitted or not, and an identity costs a stranger nothing. Whom to dial, and
  // where, is for the peer manager to know, in a book that is bounded.
  host.addEventListener('peer:disconnect', ({ detail }) => {
    host.peerStore.delete(detail).catch(() => {})
  })
  return host
}
