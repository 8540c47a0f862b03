import type { Hash, Random } from '@starling/ports'
import { Announcer } from './announcer.ts'
import type { PlumtreeConfig } from './config.ts'
import { Core, type Link } from './core.ts'
import { Expiry } from './expiry.ts'
import type { CachedMessage } from './message-cache.ts'
import { hex, messageId, ORIGIN_BYTES } from './message-id.ts'
import { Repair } from './repair.ts'
import type { PlumtreeStats } from './stats.ts'
import { ROUND_MAX, Tree } from './tree.ts'
import type {
  GossipMessage,
  GraftMessage,
  IHaveMessage,
  Input,
  Message,
  MessageId,
  Output,
  PeerKey,
  RejectionReason,
  Timer,
  UnavailableMessage
} from './types.ts'

/** What a machine is given besides its configuration. */
export interface PlumtreePorts {
  readonly random: Random
  readonly hash: Hash
}

const NOBODY: ReadonlySet<PeerKey> = new Set()

/**
 * One topic's broadcast tree at one node.
 *
 * Feed it every input in order; perform the outputs in order. It never throws for anything a peer can send.
 */
export class Plumtree {
  readonly #core: Core
  readonly #announcer: Announcer
  readonly #repair: Repair
  readonly #tree: Tree
  readonly #expiry: Expiry
  readonly #hash: Hash
  readonly #random: Random
  readonly #origin: string
  #sequence = 0
  #newestOwn: MessageId | undefined

  /** @param config a complete configuration, see `plumtreeConfig`. */
  constructor(config: PlumtreeConfig, ports: PlumtreePorts) {
    this.#core = new Core(config)
    this.#announcer = new Announcer(this.#core)
    this.#repair = new Repair(this.#core, this.#announcer)
    this.#tree = new Tree(this.#core, this.#announcer, this.#repair)
    this.#expiry = new Expiry(this.#core)
    this.#hash = ports.hash
    this.#random = ports.random
    this.#origin = hex(ports.random.bytes(ORIGIN_BYTES))
  }

  /** One step. `nowMs` is monotonic time; one that goes back counts as standing still. */
  handle(input: Input, nowMs: number): Output[] {
    this.#core.begin(nowMs)
    switch (input.type) {
      case 'neighborUp':
        this.#neighborUp(input.peer)
        break
      case 'neighborDown':
        this.#neighborDown(input.peer, input.failed ?? true)
        break
      case 'message':
        this.#message(input.from, input.message)
        break
      case 'broadcast':
        this.#broadcast(input.payload)
        break
      case 'timer':
        this.#timer(input.timer)
        break
      case 'leave':
        this.#leave()
        break
    }
    return this.#core.end()
  }

  /** The id that the newest own broadcast has on every node; undefined before the first. */
  get newestOwn(): MessageId | undefined {
    return this.#newestOwn
  }

