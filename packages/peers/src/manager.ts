import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { AddressBook } from './address-book.ts'
import { createAdmission } from './admission.ts'
import { Channels } from './channels.ts'
import { PEERS_MAX, resolveTimings, STOP_TIMEOUT_MS } from './config.ts'
import { Counters } from './counters.ts'
import { TooManyPeersError } from './errors.ts'
import { infoOf } from './info.ts'
import { Listeners } from './listeners.ts'
import { PeerDriver } from './peer-driver.ts'
import type { FramedChannel, PeersComponents } from './ports.ts'
import type {
  Intent,
  PeerInfo,
  Peers,
  PeersInit,
  PeersStats,
  RejectionEvent,
  Session,
  SessionEvent,
  WantOptions
} from './types.ts'

type Phase = 'stopped' | 'running' | 'stopping'

/** The peer manager's face: checks what callers ask for, and leaves the rest to the driver. */
export class PeerManager implements Peers {
  readonly self: string
  readonly #components: PeersComponents
  readonly #init: PeersInit
  readonly #counters = new Counters()
  readonly #book = new AddressBook()
  readonly #listeners: Listeners<SessionEvent>
  readonly #rejectionListeners: Listeners<RejectionEvent>
  readonly #driver: PeerDriver
  readonly #channels: Channels
  readonly #onOpen = (event: CustomEvent<Connection>): void => this.#driver.connectionOpened(event.detail)
  readonly #onClose = (event: CustomEvent<Connection>): void =>
    this.#driver.links.get(event.detail.id)?.lost('lost')
  #phase: Phase = 'stopped'
  #stopping: Promise<void> | undefined

  constructor(components: PeersComponents, init: PeersInit) {
    this.self = components.peerId.toString()
    this.#components = components
    this.#init = init
    const onError = (): void => this.#counters.add('listenerErrors')
    this.#listeners = new Listeners(onError)
    this.#rejectionListeners = new Listeners(onError)
    this.#driver = new PeerDriver({
      self: this.self,
      components,
      timings: resolveTimings(init.timings),
      admission: createAdmission(init.cluster, components.hash),
      resolve: init.resolve,
      book: this.#book,
      counters: this.#counters,
      sessions: this.#listeners,
      rejections: this.#rejectionListeners
    })
    this.#channels = new Channels(components, {
      linkOf: connection => this.#driver.links.get(connection.id),
      sessionOf: link => this.#driver.sessionOf(link),
      counters: this.#counters
    })
  }

  start(): void {
    if (this.#phase !== 'stopped') return
    const { events, connectionManager } = this.#components
    this.#driver.start()
    this.#phase = 'running'
    this.#channels.start()
    events.addEventListener('connection:open', this.#onOpen)
    events.addEventListener('connection:close', this.#onClose)
    for (const connection of connectionManager.getConnections()) this.#driver.connectionOpened(connection)
    for (const record of this.#driver.records.values()) {
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
    this.#checkWant(peer, options)
    if (this.#phase === 'stopping') return { release() {} }
    const record = this.#driver.recordOf(peer)
    if (record === undefined) throw new TooManyPeersError(PEERS_MAX)
    if (options.addresses !== undefined) this.#book.add(peer, options.addresses)
    const intent: Intent = {
      release: () => {
        if (!record.intents.delete(intent)) return
        this.#driver.input(record, { type: 'want', wanted: record.wanted, fresh: false })
        this.#driver.forget(record)
      }
    }
    record.intents.set(intent, options.mode)
    this.#driver.input(record, { type: 'want', wanted: record.wanted, fresh: true })
    return intent
  }

  onSession(listener: (event: SessionEvent) => void): () => void {
    return this.#listeners.add(listener)
  }

  onRejection(listener: (event: RejectionEvent) => void): () => void {
    return this.#rejectionListeners.add(listener)
  }

  handleChannel(tag: string, handler: (channel: FramedChannel, session: Session) => void): () => void {
    return this.#channels.handle(tag, handler)
  }

  addresses(peer: string): readonly string[] {
    return peer === this.self ? this.ownAddresses() : this.#book.get(peer)
  }

  ownAddresses(): readonly string[] {
    if (this.#init.announce !== undefined) return this.#init.announce
    return (this.#components.addressManager?.getAddresses() ?? []).map(address => address.toString())
  }

  peers(): readonly PeerInfo[] {
    return [...this.#driver.records.values()].map(record => infoOf(record, this.#book.get(record.peer)))
  }

  stats(): PeersStats {
    return {
      ...this.#counters.read(),
      sessions: this.sessions().length,
      peers: this.#driver.records.size,
      connections: this.#driver.links.size
    }
  }

  #checkWant(peer: string, options: WantOptions): void {
    if (options?.mode !== 'once' && options?.mode !== 'continuous') {
      throw new TypeError(`mode must be 'once' or 'continuous', got ${String(options?.mode)}`)
    }
    if (typeof peer !== 'string') throw new TypeError(`a peer id is a text, got ${typeof peer}`)
    if (peer === this.self) throw new TypeError('a node cannot want a session with itself')
    try {
      peerIdFromString(peer)
    } catch (cause) {
      throw new TypeError(`'${peer.slice(0, 80)}' is not a peer id`, { cause })
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#phase = 'stopping'
    await this.#driver.stop(timeoutMs)
    const { events } = this.#components
    events.removeEventListener('connection:open', this.#onOpen)
    events.removeEventListener('connection:close', this.#onClose)
    this.#channels.stop()
    this.#phase = 'stopped'
    this.#stopping = undefined
  }
}
