/**
 * Keeps exactly one authenticated connection and one session per wanted peer, whoever dials, however often.
 *
 * It is not a peer store and not a discovery service: it holds the addresses it is given, dials with libp2p, proves that both
 * sides belong to the cluster, watches that the other process is alive, and redials for ever. What to say to a peer is the
 * business of whoever opens channels on the session. The rules are on one page: docs/wire/handshake.md.
 *
 * @example
 * ```ts
 * import { createPeers } from '@starling/peers'
 * import { systemPorts } from '@starling/ports/system'
 *
 * const peers = createPeers(
 *   { ...components, ...systemPorts },
 *   { cluster: { name: 'prod', secrets: [process.env.CLUSTER_SECRET] } }
 * )
 * peers.onSession(event => { if (event.type === 'up') greet(event.session) })
 * peers.start()
 * peers.want(peerId, { mode: 'continuous', addresses: ['/ip4/10.0.0.7/udp/4001/quic-v1'] })
 * ```
 *
 * @packageDocumentation
 */
export { DEFAULT_TIMINGS, HANDSHAKE_TIMEOUT_MS, SESSION_TAG, type PeersTimings } from './config.ts'
export {
  AdmissionError,
  ClockSkewError,
  ClusterMismatchError,
  DialError,
  DuplicateConnectionError,
  HandshakeTimeoutError,
  IntentEndedError,
  IntentTimeoutError,
  PeerUnavailableError,
  ProtocolVersionError,
  SessionClosedError,
  SessionProtocolError,
  TooManyIntentsError,
  TooManyPeersError,
  type AdmissionReason
} from './errors.ts'
export type { Lagged } from './event-stream.ts'
export type {
  EventStreamOptions,
  Intent,
  IntentEnd,
  IntentEvent,
  IntentMode,
  WantOptions
} from './intent-types.ts'
export { checkMetadata, type Metadata } from './metadata.ts'
export type { NameLookup } from './names.ts'
export type { PeerEvent } from './peer-events.ts'
export type {
  ChannelInfo,
  ChannelRefusal,
  ConnectionEvents,
  DiallerPort,
  FramedChannel,
  MuxPort,
  PeersComponents
} from './ports.ts'
export { createPeers, peers, type PeersServiceComponents, type PeersServiceInit } from './service.ts'
export { systemNames } from './system-names.ts'
export type {
  AcceptRequest,
  AcceptVerdict,
  ClusterInit,
  PeerInfo,
  PeerKey,
  Peers,
  PeersInit,
  PeersStats,
  PeerStatus,
  RejectionEvent,
  Session,
  SessionEvent,
  SessionFacts
} from './types.ts'
