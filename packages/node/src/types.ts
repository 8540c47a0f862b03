import type { BroadcastSeen } from '@starling/gossip'
import type { ReplicatedMap } from '@starling/map'
import type { EventStreamOptions, Lagged, PeerEvent, PeerInfo } from '@starling/peers'
import type { MapOptions } from './hosted-maps.ts'
import type { NodeInspection } from './inspection.ts'
import type { ClusterInit } from './options.ts'
import type { Abandoned } from './shutdown.ts'

/** A running node of a cluster. */
export interface StarlingNode {
  /** This node's peer id, which is proven to every peer by the transport. */
  readonly id: string
  /** The addresses others can join this node at, each ending in its peer id. Empty for a node that does not listen. */
  addresses(): readonly string[]
  /**
   * Opens a map on this node, or returns it if it is open. Its content is loaded from disk before the promise resolves, and
   * whatever is newer elsewhere arrives by itself.
   *
   * Rejects with `MapOptionsMismatchError` when it is open with other options, `NodeStoppedError`, or what the store says.
   */
  map<V = unknown>(name: string, options?: MapOptions<V>): Promise<ReplicatedMap<V>>
  /**
   * The peers this node is in session with, is dialling, or waits to dial again: a few of the cluster, not all of it. Empty until
   * a map is open.
   */
  peers(): readonly PeerInfo[]
  /**
   * Calls back when a peer joins (`peer:join`), leaves (`peer:leave`), is silent (`peer:suspect`) or heard again (`peer:alive`), and
   * when this process itself stood still (`self:stalled`). Returns how to stop.
   */
  onPeer(listener: (event: PeerEvent) => void): () => void
  /**
   * The same events for one reader, from now on. A reader that falls behind loses the oldest, is told how many (`lagged`), and
   * reads `peers()` anew; nothing waits for it. Ends with its signal, and when the node stops.
   *
   * @throws RangeError for a buffer that is not 1 to 65,536 events (default 256)
   */
  peerEvents(options?: EventStreamOptions): AsyncIterable<PeerEvent | Lagged>
  /**
   * Takes a peer's admission away on this node, until `restore` or the node's end; whatever it still sends is not taken in. Its
   * other neighbours are not told: revoke it on every node, or take it off every allow-list and exchange the secret.
   *
   * @throws TypeError for what is no peer id
   * @throws RangeError when 4,096 peers are revoked already: use an allow-list
   */
  revoke(peer: string): void
  /** Takes a revocation back. */
  restore(peer: string): void
  /**
   * Replaces `cluster.allow`; undefined removes it. Sessions with peers that are not on it end as by `revoke`.
   *
   * @throws TypeError for what is no list of peer ids, or when no rule for who gets in would be left
   */
  setAllowed(peers: readonly string[] | undefined): void
  /**
   * Replaces `cluster.secret`: the first proves this node from now on, any of them admits. To exchange a secret without a gap, give
   * every node `[old, new]`, then every node `[new, old]`, then every node `new`. A session proven with a secret that is gone is proven
   * again on the same connection, or ends as by `revoke`.
   *
   * @throws TypeError, RangeError for what `createNode` would refuse too
   */
  setSecrets(secret: NonNullable<ClusterInit['secret']>): void
  /** Views, sessions, lag and limits at this moment, as plain data. It costs about as much as one message; ask once a second, not in a loop. */
  inspect(): NodeInspection
  /**
   * Calls back for each broadcast that this node makes or meets for the first time, over all maps and the cluster's own swarm: the way
   * a write took through the overlay. It costs nothing while nobody listens. A listener that throws is counted
   * (`inspect().gossip.listenersFailed`) and harms nobody. Returns how to stop.
   */
  onBroadcast(listener: (seen: BroadcastSeen) => void): () => void
  /**
   * Closes maps, says goodbye to peers, closes the store. Resolves within about `timeoutMs` (default 5,000) per step and never
   * rejects; what had to be abandoned is named. Idempotent. The process then ends by itself.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<readonly Abandoned[]>
  [Symbol.asyncDispose](): Promise<void>
}
