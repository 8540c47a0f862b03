import type { ComponentLogger } from '@libp2p/interface'
import { checkMetadata, type Metadata } from '@starling/peers'
import type { Ports } from '@starling/ports'
import {
  checkAnnounceAddress,
  checkListenAddress,
  checkPeerId,
  mergeContacts,
  parseContact,
  type Contact,
  type TransportChoice
} from './addresses.ts'
import type { Libp2pOptions } from 'libp2p'
import type { SavedPeersError } from './errors.ts'
import type { MapOptions } from './hosted-maps.ts'
import { ANNOUNCE_MAX, SECRET_BYTES_MIN, SECRETS_MAX } from './config.ts'

/** Which cluster this node belongs to, and what admits a peer to it. At least one rule is needed. */
export interface ClusterInit {
  /** The cluster's name, 1 to 255 bytes. Nodes of clusters with other names are turned away. */
  readonly name: string
  /**
   * What every node of the cluster knows, at least 16 bytes (text counts as UTF-8). With a list the first proves this node
   * and each of them, at most 8, admits others, so that a secret can be exchanged without a moment in which nobody gets in.
   */
  readonly secret?: string | Uint8Array | readonly (string | Uint8Array)[]
  /** Peer ids that are admitted; with a secret as well, a peer needs both. */
  readonly allow?: readonly string[]
  /** Admits everybody who can reach the port. For a network that is closed by other means. Default false. */
  readonly open?: boolean
}

/** What `createNode` takes. */
export interface NodeInit {
  /** Folder of this node's identity and store; made if missing. One running node per folder. */
  readonly dataDir: string
  /**
   * What this node speaks: QUIC (`/ip4/…/udp/…/quic-v1`, default), TCP with noise and yamux (`/ip4/…/tcp/…`), or both. `tcp`
   * is for hosts where UDP is blocked or QUIC has no binary; a node of one kind reaches only nodes that speak it too.
   */
  readonly transports?: TransportChoice
  /** IP addresses to listen on. Default: none, a node that only dials. Port 0 takes any free one. */
  readonly listen?: readonly string[]
  /**
   * Nodes to join, each as `/ip4/…/udp/…/quic-v1/p2p/<peer id>`. They may be down: they are tried for ever. Names
   * (`/dns4/…`, `/dns6/…`, `/dns/…`, `/dnsaddr/…`) are looked up again at every attempt.
   */
  readonly contacts?: readonly string[]
  /** Addresses to give to others instead of the listen addresses, for a node behind a translated address. At most 16. */
  readonly announce?: readonly string[]
  readonly cluster: ClusterInit
  /**
   * What this node says of itself to every peer it is in session with, for people and dashboards: `{ name: 'a' }`. At most 16 keys and
   * 1,024 bytes.
   */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * Maps to open at once, by name, so that this node hosts them before anybody asks for them. One that does not open fails the
   * start. `node.map(name, options)` with the same options gives them.
   */
  readonly maps?: Readonly<Record<string, MapOptions<unknown>>>
  /** How far a stamp may be ahead of this node's wall clock, in ms, 1,000 to 86,400,000. Default 60,000. */
  readonly driftMsMax?: number
  /** How often a map compares itself with a random neighbour, in ms, 100 to 86,400,000. Default 30,000. */
  readonly reconcileIntervalMs?: number
  /**
   * Told of what is wrong and does not stop the node. Default: nobody is. What it throws is dropped.
   */
  readonly onWarning?: (warning: NodeWarning) => void
  /**
   * Where every part registers its figures: a libp2p metrics factory, such as `prometheusMetrics()` of `@libp2p/prometheus-metrics`.
   * Default: nowhere. Their names: docs/metrics.md.
   */
  readonly metrics?: MetricsFactory
  /** Where every part writes its log lines: a libp2p logger. Default: libp2p's, which follows `DEBUG='starling:*'`. */
  readonly logger?: ComponentLogger
  /** Clock, timers, randomness and hashing. Default: the system's. */
  readonly ports?: Ports
}

/** Makes the metrics of a libp2p node. */
export type MetricsFactory = NonNullable<Libp2pOptions['metrics']>

/** What a node goes on without. */
export type NodeWarning = SavedPeersError

/** `NodeInit` after its checks. */
export interface NodeConfig {
  readonly dataDir: string
  readonly transports: TransportChoice
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly contacts: readonly Contact[]
  readonly clusterName: string
  readonly secrets: readonly Uint8Array[]
  readonly allow: readonly string[] | undefined
  readonly open: boolean
  readonly metadata: Metadata
  readonly driftMsMax: number
  readonly reconcileIntervalMs: number
  readonly maps: Readonly<Record<string, MapOptions<unknown>>>
  readonly metrics: MetricsFactory | undefined
  readonly logger: ComponentLogger | undefined
  readonly onWarning: (warning: NodeWarning) => void
}

/**
 * Checks every option before anything is opened, so that a mistake leaves nothing behind.
 *
 * @throws TypeError, RangeError naming the option and what it takes.
 */
