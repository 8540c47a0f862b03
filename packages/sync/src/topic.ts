import type { TimerHandle } from '@starling/ports'
import { RECONCILE_JITTER, type SyncConfig } from './config.ts'
import type { SyncHandle, RoundEvent, SyncComponents, SyncSessionInfo, TopicOptions } from './types.ts'
import { Link } from './link.ts'
import type { LinkHost } from './link-host.ts'
import type { PeerKey } from './ports.ts'
import { pick } from '@starling/ports'
import { SyncClosedError } from './errors.ts'

/** What a topic needs of the manager. */
export type TopicHost = Pick<LinkHost, 'components' | 'config' | 'slots' | 'transport'> & {
  counted(event: 'session' | 'listenerFailed'): void
  roundEnded(topic: Topic, event: RoundEvent): void
  push(topic: Topic, peer: PeerKey, payload: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array>
  /** The last handle was closed. */
  ended(topic: Topic): void
}

type Listener = (event: RoundEvent) => void

/** An open topic: a link per neighbour and per peer that came to us, and the rounds it starts by itself. */
export class Topic {
  readonly name: string
  readonly options: TopicOptions
  readonly #host: TopicHost
  readonly #components: SyncComponents
  readonly #config: SyncConfig
  readonly #links: Map<PeerKey, Link> = new Map()
  readonly #handles: Set<TopicHandle> = new Set()
  readonly #stopListening: () => void
  /** Peers that news from others are to be offered to. */
  readonly #owed: Set<PeerKey> = new Set()
  #newsPause: TimerHandle | undefined
  #timer: TimerHandle | undefined
  #closing: Promise<void> | undefined

  constructor(name: string, options: TopicOptions, host: TopicHost) {
    this.name = name
    this.options = options
    this.#host = host
    this.#components = host.components
    this.#config = host.config
    this.#stopListening = options.neighbors.onNeighbor(() => this.refresh())
    this.#scheduleRound()
    this.refresh()
  }

  get links(): readonly Link[] {
    return [...this.#links.values()]
  }

  /** Reads the neighbours again and makes the links match. The event that led here is a hint, not the truth. */
  refresh(): void {
    if (this.#closing !== undefined) return
    const self = this.#components.sessions.self
    const neighbors = new Set(this.options.neighbors.neighbors().filter(peer => peer !== self))
    for (const peer of neighbors) this.#linkWith(peer).setWanted(true)
    for (const link of this.links) if (!neighbors.has(link.peer)) link.setWanted(false)
  }

  transportChanged(peer: PeerKey, up: boolean): void {
    const link = this.#links.get(peer)
    if (up) link?.transportUp()
    else link?.update()
  }

  /** The link for a peer that opened a channel to us; `undefined` when there are too many strangers. */
  linkFor(peer: PeerKey): Link | undefined {
    if (this.#closing !== undefined) return undefined
    if (!this.#links.has(peer) && this.#links.size >= this.#config.peersPerTopicMax) return undefined
    return this.#linkWith(peer)
  }

  handle(): SyncHandle {
    const handle = new TopicHandle(this)
    this.#handles.add(handle)
    return handle
  }

  reconcile(peer: PeerKey | undefined, now: boolean): void {
    for (const link of this.links) {
      if (link.hasSession && (peer === undefined || link.peer === peer)) link.reconcile(now)
    }
  }

  push(peer: PeerKey, payload: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    return this.#host.push(this, peer, payload, signal)
  }

  /** A handle was closed; the last one ends the topic. */
  async dropHandle(handle: TopicHandle): Promise<void> {
    this.#handles.delete(handle)
    if (this.#handles.size === 0) await this.close()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stopListening()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#newsPause?.cancel()
    this.#newsPause = undefined
    this.#host.ended(this)
    const links = this.links
    await Promise.all(links.map(link => link.close()))
    this.#links.clear()
    this.#handles.clear()
  }

  #linkWith(peer: PeerKey): Link {
    const known = this.#links.get(peer)
    if (known !== undefined) return known
    const host = this.#host
    const link = new Link(peer, {
      topic: this.name,
      protocol: this.options.protocol,
      components: host.components,
      config: host.config,
      slots: host.slots,
      transport: key => host.transport(key),
      onRound: event => this.#onRound(event),
      onSession: () => host.counted('session'),
      idle: one => {
        if (this.#links.get(one.peer) === one) this.#links.delete(one.peer)
      }
    })
    this.#links.set(peer, link)
    return link
  }

  #onRound(event: RoundEvent): void {
    this.#host.roundEnded(this, event)
    if (event.outcome?.news === true && this.#closing === undefined) this.#passOn(event.peer)
    for (const handle of this.#handles) {
      for (const listener of handle.listeners) {
        try {
          listener(event)
        } catch {
          this.#host.counted('listenerFailed')
        }
      }
    }
  }

  /**
   * What broadcast did not bring travels from neighbour to neighbour by rounds: each is asked at once, and equal ones end it.
   * The pause bounds what a neighbour with endless news can cause.
   */
  #passOn(from: PeerKey): void {
    for (const peer of this.#links.keys()) if (peer !== from) this.#owed.add(peer)
    if (this.#newsPause === undefined) this.#offerNews()
  }

  #offerNews(): void {
    for (const peer of this.#owed) this.reconcile(peer, false)
    this.#owed.clear()
    this.#newsPause = this.#components.timers.schedule(this.#config.newsIntervalMs, () => {
      this.#newsPause = undefined
      if (this.#owed.size > 0) this.#offerNews()
    })
  }

  #scheduleRound(): void {
    const { reconcileIntervalMs } = this.#config
    const { random, timers } = this.#components
    const jitter = 1 + RECONCILE_JITTER * (2 * random.float() - 1)
    this.#timer = timers.schedule(reconcileIntervalMs * jitter, () => {
      const link = pick(
        random,
        this.links.filter(one => one.wanted && one.hasSession)
      )
      if (link?.syncing === false) link.reconcile(false)
      this.#scheduleRound()
    })
  }
}

/** One holder of a topic. */
class TopicHandle implements SyncHandle {
  readonly topic: string
  readonly listeners: Set<Listener> = new Set()
  readonly #topic: Topic
  #closing: Promise<void> | undefined

  constructor(topic: Topic) {
    this.topic = topic.name
    this.#topic = topic
  }

  sessions(): readonly SyncSessionInfo[] {
    return this.#closing === undefined ? this.#topic.links.map(link => link.info) : []
  }

  peers(): readonly PeerKey[] {
    const links = this.#closing === undefined ? this.#topic.links : []
    return links.filter(link => link.hasSession).map(link => link.peer)
  }

  onRound(listener: Listener): () => void {
    this.#assertOpen()
    // Wrapped, so that one function added twice is called twice and removed once.
    const own: Listener = event => listener(event)
    this.listeners.add(own)
    return () => void this.listeners.delete(own)
  }

  reconcile(peer?: PeerKey): void {
    this.#assertOpen()
    this.#topic.reconcile(peer, true)
  }

  async push(
    peer: PeerKey,
    payload: Uint8Array,
    options?: { readonly signal?: AbortSignal }
  ): Promise<Uint8Array> {
    this.#assertOpen()
    return await this.#topic.push(peer, payload, options?.signal)
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.listeners.clear()
      this.#closing = this.#topic.dropHandle(this)
    }
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined)
      throw new SyncClosedError(`the handle on topic ${JSON.stringify(this.topic)}`)
  }
}
