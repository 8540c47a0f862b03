import { noise } from '@chainsafe/libp2p-noise'
import { quic } from '@chainsafe/libp2p-quic'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { PROTOCOL, mux, type Mux, type MuxServiceInit } from '@starling/mux'
import type { MuxPair, MuxPairSetup } from '@starling/mux/contract'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { InMemoryConnection, inMemoryHost } from './in-memory-network.ts'
import { systemTimers } from '@starling/ports/system'

export const setups: Readonly<Record<'in memory' | 'QUIC' | 'TCP, noise and yamux', MuxPairSetup>> = {
  'in memory': async ({ timers = systemTimers, ...init } = {}) => {
    const acceptor = await inMemoryHost('acceptor', init, timers)
    const known: InMemoryConnection[] = []
    const dialler = await inMemoryHost('dialler', init, timers, () => known)
    const [connection] = InMemoryConnection.pair(dialler, acceptor, { manner: 'quic' })
    known.push(connection)
    return {
      dialler: dialler.mux,
      acceptor: acceptor.mux,
      connection: connection.asConnection,
      acceptorPeer: acceptor.peerId,
      diallerPeer: dialler.peerId,
      bareStream: () => connection.newStream(),
      stop: async () => {
        await Promise.all([dialler.mux.stop(), acceptor.mux.stop()])
      }
    }
  },
  QUIC: init => realPair({ transports: [quic()] }, '/ip4/127.0.0.1/udp/0/quic-v1', init),
  'TCP, noise and yamux': init =>
    realPair(
      { transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] },
      '/ip4/127.0.0.1/tcp/0',
      init
    )
}

type Node = Libp2p<{ mux: Mux }>

async function realPair(
  options: Libp2pOptions,
  listen: string,
  init: MuxServiceInit | undefined
): Promise<MuxPair> {
  const [dialler, acceptor] = await Promise.all([
    realNode(options, [], init),
    realNode(options, [listen], init)
  ])
  const connection = await dialler.dial(acceptor.getMultiaddrs())
  return {
    dialler: dialler.services.mux,
    acceptor: acceptor.services.mux,
    connection,
    acceptorPeer: acceptor.peerId,
    diallerPeer: dialler.peerId,
    bareStream: () => connection.newStream(PROTOCOL, { maxOutboundStreams: 96 }),
    stop: async () => {
      await Promise.all([dialler.stop(), acceptor.stop()])
    }
  }
}

async function realNode(
  options: Libp2pOptions,
  listen: string[],
  init: MuxServiceInit | undefined
): Promise<Node> {
  return createLibp2p({
    ...options,
    addresses: { listen },
    // The defaults let five connections a second in from one address, and cut a peer whose process is busy.
    connectionManager: {
      maxConnections: 100,
      inboundConnectionThreshold: Infinity,
      maxIncomingPendingConnections: 100
    },
    connectionMonitor: { enabled: false },
    services: { mux: mux(init) }
  })
}
