import { quic } from '@chainsafe/libp2p-quic'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { mux } from '@starling/mux'
import { systemPorts } from '@starling/ports/system'
import { createLibp2p, type Libp2p } from 'libp2p'
import { peers, type Peers, type PeersInit, type RejectionEvent, type SessionEvent } from '../src/index.ts'

/** One real node on loopback: libp2p, QUIC, the multiplexer and the peer manager, with what the manager has said. */
export interface QuicNode {
  readonly libp2p: Libp2p
  readonly peers: Peers
  readonly key: PrivateKey
  readonly events: SessionEvent[]
  readonly rejections: RejectionEvent[]
  readonly addresses: readonly string[]
  /** Resolves with the first event, past or future, that fits. */
  seen(test: (event: SessionEvent) => boolean): Promise<SessionEvent>
  rejected(): Promise<RejectionEvent>
  stop(): Promise<void>
}

export const CLUSTER: PeersInit['cluster'] = { name: 'test', secrets: ['a secret of enough bytes'] }

export async function startQuicNode(
  init: Partial<PeersInit> = {},
  given?: { key?: PrivateKey; port?: number }
): Promise<QuicNode> {
  const key = given?.key ?? (await generateKeyPair('Ed25519'))
  const libp2p = await createLibp2p({
    privateKey: key,
    addresses: { listen: [`/ip4/127.0.0.1/udp/${given?.port ?? 0}/quic-v1`] },
    transports: [quic()],
    connectionManager: { inboundConnectionThreshold: Infinity, maxIncomingPendingConnections: 1_000 },
    connectionMonitor: { enabled: false },
    services: { mux: mux(), peers: peers({ cluster: CLUSTER, ports: systemPorts, ...init }) }
  })
  const manager = (libp2p as unknown as { services: { peers: Peers } }).services.peers
  const events: SessionEvent[] = []
  const rejections: RejectionEvent[] = []
  const waiting: { test: (event: SessionEvent) => boolean; resolve: (event: SessionEvent) => void }[] = []
  const waitingRejection: ((event: RejectionEvent) => void)[] = []
  manager.onSession(event => {
    events.push(event)
    for (const waiter of waiting) if (waiter.test(event)) waiter.resolve(event)
  })
  manager.onRejection(event => {
    rejections.push(event)
    for (const resolve of waitingRejection) resolve(event)
  })
  return {
    libp2p,
    peers: manager,
    key,
    events,
    rejections,
    addresses: libp2p.getMultiaddrs().map(address => address.toString()),
    seen(test) {
      const past = events.find(test)
      if (past !== undefined) return Promise.resolve(past)
      return new Promise(resolve => waiting.push({ test, resolve }))
    },
    rejected() {
      const past = rejections[0]
      if (past !== undefined) return Promise.resolve(past)
      return new Promise(resolve => waitingRejection.push(resolve))
    },
    async stop() {
      await libp2p.stop()
    }
  }
}

export const isUp = (event: SessionEvent): boolean => event.type === 'up'
export const isDown = (event: SessionEvent): boolean => event.type === 'down'
export const isFailed = (event: SessionEvent): boolean => event.type === 'failed'
