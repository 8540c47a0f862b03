import { DecodeError } from '@starling/codec'
import {
  decodeMessage as decodeOverlay,
  encodeMessage as encodeOverlay,
  HyParView
} from '@starling/hyparview'
import type { Input as OverlayInput, Output as OverlayOutput, PeerInfo } from '@starling/hyparview'
import { decodeMessage as decodeTree, encodeMessage as encodeTree, Plumtree } from '@starling/plumtree'
import type { Input as TreeInput, Message as TreeMessage, Output as TreeOutput } from '@starling/plumtree'
import type { Clock, Hash, Log, Random } from '@starling/ports'
import { decodeAddresses, encodeAddresses } from './addresses.ts'
import type { BroadcastTap } from './broadcast-tap.ts'
import { STRANGER_AGE_MS, type GossipConfig } from './config.ts'
import { TopicLeftError } from './errors.ts'
import type { Link } from './link.ts'
import { Listeners } from './listeners.ts'
import type { Links, TopicReceiver } from './links.ts'
import { OVERLOAD_WEIGHT } from './offences.ts'
import type { PeerKey, SessionPort } from './ports.ts'
import type { TimerQueue } from './timer-queue.ts'
import type { Contact, JoinOptions, NeighborEvent, Topic, TopicLink, TopicStats } from './types.ts'

export interface TopicInit {
  readonly name: string
  readonly config: GossipConfig
  readonly links: Links
  readonly tap: BroadcastTap
  readonly log: Log | undefined
  readonly sessions: SessionPort
  readonly clock: Clock
  readonly timers: TimerQueue
  readonly random: Random
  readonly hash: Hash
  /** Waits until what was sent to these peers has left, within the deadline. */
  readonly drained: (peers: readonly PeerKey[]) => Promise<void>
  readonly left: (topic: SwarmTopic) => void
}

type Step =
  | { readonly layer: 'overlay'; readonly input: OverlayInput }
  | { readonly layer: 'tree'; readonly input: TreeInput }

/** One topic: a HyParView machine feeding a Plumtree machine, and the way in and out of both. */
export class SwarmTopic implements Topic, TopicReceiver {
  readonly name: string
  readonly #init: TopicInit
  readonly #overlay: HyParView
  readonly #tree: Plumtree
  /** Since when each is one, on the monotonic clock. */
  readonly #neighbors = new Map<PeerKey, number>()
  readonly #messageListeners: Listeners<[payload: Uint8Array, from: PeerKey]>
  readonly #neighborListeners: Listeners<[event: NeighborEvent]>
  /** Inputs that came up while another was being performed. */
  readonly #steps: Step[] = []
  #running = false
  /** The message sent last in this step. */
  #encoded: { readonly message: TreeMessage; readonly body: Uint8Array } | undefined
  #leaving: Promise<void> | undefined
  #data: string
  #malformed = 0
  #refused = 0

  constructor(init: TopicInit) {
    this.name = init.name
    this.#init = init
    const { config, sessions, random, hash } = init
    this.#messageListeners = new Listeners(config.onListenerError)
    this.#neighborListeners = new Listeners(config.onListenerError)
    const addresses = sessions.ownAddresses()
    this.#data = addresses.join()
    this.#tree = new Plumtree(config.tree, { random, hash })
    this.#overlay = new HyParView(
      { ...config.overlay, mayReplace: peer => this.#tree.isLazy(peer) && config.overlay.mayReplace(peer) },
      { self: sessions.self, data: encodeAddresses(addresses, config.overlay.dataBytesMax), random }
    )
  }