  /** Neighbours that get payloads. */
  eagerPeers(): PeerKey[] {
    return [...this.#core.links.values()].filter(link => link.eager).map(link => link.peer)
  }

  /** Neighbours that get announcements: the links an overlay may exchange without touching the tree. */
  lazyPeers(): PeerKey[] {
    return [...this.#core.links.values()].filter(link => !link.eager).map(link => link.peer)
  }

  /** Whether the peer is a neighbour outside the tree. */
  isLazy(peer: PeerKey): boolean {
    return this.#core.links.get(peer)?.eager === false
  }

  stats(): PlumtreeStats {
    const { links, cache, counts, eagerCount } = this.#core
    let queued = 0
    for (const link of links.values()) queued += link.queue.size
    return {
      ...counts,
      sent: { ...counts.sent },
      received: { ...counts.received },
      rejected: { ...counts.rejected },
      eager: eagerCount,
      lazy: links.size - eagerCount,
      cached: cache.count,
      cachedBytes: cache.bytes,
      seen: this.#core.seen.size,
      missing: this.#repair.size,
      queued,
      unsent: cache.unsentCount,
      unsentDropped: cache.unsentDropped
    }
  }

  /**
   * A neighbour appears (§3.6). Deviation: the paper adds it to the eager set; here it starts lazy, and hears at once of
   * everything recent. Measured: no redundant copy, not even of the first message, which takes three trips for each hop.
   */
  #neighborUp(peer: PeerKey): void {
    if (this.#core.links.has(peer)) return
    const { config, nowMs, cache } = this.#core
    const recent = cache.recent(nowMs - config.recentMs)
    const unsent = cache.unsent()
    const link = this.#core.addLink(peer, config.newLinks === 'eager')
    // Broadcasts made while isolated leave as payloads, over the first link there is.
    if (unsent.length > 0) this.#repair.join(link)
    for (const entry of unsent) this.#tree.push(link, entry)
    for (const entry of recent) if (entry.from !== peer) this.#announcer.enqueue(link, entry.id)
    if (link.queue.size > 0) this.#announcer.flush(link)
    this.#announcer.rest()
  }

  /** A neighbour disappears (§3.6): out of both sets, and its announcements with it. */
  #neighborDown(peer: PeerKey, failed: boolean): void {
    const link = this.#core.links.get(peer)
    if (link === undefined) return
    this.#core.removeLink(link)
    if (failed) this.#core.alarm()
    this.#repair.linkDown(peer)
    if (link.eager) this.#tree.lost(peer)
  }

  /** Broadcast (§3.3): to the eager peers at once, to the lazy ones as an announcement, never back to the caller. */
  #broadcast(payload: Uint8Array): void {
    const { config, nowMs, counts } = this.#core
    if (payload.length > config.payloadBytesMax) {
      throw new RangeError(`a broadcast holds at most ${config.payloadBytesMax} bytes, got ${payload.length}`)
    }
    const sequence = this.#sequence++
    const entry: CachedMessage = {
      id: messageId(this.#hash, this.#origin, sequence, payload),
      origin: this.#origin,
      sequence,
      round: 0,
      payload,
      receivedMs: nowMs,
      freshMs: nowMs,
      from: undefined,
      arrivalMs: undefined,
      unsent: true
    }
    counts.broadcasts++
    this.#newestOwn = entry.id
    this.#remember(entry)
    // Deviation: a sender outside the tree starts it over one link, since nobody may be waiting for its announcement.
    if (this.#core.eagerCount === 0 && this.#core.links.size > 0) {
      const links = [...this.#core.links.values()]
      this.#repair.join(links[this.#random.below(links.length)] as Link)
    }
    this.#tree.spread(entry, NOBODY)
  }

  #message(from: PeerKey, message: Message): void {
    this.#core.counts.received[message.type]++
    const link = this.#core.links.get(from)
    if (link === undefined) {
      // Only the overlay decides who is a neighbour. A payload already on its way is still good; nothing else is.
      this.#core.counts.strangers++
      this.#core.emit({ type: 'stranger', peer: from })
      if (message.type === 'gossip') this.#gossip(from, undefined, message)
      return
    }
    switch (message.type) {
      case 'gossip':
        return this.#gossip(from, link, message)
      case 'ihave':
        return this.#ihave(link, message)
      case 'graft':
        return this.#graft(link, message)
      case 'prune':
        // PRUNE (§3.4): the sender has this payload by a better way.
        return this.#core.demote(link)
      case 'unavailable':
        return this.#unavailable(link, message)
    }
  }

  #gossip(from: PeerKey, link: Link | undefined, message: GossipMessage): void {
    const { id, payload } = message
    if (payload.length > this.#core.config.payloadBytesMax) return this.#reject(from, 'oversize')
    if (this.#core.seen.has(id)) {
      this.#core.counts.duplicates++
      if (link !== undefined) this.#tree.duplicate(link, id)
      return
    }
    if (messageId(this.#hash, message.origin, message.sequence, payload) !== id) {
      // The id stays unknown, so that the real payload is not shut out by a forged one.
      this.#reject(from, 'idMismatch')
      if (link !== undefined) this.#repair.unavailable(link, id)
      return
    }
    const { nowMs, counts } = this.#core
    const missing = this.#repair.received(id, link)
    const round = Math.min(ROUND_MAX, message.round)
    const entry: CachedMessage = {
      id,
      origin: message.origin,
      sequence: message.sequence,
      round,
      payload,
      receivedMs: nowMs,
      freshMs: nowMs,
      from,
      arrivalMs: missing?.asked === undefined ? nowMs : undefined,
      unsent: false
    }
    counts.delivered++
    this.#remember(entry)
    this.#core.emit({ type: 'deliver', id, payload, from, round })
    if (link !== undefined) {
      // The first copy's link is part of the tree (§3.4), if it is a link of the overlay at all.
      this.#core.knows(link, id)
      if (missing?.asked !== from || !missing.pulled) this.#repair.join(link)
    }
    const holders = new Set([from])
    if (missing !== undefined) for (const source of missing.sources) holders.add(source.peer)
    this.#tree.spread(entry, holders)
    if (missing !== undefined) this.#tree.learn(entry, missing)
  }

  #ihave(link: Link, message: IHaveMessage): void {
    const { config, seen } = this.#core
    if (message.announcements.length > config.announcementsMax) return this.#reject(link.peer, 'tooManyIds')
    link.fresh = false
    for (const { id, heldMs } of message.announcements) {
      this.#core.knows(link, id)
      if (!seen.has(id)) this.#repair.announced(link, id, heldMs)
      else if (heldMs <= config.optimizeHeldMs) this.#tree.compare(link, id, this.#core.nowMs - heldMs)
    }
  }

  #graft(link: Link, message: GraftMessage): void {
    if (message.ids.length > this.#core.config.graftIdsMax) return this.#reject(link.peer, 'tooManyIds')
    this.#tree.grafted(link, message)
  }

  #unavailable(link: Link, message: UnavailableMessage): void {
    if (message.ids.length > this.#core.config.graftIdsMax) return this.#reject(link.peer, 'tooManyIds')
    for (const id of message.ids) this.#repair.unavailable(link, id)
  }

  #timer(timer: Timer): void {
    if (timer.type === 'graft') this.#repair.onTimer(timer.turn)
    else if (timer.type === 'announce') this.#announcer.onTimer(timer.turn)
    else if (timer.type === 'rest') this.#announcer.onRest(timer.turn)
    else this.#expiry.onTimer(timer.turn)
  }

  #leave(): void {
    this.#core.clearLinks()
    this.#core.cache.clear()
    this.#core.seen.clear()
    this.#announcer.clear()
    this.#repair.clear()
    this.#tree.clear()
    this.#core.shaping.clear()
    this.#expiry.clear()
  }

  #remember(entry: CachedMessage): void {
    this.#core.cache.put(entry)
    this.#core.seen.add(entry.id, this.#core.nowMs)
    this.#core.shaping.observe(entry.origin, this.#core.nowMs)
    this.#expiry.started()
  }

  #reject(from: PeerKey, reason: RejectionReason): void {
    this.#core.counts.rejected[reason]++
    this.#core.emit({ type: 'rejected', from, reason })
  }
}
