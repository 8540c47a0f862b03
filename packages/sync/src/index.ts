/**
 * The topic sync manager: for every open topic one sync session with each neighbour, and rounds of any sync protocol on it.
 * It moves no entries by itself and does not broadcast; a protocol brings two replicas together, this package brings two
 * protocols together, again and again, for as long as the peers are neighbours.
 *
 * @example
 * ```ts
 * import { createSync } from '@starling/sync'
 * import { systemPorts } from '@starling/ports/system'
 *
 * const sync = createSync({ ...systemPorts, sessions })
 * const handle = sync.open('flags', { protocol: replica.protocol, neighbors: topic })
 * handle.onRound(({ peer, outcome, error }) => report(peer, outcome ?? error))
 * await handle.close()
 * ```
 *
 * @packageDocumentation
 */
export {
  HOST_FINDER_DEFAULTS,
  PUSH_TAG,
  SYNC_DEFAULTS,
  SYNC_TAG,
  type HostFinderConfig,
  type SyncConfig
} from './config.ts'
export {
  SyncClosedError,
  SyncHandshakeError,
  SyncPushError,
  SyncRoundError,
  type HandshakeFailure,
  type PushFailure,
  type RoundFailure
} from './errors.ts'
export {
  createHostFinder,
  type AnnouncePort,
  type HostContact,
  type HostedTopic,
  type HostFinder,
  type HostFinderComponents,
  type HostFinderStats
} from './host-finder.ts'
export type { FramedChannel, NeighborSource, PeerKey, Session, SessionEvent, SessionPort } from './ports.ts'
export { createSync } from './sync.ts'
export type {
  RoundEvent,
  Sync,
  SyncComponents,
  SyncContext,
  SyncExchange,
  SyncHandle,
  SyncInit,
  SyncOutcome,
  SyncProgress,
  SyncProtocol,
  SyncSessionInfo,
  SyncSessionState,
  SyncStats,
  TopicOptions
} from './types.ts'
