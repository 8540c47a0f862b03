import type { GossipStats, Topic, TopicLink, TopicStats } from '@starling/gossip'
import type { StoreStats } from '@starling/log'
import type { MapHealth, MapStats } from '@starling/map'
import type { MuxStats } from '@starling/mux'
import type { Metadata, PeerInfo, PeersStats } from '@starling/peers'
import type { ReplicaStats } from '@starling/replica'
import type { SyncSessionInfo, SyncStats } from '@starling/sync'

/**
 * A node at one moment: views, sessions, lag and limits. Plain data: it is the same after `JSON.stringify` and `JSON.parse`, but for
 * fields that are `undefined`, which JSON leaves out. Counters start with the node and never fall; times are wall milliseconds
 * of this node.
 */
export interface NodeInspection {
  readonly id: string
  readonly cluster: string
  /** What it says of itself; what a peer says is in `peers[].session.metadata`. */
  readonly metadata: Metadata
  readonly addresses: readonly string[]
  /** When this was read, when the node was started, and how long it has run by a clock that nobody sets. */
  readonly atMs: number
  readonly startedAtMs: number
  readonly uptimeMs: number
  readonly totals: NodeTotals
  /** The overlay of each topic: one for each map, and the cluster's own, `starling:cluster`. */
  readonly swarms: readonly SwarmInspection[]
  readonly maps: readonly MapInspection[]
  readonly peers: readonly PeerInspection[]
  readonly sessions: PeersStats
  readonly streams: MuxStats
  readonly gossip: GossipStats
  readonly sync: SyncStats
  readonly store: StoreStats
}

/** What a node has done since it started, maps that were closed since included. */
export interface NodeTotals {
  /** Messages to and from peers, of every kind, heartbeats too. */
  readonly messagesSent: number
  readonly messagesReceived: number
  /** Bytes of those messages, without what encryption and the transport add. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Writes made here that took effect. */
  readonly writes: number
  /** Broadcasts of others that arrived, each once, and further copies of them. */
  readonly delivered: number
  readonly redundant: number
}

/** One topic's overlay as this node sees it. */
export interface SwarmInspection {
  readonly topic: string
  /** The neighbours, and whether this end sends them whole messages (eager) or announcements (lazy). */
  readonly links: readonly TopicLink[]
  /** Peers known beyond the neighbours. */
  readonly passive: number
  readonly stats: TopicStats
}

/** One open map. */
export interface MapInspection {
  readonly name: string
  /** Keys with a value that is shown. */
  readonly size: number
  /** Keys with several values, written without knowing each other. */
  readonly conflicts: number
  /** Equal on two nodes exactly when the live state of their maps is: 64 hexadecimal digits. */
  readonly fingerprint: string
  readonly health: MapHealth
  /** Neighbours known to hold something else, and since when. */
  readonly lagging: readonly Lag[]
  /** What the map holds, evidence of removals included, and how much it may. */
  readonly quota: MapQuota
  readonly stats: MapStatsInspection
  /** The peers the map's swarm is linked with. */
  readonly neighbors: readonly string[]
  readonly sync: readonly SessionInspection[]
}

/** A neighbour that is known to hold something else. */
export interface Lag {
  readonly peer: string
  /** Since when, wall ms of this node. */
  readonly sinceMs: number
}

/** Use and limit of a map. */
export interface MapQuota {
  readonly entries: number
  readonly entriesMax: number
  readonly bytes: number
  readonly bytesMax: number
}

/** What `map.stats()` says, its clock as text: decimal digits of a stamp. */
export interface MapStatsInspection extends Omit<MapStats, 'replica'> {
  readonly replica: Omit<ReplicaStats, 'clock'> & { readonly clock: string }
}

/** Reconciliation with one peer, its times as wall ms of this node. */
export type SessionInspection = SyncSessionInfo

/** A peer; its last error as name and message. */
export interface PeerInspection extends Omit<PeerInfo, 'lastError'> {
  readonly lastError: { readonly name: string; readonly message: string } | undefined
}

/** Messages and bytes of all tags together. */
export function sumTraffic(
  traffic: MuxStats['traffic']
): Pick<NodeTotals, 'messagesSent' | 'messagesReceived' | 'bytesSent' | 'bytesReceived'> {
  const totals = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 }
  for (const each of Object.values(traffic)) {
    totals.messagesSent += each.messagesSent
    totals.messagesReceived += each.messagesReceived
    totals.bytesSent += each.bytesSent
    totals.bytesReceived += each.bytesReceived
  }
  return totals
}

/** A peer as plain data. */
export function plainPeer(peer: PeerInfo): PeerInspection {
  const { lastError } = peer
  return {
    ...peer,
    lastError: lastError === undefined ? undefined : { name: lastError.name, message: lastError.message }
  }
}

/** A topic's overlay as plain data. */
export function plainSwarm(topic: Topic): SwarmInspection {
  const stats = topic.stats()
  return { topic: topic.name, links: topic.links(), passive: stats.passive, stats }
}

/** A map's figures as plain data. */
export function plainStats(stats: MapStats): MapStatsInspection {
  return { ...stats, replica: { ...stats.replica, clock: stats.replica.clock.toString() } }
}

/**
 * A session with its times on the wall.
 *
 * @param sinceMs wall ms at zero of the monotonic clock.
 */
export function plainSession(session: SyncSessionInfo, sinceMs: number): SessionInspection {
  const onWall = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : sinceMs + ms)
  return {
    ...session,
    lastCompleteMs: onWall(session.lastCompleteMs),
    differsSinceMs: onWall(session.differsSinceMs)
  }
}
