import type { Connection } from '@libp2p/interface'
import { guardedLog } from '@starling/ports/guarded'
import { registerFigures } from '@starling/ports/metrics'
import { AddressBook } from './address-book.ts'
import { Admission } from './admission.ts'
import { Announcer } from './announcer.ts'
import { Channels } from './channels.ts'
import { checkAnnounce, checkPeer } from './check-arguments.ts'
import {
  INTENTS_PER_PEER_MAX,
  PEERS_MAX,
  resolveTimings,
  STOP_TIMEOUT_MS,
  type PeersTimings
} from './config.ts'
import { Counters } from './counters.ts'
import { limited, raced } from './deadline.ts'
import { AdmissionError, TooManyIntentsError, TooManyPeersError } from './errors.ts'
import type { Lagged } from './event-stream.ts'
import { PEERS_FIGURES } from './figures.ts'
import { infoOf } from './info.ts'
import { checkMode, PeerIntent } from './intent.ts'
import type { EventStreamOptions, Intent, WantOptions } from './intent-types.ts'
import { logEvents } from './log-events.ts'
import { checkMetadata } from './metadata.ts'
import { Names } from './names.ts'
import { PeerDriver } from './peer-driver.ts'
import type { PeerEvent } from './peer-events.ts'
import type { PeerRecord } from './peer-record.ts'
import type { FramedChannel, PeersComponents } from './ports.ts'
import type {
  PeerInfo,
  Peers,
  PeersInit,
  PeersStats,
  RejectionEvent,
  Session,
  SessionEvent
} from './types.ts'

type Phase = 'stopped' | 'running' | 'stopping'

/** The peer manager's face: checks what callers ask for, and leaves the rest to the driver. */
export class PeerManager implements Peers {
  readonly self: string
  readonly #components: PeersComponents
  readonly #announce: readonly string[] | undefined
  readonly #counters = new Counters()
  readonly #book = new AddressBook()
  readonly #admission: Admission
  readonly #timings: PeersTimings
  readonly #announcer: Announcer
  readonly #names: Names
  readonly #driver: PeerDriver
  readonly #channels: Channels
  readonly #onOpen = (event: CustomEvent<Connection>): void => this.#driver.connectionOpened(event.detail)
  readonly #onClose = (event: CustomEvent<Connection>): void =>
    this.#driver.links.get(event.detail.id)?.lost('lost')
  #phase: Phase = 'stopped'
  #stopping: Promise<void> | undefined
  /** Aborts when the manager stops. */
  #life = new AbortController()

