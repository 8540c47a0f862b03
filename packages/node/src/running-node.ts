import type { BroadcastSeen, Gossip } from '@starling/gossip'
import type { Store } from '@starling/log'
import type { ReplicatedMap } from '@starling/map'
import type { EventStreamOptions, Lagged, Metadata, PeerEvent, PeerInfo, Peers } from '@starling/peers'
import type { Clock } from '@starling/ports'
import type { Sync } from '@starling/sync'
import { checkPeerId } from './addresses.ts'
import { STOP_TIMEOUT_MS } from './config.ts'
import { NodeStoppedError } from './errors.ts'
import type { HostedMaps, MapOptions } from './hosted-maps.ts'
import type { Host } from './host.ts'
import { plainPeer, plainSwarm, sumTraffic, type NodeInspection } from './inspection.ts'
import { checkPeerIds, checkSecrets, type ClusterInit } from './options.ts'
import type { Abandoned, Shutdown } from './shutdown.ts'
import type { StarlingNode } from './types.ts'

/** What a running node is made of. */
export interface NodeParts {
  readonly host: Host
  readonly store: Store
  readonly gossip: Gossip
  readonly sync: Sync
  readonly maps: HostedMaps
  readonly clock: Clock
  readonly clusterName: string
  readonly metadata: Metadata
}

/** A started node: it hands every call to the part it is for. */
export class RunningNode implements StarlingNode {
  readonly id: string
  readonly #parts: NodeParts
  readonly #shutdown: Shutdown
  readonly #startedAtMs: number
  readonly #startedMs: number
  #stopping: Promise<readonly Abandoned[]> | undefined

  constructor(parts: NodeParts, shutdown: Shutdown) {
    this.id = parts.host.peerId.toString()
    this.#parts = parts
    this.#shutdown = shutdown
    this.#startedAtMs = parts.clock.wallMs()
    this.#startedMs = parts.clock.monotonicMs()
  }

  addresses(): readonly string[] {
    return this.#peers
      .ownAddresses()
      .map(address => (address.endsWith(`/p2p/${this.id}`) ? address : `${address}/p2p/${this.id}`))
  }

  async map<V = unknown>(name: string, options: MapOptions<V> = {}): Promise<ReplicatedMap<V>> {
    if (this.#stopping !== undefined) throw new NodeStoppedError()
    return await this.#parts.maps.open(name, options)
  }

  peers(): readonly PeerInfo[] {
    return this.#peers.peers()
  }

  onPeer(listener: (event: PeerEvent) => void): () => void {
    return this.#peers.onPeer(listener)
  }

  peerEvents(options?: EventStreamOptions): AsyncIterable<PeerEvent | Lagged> {
    return this.#peers.events(options)
  }

  revoke(peer: string): void {
    this.#peers.revoke(checkPeerId(peer, 'revoke'))
  }

  restore(peer: string): void {
    this.#peers.restore(checkPeerId(peer, 'restore'))
  }

  setAllowed(peers: readonly string[] | undefined): void {
    this.#peers.setAllowed(peers === undefined ? undefined : checkPeerIds(peers, 'setAllowed'))
  }

  setSecrets(secret: NonNullable<ClusterInit['secret']>): void {
    this.#peers.setSecrets(checkSecrets(secret, 'setSecrets'))
  }

  get #peers(): Peers {
    return this.#parts.host.services.peers
  }

  inspect(): NodeInspection {
    const { host, store, gossip, sync, maps, clock, clusterName, metadata } = this.#parts
    const streams = host.services.mux.stats()
    const gossipStats = gossip.stats()
    return {
      id: this.id,
      cluster: clusterName,
      metadata,
      addresses: this.addresses(),
      atMs: clock.wallMs(),
      startedAtMs: this.#startedAtMs,
      uptimeMs: clock.monotonicMs() - this.#startedMs,
      totals: {
        ...sumTraffic(streams.traffic),
        writes: maps.writes,
        delivered: gossipStats.delivered,
        redundant: gossipStats.redundant
      },
      swarms: gossip.topics().map(plainSwarm),
      maps: maps.inspect(),
      peers: this.peers().map(plainPeer),
      sessions: this.#peers.stats(),
      streams,
      gossip: gossipStats,
      sync: sync.stats(),
      store: store.stats()
    }
  }

  onBroadcast(listener: (seen: BroadcastSeen) => void): () => void {
    return this.#parts.gossip.onBroadcast(listener)
  }

  stop(options: { readonly timeoutMs?: number } = {}): Promise<readonly Abandoned[]> {
    this.#stopping ??= this.#shutdown.run(options.timeoutMs ?? STOP_TIMEOUT_MS)
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
