import { createGossip } from '@starling/gossip'
import { openStore, registerStore } from '@starling/log'
import type { PeersInit } from '@starling/peers'
import type { Observers, Ports } from '@starling/ports'
import { guardedLog } from '@starling/ports/guarded'
import { systemPorts } from '@starling/ports/system'
import { createHostFinder, createSync } from '@starling/sync'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CHANNEL_END_MS, CLUSTER_TOPIC, FAREWELL_MS, GOODBYES_MS, STOP_TIMEOUT_MS } from './config.ts'
import { DataFolderError, ListenError } from './errors.ts'
import { HostedMaps } from './hosted-maps.ts'
import { createHost, type Host } from './host.ts'
import { loadIdentity } from './identity.ts'
import { checkOptions, type NodeConfig, type NodeInit } from './options.ts'
import { PEERS_FILE } from './peers-file.ts'
import { RunningNode } from './running-node.ts'
import { SavedPeers } from './saved-peers.ts'
import { Shutdown } from './shutdown.ts'
import { loadTransports } from './transports.ts'
import type { StarlingNode } from './types.ts'

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
    ports,
    metrics: config.metrics,
    logger: config.logger
  })
  shutdown.defer('libp2p', async () => {
    await host.stop()
  })
  const observers = observersOf(host)
  if (observers.metrics !== undefined) registerStore(observers.metrics, store)
  const log = guardedLog(host.logger, 'starling:node')
  await listen(host, config.listen)
  const { peers } = host.services
  shutdown.defer('peers', () => peers.stop({ timeoutMs: GOODBYES_MS }))
  const gossip = await SavedPeers.open({
    gossip: createGossip({ ...ports, ...observers, sessions: peers }, { leaveTimeoutMs: FAREWELL_MS }),
    file: join(dataDir, PEERS_FILE),
    timers: ports.timers,
    onWarning: warning => {
      log.error('%e', warning)
      config.onWarning(warning)
    }
  })
  shutdown.defer('gossip', () => gossip.stop())
  const sync = createSync(
    { ...ports, ...observers, sessions: peers },
    { reconcileIntervalMs: config.reconcileIntervalMs, closeMs: CHANNEL_END_MS }
  )
  shutdown.defer('sync', () => sync.close())
  // Every node is in this swarm, whatever it hosts: it is the cluster's membership, and where hosts of a map find each other.
  const id = host.peerId.toString()
  // One list serves all nodes of a cluster; one that names nobody else makes a first node.
  const contacts = config.contacts.filter(({ peer }) => peer !== id)
  const cluster = gossip.join(CLUSTER_TOPIC, { contacts })
  const hosts = createHostFinder({
    ...ports,
    announce: cluster,
    self: () => ({ peer: id, addresses: peers.ownAddresses() })
  })
  shutdown.defer('hosts', async () => {
    hosts.close()
    await cluster.leave()
  })
  const maps = new HostedMaps({ store, gossip, sync, hosts, ports, observers, log }, { ...config, contacts })
  shutdown.defer('maps', () => maps.close())
  // Before the swarms end: what they know is what the next start begins with.
  shutdown.defer('saved peers', () => gossip.close())
  await Promise.all(Object.entries(config.maps).map(([name, options]) => maps.open(name, options)))
  log('%s of cluster %s listens on %s', id, config.clusterName, peers.ownAddresses().join(', '))
  return new RunningNode(
    {
      host,
      store,
      gossip,
      sync,
      maps,
      clock: ports.clock,
      clusterName: config.clusterName,
      metadata: config.metadata
    },
    shutdown
  )
}

/** What the parts are watched by: the libp2p node's own. */
function observersOf({ metrics, logger }: Host): Observers {
  return metrics === undefined ? { logger } : { metrics, logger }
}

function peersInit(config: NodeConfig): PeersInit {
  const { clusterName, secrets, allow, open, announce, driftMsMax, metadata } = config
  return {
    metadata,
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
