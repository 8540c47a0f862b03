import { createGossip, type Contact, type Gossip, type Topic } from '@starling/gossip'
import { openStoreIn, type Store } from '@starling/log'
import { createMap, type MapLimits, type ReplicatedMap } from '@starling/map'
import { createPeers, type Peers, type PeersComponents } from '@starling/peers'
import type { Ports } from '@starling/ports'
import {
  createReplica,
  type Replica,
  type ReplicaEvent,
  type ReplicaInit,
  type SyncProtocol
} from '@starling/replica'
import type { DiskProcess } from '@starling/sim'
import { createSync, type Sync, type SyncHandle } from '@starling/sync'
import { simMedium } from './sim-medium.ts'

/** What the cluster's nodes have in common. */
export const CLUSTER: { readonly name: string; readonly secrets: readonly string[] } = {
  name: 'simulated',
  secrets: ['a secret of the simulated cluster']
}

/** Name of the one map. */
export const MAP_NAME = 'map'

/** What a process is started with. */
export interface ProcessInit {
  readonly ports: Ports
  readonly disk: DiskProcess
  /** The network as this process has it. */
  readonly transport: Omit<PeersComponents, keyof Ports>
  readonly contacts: readonly Contact[]
  readonly replica: Partial<ReplicaInit>
  readonly limits: Partial<MapLimits>
  /** Rounds with it count for nothing. */
  readonly hostilePeer: string
  /** What a hostile node puts in the place of its reconciliation. */
  readonly protocol?: ((honest: SyncProtocol) => SyncProtocol) | undefined
  readonly onEvent: (event: ReplicaEvent) => void
}

/** One simulated process: the real store, peers, gossip, sync, replica and map, on ports of the simulation. */
export class ClusterProcess {
  readonly map: ReplicatedMap<string>
  readonly replica: Replica
  readonly store: Store
  readonly peers: Peers
  readonly gossip: Gossip
  readonly sync: Sync
  readonly handle: SyncHandle
  readonly topic: Topic
  /** What a reader that follows the map from its start has been told. */
  readonly told: Map<string, string> = new Map()
  /** Entries that reconciliation has moved, both ways. */
  entriesMoved = 0

  private constructor(
    parts: Pick<
      ClusterProcess,
      'map' | 'replica' | 'store' | 'peers' | 'gossip' | 'sync' | 'handle' | 'topic'
    >,
    hostilePeer: string
  ) {
    this.topic = parts.topic
    this.map = parts.map
    this.replica = parts.replica
    this.store = parts.store
    this.peers = parts.peers
    this.gossip = parts.gossip
    this.sync = parts.sync
    this.handle = parts.handle
    void this.#follow()
    this.handle.onRound(({ peer, outcome }) => {
      if (peer === hostilePeer) return
      this.entriesMoved += (outcome?.entriesSent ?? 0) + (outcome?.entriesReceived ?? 0)
    })
  }

  static async start({
    ports,
    disk,
    transport,
    contacts,
    replica: init,
    limits,
    hostilePeer,
    protocol = honest => honest,
    onEvent
  }: ProcessInit): Promise<ClusterProcess> {
    const store = await openStoreIn(simMedium(disk))
    const log = await store.openLog(MAP_NAME)
    const peers = createPeers({ ...transport, ...ports }, { cluster: CLUSTER })
    const gossip = createGossip({ ...ports, sessions: peers })
    const sync = createSync({ ...ports, sessions: peers })
    peers.start()
    const topic = gossip.join(MAP_NAME, { contacts })
    let opened: { readonly replica: Replica; readonly handle: SyncHandle } | undefined
    const map = await createMap<string>(
      {
        ...ports,
        alone: contacts.length === 0,
        open: async (owner, { quota }) => {
          const replica = await createReplica(
            { ...ports, log, broadcast: topic },
            { ...init, name: MAP_NAME, owner, quota, onEvent }
          )
          const handle = sync.open(MAP_NAME, { protocol: protocol(replica.protocol), neighbors: topic })
          replica.setPeers(handle)
          opened = { replica, handle }
          return { replica, sync: handle }
        }
      },
      { limits }
    )
    if (opened === undefined) throw new Error('the map did not open its replica')
    return new ClusterProcess({ map, store, peers, gossip, sync, topic, ...opened }, hostilePeer)
  }

  async #follow(): Promise<void> {
    for await (const { type, key, value } of this.map.watch({ from: 'snapshot' })) {
      if (type === 'resync') this.told.clear()
      else if (type === 'delete' || type === 'expired') this.told.delete(key)
      else this.told.set(key, value)
    }
  }

  /** Ends politely: what waits is written, peers are told. */
  async stop(): Promise<void> {
    await this.map.close()
    await this.sync.close()
    await this.gossip.stop()
    await this.peers.stop()
    await this.store.close()
  }
}