  broadcast(payload: Uint8Array): void {
    if (this.#leaving !== undefined) throw new TopicLeftError(this.name)
    const { payloadBytesMax } = this.#init.config.tree
    if (payload.length > payloadBytesMax) {
      throw new RangeError(
        `a broadcast holds at most ${payloadBytesMax} bytes, got ${payload.length}: split it`
      )
    }
    this.#step({ layer: 'tree', input: { type: 'broadcast', payload } })
  }

  onMessage(listener: (payload: Uint8Array, from: PeerKey) => void): () => void {
    return this.#messageListeners.add(listener)
  }

  neighbors(): readonly PeerKey[] {
    return [...this.#neighbors.keys()]
  }

  links(): readonly TopicLink[] {
    const eager = new Set(this.#tree.eagerPeers())
    return this.neighbors().map(peer => ({ peer, eager: eager.has(peer) }))
  }

  onNeighbor(listener: (event: NeighborEvent) => void): () => void {
    return this.#neighborListeners.add(listener)
  }

  addContacts(contacts: readonly Contact[]): void {
    if (this.#leaving !== undefined) throw new TopicLeftError(this.name)
    this.start({ contacts })
  }

  /** Takes part from the first time on; later ones bring more contacts. */
  start({ contacts, saved = [] }: JoinOptions): void {
    const { dataBytesMax } = this.#init.config.overlay
    const infos = (list: readonly Contact[]): PeerInfo[] =>
      list
        .filter(contact => contact.peer !== this.#init.sessions.self)
        .map(({ peer, addresses }) => ({ id: peer, data: encodeAddresses(addresses, dataBytesMax) }))
    this.#step({ layer: 'overlay', input: { type: 'join', contacts: infos(contacts), saved: infos(saved) } })
  }

  savedPeers(): Contact[] {
    return this.#overlay.savedPeers().map(({ id, data }) => ({ peer: id, addresses: decodeAddresses(data) }))
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  stats(): TopicStats {
    return {
      neighbors: this.#neighbors.size,
      passive: this.#overlay.passiveView.length,
      tree: this.#tree.stats(),
      malformed: this.#malformed,
      refused: this.#refused
    }
  }

  /** A message of one of the two machines at the peer. */
  frame(link: Link, type: 'overlay' | 'tree', body: Uint8Array, answer: () => void): void {
    const step = this.#decode(type, link.peer, body)
    if (step === undefined) {
      this.#malformed++
      link.strike()
      return
    }
    if (type === 'tree' && !this.#neighbors.has(link.peer)) answer()
    this.#step(step)
  }

  /**
   * The peer does not hold the topic, or considers us no neighbour: for the overlay it is lost either way, and will be
   * tried again with growing pauses.
   */
  refused(peer: PeerKey, type: 'unknown' | 'stranger'): void {
    if (type === 'stranger') {
      const sinceMs = this.#neighbors.get(peer)
      // The answer may be about an earlier link to the same peer; a link that is half open is called so again.
      if (sinceMs === undefined || this.#init.clock.monotonicMs() - sinceMs < STRANGER_AGE_MS) return
    }
    this.peerLost(peer)
  }

  peerLost(peer: PeerKey): void {
    this.#step({ layer: 'overlay', input: { type: 'peerLost', peer } })
  }

  peerFound(peer: PeerKey): void {
    this.addContacts([{ peer, addresses: [] }])
  }

  /** This node's addresses may have changed. */
  refreshAddresses(): void {
    const addresses = this.#init.sessions.ownAddresses()
    if (addresses.join() === this.#data) return
    this.#data = addresses.join()
    const data = encodeAddresses(addresses, this.#init.config.overlay.dataBytesMax)
    this.#step({ layer: 'overlay', input: { type: 'setData', data } })
  }

  #decode(layer: 'overlay' | 'tree', from: PeerKey, body: Uint8Array): Step | undefined {
    if (layer === 'tree') {
      const decoded = decodeTree(body, this.#init.config.tree)
      return decoded.ok ? { layer, input: { type: 'message', from, message: decoded.message } } : undefined
    }
    try {
      return { layer, input: { type: 'message', from, message: decodeOverlay(body) } }
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }

  async #leave(): Promise<void> {
    const peers = this.neighbors()
    this.#step({ layer: 'overlay', input: { type: 'leave' } })
    this.#step({ layer: 'tree', input: { type: 'leave' } })
    await this.#init.drained(peers)
    this.#init.left(this)
    this.#messageListeners.clear()
    this.#neighborListeners.clear()
  }

  /** Inputs are performed one after another: what a listener or a port causes meanwhile comes next. */
  #step(step: Step): void {
    this.#steps.push(step)
    if (this.#running) return
    this.#running = true
    try {
      for (let next = this.#steps.shift(); next !== undefined; next = this.#steps.shift()) {
        const nowMs = this.#init.clock.monotonicMs()
        if (next.layer === 'overlay') {
          for (const output of this.#overlay.handle(next.input, nowMs)) this.#performOverlay(output)
        } else {
          for (const output of this.#tree.handle(next.input, nowMs)) this.#performTree(output)
          const { newestOwn } = this.#tree
          if (next.input.type === 'broadcast' && newestOwn !== undefined)
            this.#init.tap.tell(this.name, newestOwn, next.input.payload)
        }
      }
    } finally {
      this.#running = false
      this.#encoded = undefined
    }
  }

  #performOverlay(output: OverlayOutput): void {
    const { links, timers, clock, config, log } = this.#init
    switch (output.type) {
      case 'send': {
        const { to, message } = output
        const farewell = message.type === 'disconnect' || message.type === 'replaced'
        // A farewell is not worth a connection of its own.
        if (farewell && links.find(to)?.session === undefined) return
        const link =
          this.#neighbors.has(to) || farewell
            ? links.find(to)
            : links.want(to, this.name, clock.monotonicMs() + config.holdMs, decodeAddresses(output.data))
        if (link === undefined) return this.peerLost(to)
        link.send({ type: 'overlay', topic: this.name, body: encodeOverlay(message), payload: false })
        return
      }
      case 'schedule': {
        const { timer } = output
        timers.schedule(output.delayMs, () =>
          this.#step({ layer: 'overlay', input: { type: 'timer', timer } })
        )
        return
      }
      case 'neighborUp':
        this.#neighbors.set(output.peer, clock.monotonicMs())
        links.want(output.peer, this.name, Number.POSITIVE_INFINITY, decodeAddresses(output.data))
        this.#step({ layer: 'tree', input: { type: 'neighborUp', peer: output.peer } })
        log?.('%s: %s is a neighbour', this.name, output.peer)
        this.#neighborListeners.tell({ type: 'up', peer: output.peer })
        return
      case 'neighborDown': {
        this.#neighbors.delete(output.peer)
        links.find(output.peer)?.letGo(this.name, clock.monotonicMs() + config.holdMs)
        const failed = output.reason === 'failed'
        this.#step({ layer: 'tree', input: { type: 'neighborDown', peer: output.peer, failed } })
        log?.('%s: %s is no neighbour any more: %s', this.name, output.peer, output.reason)
        this.#neighborListeners.tell({ type: 'down', peer: output.peer })
        return
      }
      case 'reject':
        this.#refused++
        // The other reasons happen to honest peers too, when messages cross.
        if (output.reason === 'invalid') links.find(output.peer)?.strike()
        else if (output.reason === 'tooMany') links.find(output.peer)?.strike(OVERLOAD_WEIGHT)
    }
  }

  #performTree(output: TreeOutput): void {
    const { links, timers, tap } = this.#init
    switch (output.type) {
      case 'send': {
        const payload = output.message.type === 'gossip'
        links
          .find(output.to)
          ?.send({ type: 'tree', topic: this.name, body: this.#encode(output.message), payload })
        return
      }
      case 'deliver':
        this.#messageListeners.tell(output.payload, output.from)
        tap.tell(this.name, output.id, output.payload, output)
        return
      case 'schedule': {
        const { timer } = output
        timers.schedule(output.delayMs, () => this.#step({ layer: 'tree', input: { type: 'timer', timer } }))
        return
      }
      case 'rejected':
        this.#refused++
        links.find(output.from)?.strike()
        return
      case 'stranger':
        // Answered when its frame came in.
        return
    }
  }

  /** A payload for several peers is one message, one after another: it is encoded once. */
  #encode(message: TreeMessage): Uint8Array {
    if (message !== this.#encoded?.message) this.#encoded = { message, body: encodeTree(message) }
    return this.#encoded.body
  }
}
