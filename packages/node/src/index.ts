/**
 * A Starling node in one call: an identity and a store in a folder, QUIC links to the other nodes of the cluster, and maps that
 * all of them hold.
 *
 * It is wiring and nothing else: every part is a package of its own and can be used without this one. It is not a server:
 * there is none.
 *
 * @example
 * ```ts
 * import { createNode } from '@starling/node'
 *
 * const node = await createNode({
 *   dataDir: './data/a',
 *   listen: ['/ip4/0.0.0.0/udp/4001/quic-v1'],
 *   contacts: [],
 *   cluster: { name: 'prod', secret: process.env.CLUSTER_SECRET ?? '' }
 * })
 * const flags = await node.map<{ on: boolean }>('flags')
 * await flags.set('checkout-v2', { on: true })
 * flags.get('checkout-v2')
 * await node.stop()
 * ```
 *
 * @packageDocumentation
 */
import './node-version.ts'

export type { TransportChoice } from './addresses.ts'
export { createNode } from './create-node.ts'
export {
  DataFolderError,
  IdentityDamagedError,
  ListenError,
  MapOptionsMismatchError,
  NodeStoppedError,
  SavedPeersError,
  TransportUnavailableError
} from './errors.ts'
export type { MapOptions } from './hosted-maps.ts'
export type {
  Lag,
  MapInspection,
  MapQuota,
  MapStatsInspection,
  NodeInspection,
  NodeTotals,
  PeerInspection,
  SessionInspection,
  SwarmInspection
} from './inspection.ts'
export type { ClusterInit, MetricsFactory, NodeInit, NodeWarning } from './options.ts'
export type { Abandoned } from './shutdown.ts'
export type { StarlingNode } from './types.ts'
export type { BroadcastSeen, TopicLink } from '@starling/gossip'
export type { MapEvent, ReplicatedMap } from '@starling/map'
export type { Lagged, PeerEvent, PeerInfo } from '@starling/peers'