export function checkOptions(init: NodeInit): NodeConfig {
  if (typeof init.dataDir !== 'string' || init.dataDir === '')
    throw new TypeError('dataDir is needed: the folder for this node.')
  if (typeof init.cluster !== 'object' || init.cluster === null)
    throw new TypeError('cluster is needed: { name, secret }.')
  const { name, allow, open = false } = init.cluster
  if (typeof name !== 'string' || name === '' || new TextEncoder().encode(name).length > 255) {
    throw new TypeError('cluster.name takes 1 to 255 bytes of text.')
  }
  if (!name.isWellFormed()) throw new TypeError('cluster.name holds a lone surrogate: repair it.')
  if (typeof open !== 'boolean') throw new TypeError(`cluster.open takes true or false, got ${typeof open}.`)
  const secrets = checkSecrets(init.cluster.secret ?? [], 'cluster.secret')
  if (secrets.length === 0 && allow === undefined && !open) {
    throw new TypeError(
      'cluster needs a rule for who gets in: a secret, an allow list, or open: true if the network itself is closed.'
    )
  }
  return {
    dataDir: init.dataDir,
    ...checkReach(init),
    clusterName: name,
    secrets,
    allow: allow === undefined ? undefined : checkPeerIds(allow, 'cluster.allow'),
    open,
    metadata: checkMetadata(init.metadata === undefined ? {} : init.metadata),
    driftMsMax: checkRange(init.driftMsMax ?? 60_000, 'driftMsMax', 1_000, 86_400_000),
    reconcileIntervalMs: checkRange(
      init.reconcileIntervalMs ?? 30_000,
      'reconcileIntervalMs',
      100,
      86_400_000
    ),
    maps: checkMaps(init.maps ?? {}),
    metrics: checkMetrics(init.metrics),
    logger: init.logger,
    onWarning: warning => warn(init.onWarning, warning)
  }
}

/** Whoever listens to warnings has nowhere to report to: what it throws, or rejects with, stays with it. */
function warn(listener: ((warning: NodeWarning) => unknown) | undefined, warning: NodeWarning): void {
  try {
    const result = listener?.(warning)
    if (result instanceof Promise) result.catch(() => undefined)
  } catch {
    // As said.
  }
}

function checkReach(init: NodeInit): Pick<NodeConfig, 'transports' | 'listen' | 'announce' | 'contacts'> {
  const { transports = 'quic', listen = [], announce = [], contacts = [] } = init
  if (transports !== 'quic' && transports !== 'tcp' && transports !== 'both') {
    throw new TypeError(`transports takes 'quic', 'tcp' or 'both', got ${JSON.stringify(transports)}.`)
  }
  if (checkList(announce, 'announce').length > ANNOUNCE_MAX) {
    throw new RangeError(`announce takes at most ${ANNOUNCE_MAX} addresses, got ${announce.length}.`)
  }
  return {
    transports,
    listen: checkList(listen, 'listen').map(address => checkListenAddress(address, 'listen', transports)),
    announce: announce.map(address => checkAnnounceAddress(address, 'announce', transports)),
    contacts: mergeContacts(
      checkList(contacts, 'contacts').map(address => parseContact(address, 'contacts', transports))
    )
  }
}

function checkMaps(maps: NonNullable<NodeInit['maps']>): NodeConfig['maps'] {
  for (const each of [maps, ...Object.values(maps ?? {})]) {
    if (typeof each !== 'object' || each === null || Array.isArray(each))
      throw new TypeError('maps takes an object of map options by name: { flags: {} }.')
  }
  return maps
}

function checkMetrics(metrics: MetricsFactory | undefined): MetricsFactory | undefined {
  if (metrics === undefined || typeof metrics === 'function') return metrics
  throw new TypeError(
    `metrics takes a function that makes them, such as prometheusMetrics(); got ${typeof metrics}.`
  )
}

function checkList(list: readonly string[], option: string): readonly string[] {
  if (!Array.isArray(list)) throw new TypeError(`${option} takes a list, got ${typeof list}.`)
  return list
}

/** Checks a list of peer ids. @throws TypeError naming the option and what is wrong. */
export function checkPeerIds(ids: readonly string[], option: string): readonly string[] {
  return checkList(ids, option).map(id => checkPeerId(id, option))
}

/** Checks one or several cluster secrets. @throws TypeError, RangeError naming the option and what it takes. */
export function checkSecrets(secret: NonNullable<ClusterInit['secret']>, option: string): Uint8Array[] {
  const given = typeof secret === 'string' || secret instanceof Uint8Array ? [secret] : secret
  if (!Array.isArray(given))
    throw new TypeError(`${option} takes text, bytes or a list of them, got ${typeof given}.`)
  if (given.length > SECRETS_MAX) {
    throw new RangeError(`${option} takes at most ${SECRETS_MAX} secrets, got ${given.length}.`)
  }
  return given.map((each: unknown) => {
    if (typeof each !== 'string' && !(each instanceof Uint8Array)) {
      throw new TypeError(`${option} takes text or bytes, got ${typeof each}.`)
    }
    const bytes = typeof each === 'string' ? new TextEncoder().encode(each) : each.slice()
    if (bytes.length < SECRET_BYTES_MIN) {
      throw new RangeError(
        `${option} needs at least ${SECRET_BYTES_MIN} bytes, got ${bytes.length}: use a long random one.`
      )
    }
    return bytes
  })
}

function checkRange(value: number, option: string, from: number, to: number): number {
  if (!Number.isFinite(value) || value < from || value > to) {
    throw new RangeError(`${option} takes a number from ${from} to ${to}, got ${value}.`)
  }
  return value
}
