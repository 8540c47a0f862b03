import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { mux, type Mux } from '@starling/mux'
import { peers, type Peers, type PeersInit } from '@starling/peers'
import type { Ports } from '@starling/ports'
import { createLibp2p } from 'libp2p'
import { CONNECTIONS_MAX, DIAL_TIMEOUT_MS, PENDING_INBOUND_MAX } from './config.ts'
import { quicTransport } from './quic.ts'

/** The libp2p node under a Starling node: QUIC, our multiplexer and our peer manager, and nothing else that acts by itself. */
export type Host = Libp2p<{ mux: Mux; peers: Peers }>

/** Creates the libp2p node without starting it. Every limit is set here, none is inherited. */
export async function createHost(init: {
  privateKey: PrivateKey
  listen: readonly string[]
  announce: readonly string[]
  /** Addresses that will be dialled, as far as they are known. */
  contacts: readonly string[]
  peers: PeersInit
  ports: Ports
}): Promise<Host> {
  return await createLibp2p({
    start: false,
    privateKey: init.privateKey,
    addresses: { listen: [...init.listen], announce: [...init.announce] },
    transports: [quicTransport(ipVersions([...init.listen, ...init.announce, ...init.contacts]))],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      dialTimeout: DIAL_TIMEOUT_MS,
      addressDialTimeout: DIAL_TIMEOUT_MS,
      // The default of five connections a second from one address turns away everybody behind one NAT, or on one machine.
      inboundConnectionThreshold: Number.POSITIVE_INFINITY,
      maxIncomingPendingConnections: PENDING_INBOUND_MAX
    },
    // Liveness is the session's heartbeat: the monitor's own ping would cut slow links that work.
    connectionMonitor: { enabled: false },
    services: { mux: mux({ timers: init.ports.timers }), peers: peers({ ...init.peers, ports: init.ports }) }
  })
}

/**
 * Which clients QUIC is to make. A host with IPv6 switched off cannot even construct the IPv6 one, so it is made only where
 * an address asks for it; without any address it is IPv4.
 */
export function ipVersions(addresses: readonly string[]): { readonly ipv4: boolean; readonly ipv6: boolean } {
  const ipv6 = addresses.some(address => address.startsWith('/ip6/'))
  return { ipv4: !ipv6 || addresses.some(address => address.startsWith('/ip4/')), ipv6 }
}
