import type { Gossip, Topic } from '@starling/gossip'
import type { Store } from '@starling/log'
import { createMap, type MapInit, type ReplicatedMap } from '@starling/map'
import type { Log, Observers, Ports } from '@starling/ports'
import { createReplica, type Replica, type ReplicaEvent, type ReplicaInit } from '@starling/replica'
import type { HostFinder, Sync, SyncHandle } from '@starling/sync'
import type { Contact } from './addresses.ts'
import { RESERVED_PREFIX } from './config.ts'
import { MapOptionsMismatchError, NodeStoppedError } from './errors.ts'
import { plainSession, plainStats, type MapInspection } from './inspection.ts'

/** How a map is opened on this node. */
export interface MapOptions<V> extends MapInit<V> {
  /**
   * When a write counts as done on this node. `sync` (default): it survives a power cut. `async`: it survives a crash of the
   * process. `memory`: nothing is kept; the map is refilled by its peers after a restart.
   */
  readonly durability?: 'sync' | 'async' | 'memory'
  /**
   * What the absence of a write means, and with it when removals may be forgotten: `byAge`, after a day, or `byKnown`, once
   * everybody knows of them. The same on all nodes. Default `byKnown`.
   */
  readonly forgetting?: ReplicaInit['forgetting']
  /** What happens to values that a peer knows to be long dead. Default `set-aside`. */
  readonly onStale?: ReplicaInit['onStale']
  /** Facts nobody waits for: refusals, a disk that failed, an identity seen twice. It must not throw. */
  readonly onEvent?: (event: ReplicaEvent) => void
}

interface OpenMap {
  readonly map: ReplicatedMap<unknown>
  readonly replica: Replica
  readonly quota: { readonly entriesMax: number; readonly bytesMax: number }
  readonly topic: Topic
  readonly handle: SyncHandle
  readonly stopSeeking: () => void
}

interface Hosted {
  readonly options: MapOptions<unknown>
  readonly opening: Promise<OpenMap>
  opened: OpenMap | undefined
  /** Resolves, and never rejects, once nothing of the map is left and its name is free. */
  readonly gone: Promise<void>
}

/** What maps on a node stand on. */
export interface HostedMapsComponents {
  readonly store: Store
  readonly gossip: Gossip
  readonly sync: Sync
  /** Brings the hosts of a map together, where few nodes host it. */
  readonly hosts: Pick<HostFinder, 'find'>
  readonly ports: Ports
  readonly observers: Observers
  readonly log: Log
}

/** The maps open on this node: each a log, a swarm, a replica and its reconciliation sessions, by name. */
export class HostedMaps {
  readonly #components: HostedMapsComponents
  readonly #init: { readonly contacts: readonly Contact[]; readonly driftMsMax: number }
  readonly #maps = new Map<string, Hosted>()
  readonly #stopping = Promise.withResolvers<void>()
  #closing = false
  #pastWrites = 0

  constructor(
    components: HostedMapsComponents,
    init: { readonly contacts: readonly Contact[]; readonly driftMsMax: number }
  ) {
    this.#components = components
    this.#init = init
  }

