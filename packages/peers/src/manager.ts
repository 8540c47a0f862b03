import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { createAdmission, type Admission } from './admission.ts'
import { AddressBook } from './address-book.ts'
import { Channels } from './channels.ts'
import {
  INCARNATION_RANDOM_BITS,
  PEERS_MAX,
  PENDING_INBOUND_MAX,
  resolveTimings,
  STOP_TIMEOUT_MS,
  type PeersTimings
} from './config.ts'
import { Counters } from './counters.ts'
import { limited } from './dialler.ts'
import { Dials } from './dials.ts'
import { TooManyPeersError } from './errors.ts'
import { infoOf } from './info.ts'
import { Link } from './link.ts'
import type { LinkHost } from './link-host.ts'
import { Listeners } from './listeners.ts'
import { isForgettable } from './peer-draft.ts'
import { stepPeer } from './peer-machine.ts'
import { PeerRecord } from './peer-record.ts'
import type { PeerEffect, PeerInput } from './peer-types.ts'
import { isOpen, type FramedChannel, type PeersComponents } from './ports.ts'
import { PeerSession } from './session.ts'
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

/** Carries out what the machines decide: dials, links, timers, events. It takes no decision about a peer of its own. */
export class PeerManager implements Peers {
  readonly self: string
  readonly #components: PeersComponents
  readonly #init: PeersInit
  readonly #timings: PeersTimings
  readonly #admission: Admission
  readonly #counters = new Counters()
  readonly #book = new AddressBook()
  readonly #records = new Map<string, PeerRecord>()
  readonly #links = new Map<string, Link>()
  readonly #listeners: Listeners<SessionEvent>
  readonly #rejectionListeners: Listeners<RejectionEvent>
  readonly #dials: Dials
  readonly #channels: Channels
  readonly #onOpen = (event: CustomEvent<Connection>): void => this.#connectionOpened(event.detail)
  readonly #onClose = (event: CustomEvent<Connection>): void => this.#links.get(event.detail.id)?.lost('lost')
  #host: LinkHost
  #phase: Phase = 'stopped'
  #stopping: Promise<void> | undefined
  #quiet: (() => void) | undefined
  #attempts = 0
  /** Numbers of accepted connections count downwards, so that they never meet those of dials. */
  #accepted = 0

