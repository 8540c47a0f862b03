import type { PlumtreeStats } from '@starling/plumtree'
import type { PeerKey } from './ports.ts'

/** A peer to join through, and how to reach it: text multiaddrs. */
export interface Contact {
  readonly peer: PeerKey
  readonly addresses: readonly string[]
}

/** How to get into a topic. */
export interface JoinOptions {
  readonly contacts: readonly Contact[]
  readonly saved?: readonly Contact[]
}

/** A neighbour appeared or disappeared. Up and down alternate for each peer. */
export interface NeighborEvent {
  readonly type: 'up' | 'down'
  readonly peer: PeerKey
}

/** A neighbour of a topic, as this end sees the link. */
export interface TopicLink {
  readonly peer: PeerKey
  /** Whether whole messages are sent to the peer (eager), or only announced (lazy). The other end may see it otherwise. */
  readonly eager: boolean
}

/** One broadcast as this node met it, the first time and no other. */
export interface BroadcastSeen {
  readonly topic: string
  /** Equal on every node: 32 hexadecimal digits. */
  readonly id: string
  /** The neighbour it came over; absent for this node's own. */
  readonly from?: PeerKey
  /** Links travelled so far; 0 for this node's own. Claimed by the nodes on the way. */
  readonly hops: number
  /** Length of the payload. */
  readonly bytes: number
  /** This node's wall clock, ms. */
  readonly atMs: number
}

/** One topic this node has joined. */
export interface Topic {
  readonly name: string
  /**
   * Sends a payload to every other node of the topic, never back to this one. While there is no neighbour it is kept
   * (within `unsentCountMax` and `unsentBytesMax`) and leaves with the first link. Best effort: what queues had to drop is
   * left to reconciliation. The payload is kept by reference and must not be changed.
   *
   * @throws RangeError when it is longer than `payloadBytesMax`
   * @throws TopicLeftError after `leave` or `stop`
   */
  broadcast(payload: Uint8Array): void
  /** Calls back for each payload, once; `from` is the neighbour it came over, not its author. Returns how to stop. */
  onMessage(listener: (payload: Uint8Array, from: PeerKey) => void): () => void
  neighbors(): readonly PeerKey[]
  /** The same neighbours, with the part each link has in the broadcast tree. */
  links(): readonly TopicLink[]
  onNeighbor(listener: (event: NeighborEvent) => void): () => void
  /** More peers to join through. They are probed for ever. */
  addContacts(contacts: readonly Contact[]): void
  /**
   * Peers worth keeping for the next start, best first: neighbours, contacts, spare peers. At most the two views, the
   * address book and the contacts together, 267 by default. Give them to `join` as `saved`.
   */
  savedPeers(): Contact[]
  /** Leaves for good: neighbours are told, nothing is delivered any more. Resolves when the farewells were sent or given up. */
  leave(): Promise<void>
  stats(): TopicStats
}

/** Counters and sizes of one topic. */
export interface TopicStats {
  readonly neighbors: number
  /** Peers known beyond the neighbours, to take their places. */
  readonly passive: number
  readonly tree: PlumtreeStats
  /** Frames of this topic that did not decode, and messages the machines refused. */
  readonly malformed: number
  readonly refused: number
}

/** What the broadcast trees of all topics have done, topics left since included. */
export interface BroadcastTotals {
  /** Broadcasts this node made. */
  readonly broadcasts: number
  /** Payloads of others handed to listeners, each once. */
  readonly delivered: number
  /** Further copies of payloads that were known already. */
  readonly redundant: number
  /** Messages of the trees other than payloads: announcements, grafts, prunes and refusals. */
  readonly controlSent: number
  readonly controlReceived: number
  /** Payloads that were announced, did not come, and were asked for; and those that no announcer had. */
  readonly lateGrafts: number
  readonly abandoned: number
}

/** Counters and sizes over all topics. */
export interface GossipStats extends BroadcastTotals {
  readonly topics: number
  /** Peers known, and those of them with an open channel. */
  readonly links: number
  readonly channels: number
  readonly framesSent: number
  readonly framesReceived: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Payloads that found their peer's queue full: left to reconciliation. */
  readonly payloadsDropped: number
  /** Peers given up because control messages found their queue full. */
  readonly queueOverflows: number
  /** Frames that could not be read, and those for topics this node does not hold. */
  readonly malformed: number
  readonly unknownTopics: number
  /** Channels closed because of too many bad frames. */
  readonly offendersClosed: number
  /** Sessions the port refused to want: ids that are none, or too many peers. */
  readonly peersRefused: number
  /** Calls of broadcast listeners that threw. */
  readonly listenersFailed: number
  /** Bytes waiting for peers now. */
  readonly queuedBytes: number
}

/** Topic swarms over a session port. */
export interface Gossip {
  /**
   * Joins a topic. Returns at once; contacts are probed until there are neighbours, and for ever after. `saved` is what
   * `savedPeers()` returned in an earlier life: tried too, never in place of a contact; what is too much or too long of it
   * is left out.
   *
   * @throws TypeError when the name is no text, empty or joined already
   * @throws RangeError when the name is too long
   * @throws TopicLimitError when too many topics are joined
   * @throws GossipStoppedError after `stop`
   */
  join(topic: string, options: JoinOptions): Topic
  /** The topics that are joined now. */
  topics(): readonly Topic[]
  /** Leaves every topic and ends every channel. Leaves no timer behind. Idempotent. */
  stop(): Promise<void>
  /**
   * Calls back for each broadcast that this node makes or meets for the first time, in all topics. For people and plots: it comes
   * after the topic's own listeners were told, costs nothing while nobody listens, and a listener that throws is counted and harms
   * nobody. Returns how to stop.
   */
  onBroadcast(listener: (seen: BroadcastSeen) => void): () => void
  stats(): GossipStats
}
