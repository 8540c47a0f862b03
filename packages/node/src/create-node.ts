import { createGossip, type Gossip, type GossipStats } from '@starling/gossip'
import { openStore, type Store, type StoreStats } from '@starling/log'
import type { ReplicatedMap } from '@starling/map'
import type { MuxStats } from '@starling/mux'
import type { PeerInfo, PeersInit, PeersStats } from '@starling/peers'
import type { Ports } from '@starling/ports'
import { systemPorts } from '@starling/ports/system'
import { createSync } from '@starling/sync'
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { STOP_TIMEOUT_MS } from './config.ts'
import { DataFolderError, ListenError, NodeStoppedError } from './errors.ts'
import { HostedMaps, type MapInspection, type MapOptions } from './hosted-maps.ts'
import { createHost, type Host } from './host.ts'
import { loadIdentity } from './identity.ts'
import { checkOptions, type NodeConfig, type NodeInit } from './options.ts'
import { Shutdown, type Abandoned } from './shutdown.ts'
import { loadTransports } from './transports.ts'

/** Views, sessions, lag and limits of a node at one moment, as plain data. */
export interface NodeInspection {
  readonly id: string
  readonly addresses: readonly string[]
  readonly peers: readonly PeerInfo[]
  readonly maps: readonly MapInspection[]
  readonly sessions: PeersStats
  readonly streams: MuxStats
  readonly gossip: GossipStats
  readonly store: StoreStats
}

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
  inspect(): NodeInspection
  /**
   * Closes maps, says goodbye to peers, closes the store. Resolves within about `timeoutMs` (default 5,000) per step and never
   * rejects; what had to be abandoned is named. Idempotent. The process then ends by itself.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<readonly Abandoned[]>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a node: takes its folder, loads or makes its identity, listens, and begins to look for its contacts. It resolves
 * when the node is ready for `map()`, not when a contact has answered: a first node has none, and contacts may be down.
 *
 * @throws TypeError, RangeError for options, TransportUnavailableError; nothing has been opened then.
 * @throws DataFolderError, IdentityDamagedError, ListenError, and the store's errors (`StoreLockedError`, …); everything
 *   opened so far is closed again.
 */
export async function createNode(init: NodeInit): Promise<StarlingNode> {
  const config = checkOptions(init)
  const ports = init.ports ?? systemPorts
  const shutdown = new Shutdown(ports.timers)
  try {
    return await start(config, ports, shutdown)
  } catch (error) {
    await shutdown.run(STOP_TIMEOUT_MS)
    throw error
  }
}

async function start(config: NodeConfig, ports: Ports, shutdown: Shutdown): Promise<StarlingNode> {
  const transports = await loadTransports(config.transports)
  const dataDir = resolve(config.dataDir)
  await makeDataFolder(dataDir)
  const store = await openStore({ directory: dataDir })
  shutdown.defer('store', () => store.close())
  const host = await createHost({
    privateKey: await loadIdentity(dataDir),
    listen: config.listen,
    announce: config.announce,
    transports,
    peers: peersInit(config),
    ports
  })
  shutdown.defer('libp2p', async () => {
    await host.stop()
  })
  await listen(host, config.listen)
  const { peers } = host.services
  shutdown.defer('peers', () => peers.stop())
  const gossip = createGossip({ ...ports, sessions: peers })
  shutdown.defer('gossip', () => gossip.stop())
  const sync = createSync({ ...ports, sessions: peers }, { reconcileIntervalMs: config.reconcileIntervalMs })
  shutdown.defer('sync', () => sync.close())
  const maps = new HostedMaps({ store, gossip, sync, ports }, config)
  shutdown.defer('maps', () => maps.close())
  return new RunningNode({ host, store, gossip, maps }, shutdown)
}

function peersInit({ clusterName, secrets, allow, open, announce, driftMsMax }: NodeConfig): PeersInit {
  return {
    cluster: { name: clusterName, secrets, open, ...(allow === undefined ? {} : { allow }) },
    timings: { driftMsMax },
    ...(announce.length === 0 ? {} : { announce })
  }
}

async function makeDataFolder(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new DataFolderError(dataDir, 'cannot be made or is not a folder', { cause: error })
  }
}

async function listen(host: Host, addresses: readonly string[]): Promise<void> {
  try {
    await host.start()
  } catch (error) {
    throw new ListenError(addresses, { cause: error })
  }
}

interface Parts {
  readonly host: Host
  readonly store: Store
  readonly gossip: Gossip
  readonly maps: HostedMaps
}

class RunningNode implements StarlingNode {
  readonly id: string
  readonly #parts: Parts
  readonly #shutdown: Shutdown
  #stopping: Promise<readonly Abandoned[]> | undefined

  constructor(parts: Parts, shutdown: Shutdown) {
    this.id = parts.host.peerId.toString()
    this.#parts = parts
    this.#shutdown = shutdown
  }

  addresses(): readonly string[] {
    return this.#parts.host.services.peers
      .ownAddresses()
      .map(address => (address.includes('/p2p/') ? address : `${address}/p2p/${this.id}`))
  }

  async map<V = unknown>(name: string, options: MapOptions<V> = {}): Promise<ReplicatedMap<V>> {
    if (this.#stopping !== undefined) throw new NodeStoppedError()
    return await this.#parts.maps.open(name, options)
  }

  inspect(): NodeInspection {
    const { host, store, gossip, maps } = this.#parts
    return {
      id: this.id,
      addresses: this.addresses(),
      peers: host.services.peers.peers(),
      maps: maps.inspect(),
      sessions: host.services.peers.stats(),
      streams: host.services.mux.stats(),
      gossip: gossip.stats(),
      store: store.stats()
    }
  }

  stop(options: { readonly timeoutMs?: number } = {}): Promise<readonly Abandoned[]> {
    this.#stopping ??= this.#shutdown.run(options.timeoutMs ?? STOP_TIMEOUT_MS)
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