  constructor(components: PeersComponents, init: PeersInit) {
    this.self = components.peerId.toString()
    this.#components = components
    this.#announce = init.announce === undefined ? undefined : checkAnnounce(init.announce)
    this.#timings = resolveTimings(init.timings)
    this.#admission = new Admission(init.cluster, init.accept, components.hash)
    this.#announcer = new Announcer(this.#counters, record => this.#infoOf(record))
    const { clock, timers, metrics, logger } = components
    if (logger !== undefined) logEvents(guardedLog(logger, 'starling:peers'), this.#announcer)
    if (metrics !== undefined) registerFigures(metrics, () => this.stats(), PEERS_FIGURES)
    this.#names = new Names({ lookup: init.names, clock, timers, counters: this.#counters })
    this.#driver = new PeerDriver({
      self: this.self,
      components,
      timings: this.#timings,
      admission: this.#admission,
      metadata: init.metadata === undefined ? {} : checkMetadata(init.metadata),
      names: this.#names,
      book: this.#book,
      counters: this.#counters,
      announcer: this.#announcer
    })
    this.#channels = new Channels(components, {
      linkOf: connection => this.#driver.links.get(connection.id),
      sessionOf: link => this.#driver.records.sessionOf(link),
      counters: this.#counters
    })
  }

  start(): void {
    if (this.#phase !== 'stopped') return
    const { events, connectionManager } = this.#components
    this.#driver.start()
    this.#life = new AbortController()
    this.#phase = 'running'
    this.#channels.start()
    events.addEventListener('connection:open', this.#onOpen)
    events.addEventListener('connection:close', this.#onClose)
    for (const connection of connectionManager.getConnections()) this.#driver.connectionOpened(connection)
    for (const record of this.#driver.records.values()) {
      for (const intent of record.intents) intent.watch()
      this.#driver.input(record, { type: 'want', wanted: record.wanted, fresh: true })
    }
  }

  stop(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#phase === 'stopped') return Promise.resolve()
    this.#stopping ??= this.#stop(options.timeoutMs ?? STOP_TIMEOUT_MS)
    return this.#stopping
  }

  sessions(): readonly Session[] {
    const sessions: Session[] = []
    for (const { session } of this.#driver.records.values()) if (session !== undefined) sessions.push(session)
    return sessions
  }

  want(peer: string, options: WantOptions): Intent {
    checkMode(options?.mode)
    checkPeer(peer, this.self)
    const intent = new PeerIntent(peer, options, {
      timers: this.#components.timers,
      changed: (_, fresh) => this.#wishChanged(intent, fresh),
      timedOut: error => this.#announcer.sessions.tell({ type: 'failed', peer, reason: error.name, error }),
      learn: addresses => this.#book.add(peer, addresses)
    })
    if (this.#phase === 'stopping') {
      intent.end({ type: 'stopped' })
      return intent
    }
    const record = this.#driver.recordOf(peer)
    if (record === undefined) throw new TooManyPeersError(PEERS_MAX)
    if (record.intents.size >= INTENTS_PER_PEER_MAX) throw new TooManyIntentsError(peer, INTENTS_PER_PEER_MAX)
    if (options.addresses !== undefined) this.#book.add(peer, options.addresses)
    record.intents.add(intent)
    if (record.session !== undefined) intent.up(record.session)
    if (this.#phase === 'running') intent.watch()
    this.#driver.input(record, { type: 'want', wanted: record.wanted, fresh: true })
    return intent
  }

  #wishChanged(intent: PeerIntent, fresh: boolean): void {
    const record = this.#driver.records.get(intent.peer)
    if (record === undefined || !record.intents.has(intent)) return
    if (intent.over) record.intents.delete(intent)
    this.#driver.input(record, { type: 'want', wanted: record.wanted, fresh })
    this.#driver.records.forget(record)
  }

  revoke(peer: string): void {
    checkPeer(peer, this.self)
    this.#admission.revoke(peer)
    this.#driver.revoke(peer, new AdmissionError(peer, 'revoked'))
  }

  restore(peer: string): void {
    if (!this.#admission.restore(peer)) return
    const record = this.#driver.records.get(peer)
    if (record !== undefined) this.#driver.input(record, { type: 'restore' })
  }

  setAllowed(peers: Iterable<string> | undefined): void {
    this.#admission.setAllowed(peers)
    for (const record of [...this.#driver.records.values()]) {
      const reason = this.#admission.refusalOf(record.peer)
      if (reason !== undefined) this.#driver.revoke(record.peer, new AdmissionError(record.peer, reason))
      else this.#driver.input(record, { type: 'restore' })
    }
  }

  setSecrets(secrets: readonly (string | Uint8Array)[]): void {
    this.#admission.setSecrets(secrets)
    for (const link of [...this.#driver.links.values()]) link.session?.renewal.check()
    for (const record of [...this.#driver.records.values()]) this.#driver.input(record, { type: 'restore' })
  }

  async recheck(): Promise<readonly string[]> {
    if (!this.#admission.asks) return []
    const asked = this.sessions().map(async ({ peer }) => ((await this.#verdict(peer)) ? undefined : peer))
    return (await Promise.all(asked)).filter(peer => peer !== undefined)
  }

  /** What the callback says now; none in time counts as no. Ends what there is with a peer it turns away. */
  async #verdict(peer: string): Promise<boolean> {
    const limit = limited(this.#components.timers, this.#timings.handshakeTimeoutMs, this.#life.signal)
    const reason = await raced(this.#admission.ask(peer), limit.signal).catch(() => 'callback' as const)
    limit.dispose()
    if (reason === undefined || this.#phase !== 'running') return true
    this.#driver.revoke(peer, new AdmissionError(peer, reason))
    return false
  }

  onSession(listener: (event: SessionEvent) => void): () => void {
    return this.#announcer.sessions.add(listener)
  }

  onRejection(listener: (event: RejectionEvent) => void): () => void {
    return this.#announcer.rejections.add(listener)
  }

  onPeer(listener: (event: PeerEvent) => void): () => void {
    return this.#announcer.peers.add(listener)
  }

  events(options: EventStreamOptions = {}): AsyncIterable<PeerEvent | Lagged> {
    return this.#announcer.streams.open(options)
  }

  handleChannel(tag: string, handler: (channel: FramedChannel, session: Session) => void): () => void {
    return this.#channels.handle(tag, handler)
  }

  addresses(peer: string): readonly string[] {
    return peer === this.self ? this.ownAddresses() : this.#book.get(peer)
  }

  ownAddresses(): readonly string[] {
    if (this.#announce !== undefined) return this.#announce
    return (this.#components.addressManager?.getAddresses() ?? []).map(address => address.toString())
  }

  peers(): readonly PeerInfo[] {
    return [...this.#driver.records.values()].map(record => this.#infoOf(record))
  }

  #infoOf(record: PeerRecord): PeerInfo {
    return infoOf(record, this.#book.get(record.peer))
  }

  stats(): PeersStats {
    return {
      ...this.#counters.read(),
      sessions: this.#driver.records.sessionCount,
      peers: this.#driver.records.size,
      connections: this.#driver.links.size
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#phase = 'stopping'
    this.#life.abort(new Error('the peer manager stops'))
    this.#names.stop()
    await this.#driver.stop(timeoutMs)
    const { events } = this.#components
    events.removeEventListener('connection:open', this.#onOpen)
    events.removeEventListener('connection:close', this.#onClose)
    this.#channels.stop()
    this.#announcer.streams.end()
    this.#phase = 'stopped'
    this.#stopping = undefined
  }
}
