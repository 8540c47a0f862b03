/**
 * Topic swarms: for every joined topic a HyParView machine keeps a few neighbours and a Plumtree machine broadcasts over
 * them, with all topics on one framed channel for each session.
 *
 * It makes no connection itself: it asks a session port for sessions. It gives no guarantee of delivery: what a full queue
 * drops is left to reconciliation. A topic's name is not a secret; what it hides, it hides from peers that cannot guess it.
 *
 * @example
 * ```ts
 * import { createGossip } from '@starling/gossip'
 * import { systemPorts } from '@starling/ports/system'
 *
 * const gossip = createGossip({ sessions: libp2p.services.peers, ...systemPorts })
 * const topic = gossip.join('flags', { contacts: [{ peer: '12D3Koo…', addresses: ['/ip4/10.0.0.7/udp/4001/quic-v1'] }] })
 * topic.onMessage((payload, from) => console.log(from, payload.length))
 * topic.broadcast(new Uint8Array([1, 2, 3]))
 * await gossip.stop()
 * ```
 *
 * @packageDocumentation
 */
export {
  ADDRESS_BYTES_MAX,
  ADDRESSES_MAX,
  GOSSIP_TAG,
  HANDLES_MAX,
  TOKEN_BYTES,
  type GossipInit
} from './config.ts'
export { GossipChannelError, GossipStoppedError, TopicLeftError, TopicLimitError } from './errors.ts'
export { createGossip, type GossipComponents } from './gossip.ts'
export type { FramedChannel, PeerKey, Session, SessionEvent, SessionPort } from './ports.ts'
export type {
  BroadcastSeen,
  BroadcastTotals,
  Contact,
  Gossip,
  GossipStats,
  JoinOptions,
  NeighborEvent,
  Topic,
  TopicLink,
  TopicStats
} from './types.ts'