  constructor(components: PeersComponents, init: PeersInit) {
    this.self = components.peerId.toString()
    this.#components = components
    this.#init = init
    this.#timings = resolveTimings(init.timings)
    this.#admission = createAdmission(init.cluster, components.hash)
    this.#host = this.#createHost(0n)
    const onError = (): void => this.#counters.add('listenerErrors')
    this.#listeners = new Listeners(onError)
    this.#rejectionListeners = new Listeners(onError)
    this.#dials = new Dials({
      parts: components,
      book: this.#book,
      resolve: init.resolve,
      timings: this.#timings,
      counters: this.#counters,
      opened: (record, attempt, connection) => this.#dialled(record, attempt, connection),
      failed: (record, attempt, error) => {
        const failure = { error, refused: false, duplicate: false }
        this.#input(record, { type: 'dialFailed', attempt, failure })
      },
      settled: () => this.#checkQuiet()
    })
    this.#channels = new Channels(components, {
      linkOf: connection => this.#links.get(connection.id),
      sessionOf: link => this.#sessionOf(link),
      counters: this.#counters
    })
  }

  start(): void {
    if (this.#phase !== 'stopped') return
    const { clock, random, events, connectionManager } = this.#components
    const started = BigInt(Math.max(0, Math.floor(clock.wallMs())))
    const bits = BigInt(random.below(2 ** INCARNATION_RANDOM_BITS))
    this.#host = this.#createHost((started << BigInt(INCARNATION_RANDOM_BITS)) | bits)
    this.#phase = 'running'
    this.#channels.start()
    events.addEventListener('connection:open', this.#onOpen)
    events.addEventListener('connection:close', this.#onClose)
    for (const connection of connectionManager.getConnections()) this.#connectionOpened(connection)
    for (const record of this.#records.values()) {
      this.#input(record, { type: 'want', wanted: record.wanted, fresh: true })
    }
  }

  stop(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#phase === 'stopped') return Promise.resolve()
    this.#stopping ??= this.#stop(options.timeoutMs ?? STOP_TIMEOUT_MS)
    return this.#stopping
  }

  sessions(): readonly Session[] {
    const sessions: Session[] = []
    for (const { session } of this.#records.values()) if (session !== undefined) sessions.push(session)
    return sessions
  }

  want(peer: string, options: WantOptions): Intent {
    this.#checkWant(peer, options)
    if (this.#phase === 'stopping') return { release() {} }
    const record = this.#recordOf(peer)
    if (record === undefined) throw new TooManyPeersError(PEERS_MAX)
    if (options.addresses !== undefined) this.#book.add(peer, options.addresses)
    const intent: Intent = {
      release: () => {
        if (!record.intents.delete(intent)) return
        this.#input(record, { type: 'want', wanted: record.wanted, fresh: false })
        this.#forget(record)
      }
    }
    record.intents.set(intent, options.mode)
    this.#input(record, { type: 'want', wanted: record.wanted, fresh: true })
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
    return [...this.#records.values()].map(record => infoOf(record, this.#book.get(record.peer)))
  }

  stats(): PeersStats {
    return {
      ...this.#counters.read(),
      sessions: this.sessions().length,
      peers: this.#records.size,
      connections: this.#links.size
    }
  }

  #createHost(incarnation: bigint): LinkHost {
    const { clock, timers, random, hmac } = this.#components
    const components = this.#components
    return {
      self: this.self,
      admission: this.#admission,
      incarnation,
      get mux() {
        return components.mux
      },
      timings: this.#timings,
      clock,
      timers,
      random,
      hmac,
      counters: this.#counters,
      wanted: peer => (this.#records.get(peer)?.intents.size ?? 0) > 0,
      input: (link, input) => this.#linkInput(link, input),
      rejected: (link, error) => this.#rejectionListeners.tell({ peer: link.peer, error })
    }
  }

  #checkWant(peer: string, options: WantOptions): void {
    if (options?.mode !== 'once' && options?.mode !== 'continuous') {
      throw new TypeError(`mode must be 'once' or 'continuous', got ${String(options?.mode)}`)
    }
    if (peer === this.self) throw new TypeError('a node cannot want a session with itself')
    try {
      peerIdFromString(peer)
    } catch (cause) {
      throw new TypeError(`'${String(peer).slice(0, 80)}' is not a peer id`, { cause })
    }
  }

  #recordOf(peer: string): PeerRecord | undefined {
    const known = this.#records.get(peer)
    if (known !== undefined) return known
    if (this.#records.size >= PEERS_MAX) return undefined
    const record = new PeerRecord(peer, this.#attempts)
    this.#records.set(peer, record)
    return record
  }

  /** Feeds a machine and carries its effects out, one input at a time even when a listener causes the next. */
  #input(record: PeerRecord, input: PeerInput): void {
    if (this.#phase === 'stopped') return
    record.inbox.push(input)
    if (record.handling) return
    record.handling = true
    for (let next = record.inbox.shift(); next !== undefined; next = record.inbox.shift()) {
      const { state, effects } = stepPeer(record.state, next, {
        selfGreater: this.self > record.peer,
        nowMs: this.#components.clock.monotonicMs(),
        random: () => this.#components.random.float()
      })
      record.state = state
      this.#attempts = Math.max(this.#attempts, state.attempts)
      for (const effect of effects) this.#carryOut(record, effect)
    }
    record.handling = false
    this.#forget(record)
  }

  #carryOut(record: PeerRecord, effect: PeerEffect): void {
    switch (effect.type) {
      case 'dial':
        return void this.#dials.run(record, effect.attempt)
      case 'cancelDial':
        return record.dialAbort?.abort(new Error('the peer manager stops'))
      case 'handshake':
        return record.links.get(effect.attempt)?.start()
      case 'decide':
        return record.links.get(effect.attempt)?.decide(effect.accept)
      case 'up':
        return this.#up(record, effect.attempt)
      case 'down':
        return this.#down(record, effect.reason)
      case 'drain':
        if (effect.code === 'duplicate') this.#counters.add('duplicatesClosed')
        return record.links.get(effect.attempt)?.drain(effect.code)
      case 'close':
        if (effect.code === 'duplicate') this.#counters.add('duplicatesClosed')
        return record.links.get(effect.attempt)?.close()
      case 'schedule':
        return this.#schedule(record, effect)
      case 'unschedule':
        return record.clearTimer(effect.timer, effect.number)
      case 'failed': {
        const { error } = effect.failure
        return this.#listeners.tell({ type: 'failed', peer: record.peer, reason: error.name, error })
      }
    }
  }

  #dialled(record: PeerRecord, attempt: number, connection: Connection): void {
    const link = this.#addLink(record, connection, attempt, true)
    this.#input(record, { type: 'dialled', attempt })
    if (!isOpen(connection)) link.lost('lost')
  }

  #addLink(record: PeerRecord, connection: Connection, attempt: number, initiator: boolean): Link {
    const link = new Link(this.#host, connection, record.peer, attempt, initiator)
    record.links.set(attempt, link)
    this.#links.set(connection.id, link)
    return link
  }

  #connectionOpened(connection: Connection): void {
    if (this.#links.has(connection.id) || !isOpen(connection)) return
    const peer = connection.remotePeer.toString()
    if (connection.direction === 'outbound') {
      return this.#dials.closeLate(this.#records.get(peer), connection)
    }
    const record = this.#phase === 'running' && this.#pendingInbound() ? this.#recordOf(peer) : undefined
    if (record === undefined) {
      this.#counters.add('inboundRefused')
      return void connection
        .close()
        .catch(() => connection.abort(new Error('no room for another connection')))
    }
    const attempt = --this.#accepted
    this.#addLink(record, connection, attempt, false)
    this.#input(record, { type: 'accepted', attempt })
  }

  #pendingInbound(): boolean {
    let pending = 0
    for (const link of this.#links.values()) if (!link.initiator && link.handshaking) pending++
    return pending < PENDING_INBOUND_MAX
  }

  #linkInput(link: Link, input: PeerInput): void {
    const record = this.#records.get(link.peer)
    if (input.type === 'closed') {
      this.#links.delete(link.connection.id)
      record?.links.delete(link.attempt)
    }
    if (record !== undefined) this.#input(record, input)
    if (input.type === 'closed') this.#checkQuiet()
  }

  #up(record: PeerRecord, attempt: number): void {
    const link = record.links.get(attempt)
    if (link === undefined) return
    const session = new PeerSession(this.#components.mux, link)
    record.session = session
    this.#counters.add('sessionsUp')
    this.#listeners.tell({ type: 'up', session })
    // Channels the peer opened early come in only now, when the listeners know the session.
    link.up()
  }

  #down(record: PeerRecord, reason: string): void {
    const { session } = record
    if (session === undefined) return
    record.session = undefined
    session.close()
    this.#counters.add(reason === 'replaced' ? 'sessionsReplaced' : 'sessionsDown')
    this.#listeners.tell({ type: 'down', session, reason })
  }

  #schedule(record: PeerRecord, effect: PeerEffect & { type: 'schedule' }): void {
    const { timer, number } = effect
    const handle = this.#components.timers.schedule(effect.delayMs, () => {
      record.clearTimer(timer, number)
      this.#input(record, { type: 'timer', timer, number })
    })
    record.setTimer(timer, number, handle)
  }

  #sessionOf(link: Link): PeerSession | undefined {
    const session = this.#records.get(link.peer)?.session
    return session?.link === link ? session : undefined
  }

  /** A record that holds nothing is dropped; the address book keeps the addresses. */
  #forget(record: PeerRecord): void {
    if (record.handling || record.intents.size > 0 || record.links.size > 0) return
    if (isForgettable(record.state) && this.#records.get(record.peer) === record)
      this.#records.delete(record.peer)
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#phase = 'stopping'
    const quiet = new Promise<void>(resolve => {
      this.#quiet = resolve
    })
    const limit = limited(this.#components.timers, timeoutMs)
    const late = new Promise<void>(resolve => {
      limit.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    for (const record of [...this.#records.values()]) {
      record.intents.clear()
      this.#input(record, { type: 'stop' })
    }
    this.#checkQuiet()
    await Promise.race([quiet, late])
    limit.dispose()
    for (const link of [...this.#links.values()]) link.abort('stopped')
    this.#end()
  }

  /** Whether nothing is left to wait for. */
  #checkQuiet(): void {
    if (this.#phase === 'stopping' && this.#links.size === 0 && this.#dials.running === 0) this.#quiet?.()
  }

  #end(): void {
    const { events } = this.#components
    events.removeEventListener('connection:open', this.#onOpen)
    events.removeEventListener('connection:close', this.#onClose)
    this.#channels.stop()
    for (const record of this.#records.values()) record.clearTimers()
    this.#records.clear()
    this.#links.clear()
    this.#phase = 'stopped'
    this.#stopping = undefined
    this.#quiet = undefined
  }
}