  /** The map of this name, opened if it is not. Two calls with the same options get the same map. */
  async open<V>(name: string, options: MapOptions<V>): Promise<ReplicatedMap<V>> {
    if (name.startsWith(RESERVED_PREFIX)) {
      throw new TypeError(`a map's name must not begin with ${RESERVED_PREFIX}, got ${JSON.stringify(name)}`)
    }
    // A map's values are whatever its options say; below this line nobody looks at them.
    const given = options as MapOptions<unknown>
    let hosted = this.#maps.get(name)
    while (hosted !== undefined && isEnding(hosted)) {
      await Promise.race([hosted.gone, this.#stopping.promise])
      if (this.#closing) break
      hosted = this.#maps.get(name)
    }
    if (this.#closing) throw new NodeStoppedError()
    hosted ??= this.#host(name, given)
    if (!sameOptions(hosted.options, given)) throw new MapOptionsMismatchError(name)
    const { map } = await hosted.opening
    return map as ReplicatedMap<V>
  }

  /** Closes every map; what waits in their queues is written first. Maps that are being opened are closed then. */
  async close(): Promise<void> {
    this.#closing = true
    this.#stopping.resolve()
    const all = [...this.#maps.values()]
    const closings = await Promise.allSettled(
      all.map(async ({ opening }) => {
        const opened = await opening.catch(() => undefined)
        await opened?.map.close()
      })
    )
    await Promise.all(all.map(({ gone }) => gone))
    for (const closing of closings) if (closing.status === 'rejected') throw closing.reason
  }

  inspect(): readonly MapInspection[] {
    return [...this.#maps].flatMap(([name, { opened }]) =>
      opened === undefined ? [] : [this.#inspect(name, opened)]
    )
  }

  /** Writes made here since the start, in maps closed since too. */
  get writes(): number {
    let writes = this.#pastWrites
    for (const { opened } of this.#maps.values()) writes += opened?.replica.stats().localWrites ?? 0
    return writes
  }

  #inspect(name: string, { map, replica, topic, handle, quota }: OpenMap): MapInspection {
    const { clock } = this.#components.ports
    const wallAtZeroMs = clock.wallMs() - clock.monotonicMs()
    const sync = handle.sessions().map(session => plainSession(session, wallAtZeroMs))
    const stats = plainStats(map.stats())
    const { entries, bytes } = stats.replica
    return {
      name,
      size: map.size,
      conflicts: stats.conflicts,
      fingerprint: Buffer.from(replica.root().sum).toString('hex'),
      health: map.health(),
      lagging: sync.flatMap(({ peer, differsSinceMs }) =>
        differsSinceMs === undefined ? [] : [{ peer, sinceMs: differsSinceMs }]
      ),
      quota: { entries, bytes, ...quota },
      stats,
      neighbors: topic.neighbors(),
      sync
    }
  }

  #host(name: string, options: MapOptions<unknown>): Hosted {
    const { log } = this.#components
    const opening = this.#open(name, options)
    const gone = opening.then(
      async opened => {
        hosted.opened = opened
        log('map %s is open with %d keys', name, opened.map.size)
        // Whoever closes the map, its sessions and its swarm end with it.
        await opened.map.closed
        opened.stopSeeking()
        await Promise.allSettled([opened.handle.close(), opened.topic.leave()])
        this.#pastWrites += opened.replica.stats().localWrites
        this.#maps.delete(name)
        log('map %s is closed', name)
      },
      (error: unknown) => {
        this.#maps.delete(name)
        log.error('map %s did not open - %e', name, error)
      }
    )
    const hosted: Hosted = { options, opening, opened: undefined, gone }
    this.#maps.set(name, hosted)
    return hosted
  }

  async #open(name: string, options: MapOptions<unknown>): Promise<OpenMap> {
    const { store, gossip, sync, hosts, ports, observers } = this.#components
    const { durability = 'sync', forgetting, onStale, onEvent, ...mapInit } = options
    const log = await store.openLog(name, { durability })
    const undo: (() => Promise<void>)[] = [() => log.close()]
    try {
      const topic = gossip.join(name, { contacts: this.#init.contacts })
      undo.push(() => topic.leave())
      let opened:
        | { readonly handle: SyncHandle; readonly replica: Replica; readonly quota: OpenMap['quota'] }
        | undefined
      const map = await createMap(
        {
          ...ports,
          ...(observers.metrics === undefined ? {} : { metrics: observers.metrics }),
          alone: this.#init.contacts.length === 0,
          open: async (owner, { quota }) => {
            const { driftMsMax } = this.#init
            const replica = await createReplica(
              { ...ports, ...observers, log, broadcast: topic },
              {
                name,
                owner,
                quota,
                driftMsMax,
                ...(forgetting === undefined ? {} : { forgetting }),
                ...(onStale === undefined ? {} : { onStale }),
                onEvent: event => {
                  // What came while the disk had failed was not taken in.
                  if (event.type === 'reopened') opened?.handle.reconcile()
                  // Last, and what it gives goes back: whatever it throws or rejects with stays with the replica's events.
                  return onEvent?.(event)
                }
              }
            )
            undo.push(() => replica.close())
            const sessions = sync.open(name, { protocol: replica.protocol, neighbors: topic })
            undo.push(() => sessions.close())
            opened = { handle: sessions, replica, quota }
            replica.setPeers(sessions)
            return { replica, sync: sessions }
          }
        },
        mapInit
      )
      undo.push(() => map.close())
      if (opened === undefined) throw new Error('createMap resolved without opening its replica')
      return { map, topic, ...opened, stopSeeking: hosts.find(name, topic) }
    } catch (error) {
      for (const step of undo.reverse()) await step().catch(() => undefined)
      throw error
    }
  }
}

/** Whether the map is closed or on its way there: a new one of its name has to wait for it. */
function isEnding({ opened }: Hosted): boolean {
  return opened !== undefined && opened.map.stats().state !== 'open'
}

/** Options are equal when each is: functions and schemas by identity, the rest by value. */
function sameOptions(a: MapOptions<unknown>, b: MapOptions<unknown>): boolean {
  return (
    a.schema === b.schema &&
    a.onEvent === b.onEvent &&
    a.forgetting === b.forgetting &&
    a.onStale === b.onStale &&
    (a.durability ?? 'sync') === (b.durability ?? 'sync') &&
    JSON.stringify(Object.entries(a.limits ?? {}).sort()) ===
      JSON.stringify(Object.entries(b.limits ?? {}).sort())
  )
}
