import { Bucket } from './budget.ts'
import { DEFERRED_MAX, EVICTION_BUDGET } from './config.ts'
import type { Core } from './core.ts'
import type { Refill } from './refill.ts'
import type { PendingRequest } from './requests.ts'
import type { Swaps } from './swaps.ts'
import type {
  DisconnectMessage,
  NeighborMessage,
  NeighborReplyMessage,
  PeerKey,
  ReplacedMessage
} from './types.ts'

/** A request held back: it names a neighbour that has not announced its replacement yet. */
interface Deferred {
  readonly message: NeighborMessage
  readonly untilMs: number
}

/** Requests for neighbours and the ends of links (paper §4.2). A link stands when both ends have agreed to one request. */
export class Neighboring {
  readonly #core: Core
  readonly #refill: Refill
  readonly #swaps: Swaps
  readonly #deferred = new Map<PeerKey, Deferred>()
  readonly #evictions = new Bucket(EVICTION_BUDGET.burst)

  constructor(core: Core, refill: Refill, swaps: Swaps) {
    this.#core = core
    this.#refill = refill
    this.#swaps = swaps
  }

  /** NEIGHBOR. */
  onNeighbor(from: PeerKey, message: NeighborMessage): void {
    const core = this.#core
    if (!core.budgets.take(from, 'neighbor', core.nowMs)) {
      core.reject(from, 'tooMany')
      return core.refuse(from, message.requestId)
    }
    const link = core.active.get(from)
    if (link !== undefined) {
      // Requests crossed, or the peer lost its side and renews. The link is known by both ids from now on.
      if (!link.requestIds.includes(message.requestId)) {
        link.requestIds = [link.requestIds[0] as number, message.requestId]
      }
      return core.reply(from, message.requestId, true)
    }
    if (this.#accepts(from, message)) return this.#accept(from, message)
    if (this.#evictFor(from, message)) return this.#accept(from, message)
    if (this.#defer(from, message)) return
    const asker = { id: from, data: message.data }
    core.asked(asker)
    const hasSlot =
      message.split === undefined && message.replaces === undefined && message.swap === undefined
    if (hasSlot) core.refuseSeeker(asker, message.requestId)
    else core.reply(from, message.requestId, false)
  }

  /** Whether there is, or can be made, a place for the sender. Making one is part of the answer. */
  #accepts(from: PeerKey, message: NeighborMessage): boolean {
    const core = this.#core
    const { active, requests } = core
    if (requests.unreserve(from)) return active.size < active.capacity
    if (message.swap !== undefined) return this.#swaps.giveUp(from, message.swap)
    // A slot kept by a request to this very peer is free for it.
    const own = requests.get(from)
    const kept = own?.purpose === 'offer' || own?.purpose === 'replacement' ? 1 : 0
    const free = Math.min(core.freeSlots + kept, active.capacity - active.size)
    // One slot of the two will do when nobody else has room: else an island of five, each one short, would stay alone beside
    // an island of full views, which can offer nothing but a place on a link.
    if (message.split !== undefined) return free >= (this.#refill.impatient ? 1 : 2)
    // Paper §4.2: a request of high priority is always accepted; the sender has no neighbour at all.
    // Slots promised to others are free for it too; in a full view somebody must go.
    if (message.priority === 'high') return active.size < active.capacity
    if (free === 0) return false
    // Deviation: a common neighbour is a reason to refuse, unless this node needs any link it can get. Without it the
    // overlay keeps triangles that a random graph does not have (measured).
    return active.size <= 1 || !message.active.some(peer => active.has(peer))
  }

  /**
   * Paper §4.2: a peer without any neighbour takes the place of a random one; a budget bounds how quickly. Deviation: not where
   * joins split links. Anybody can claim to be alone, and a join finds a place for one that is without taking any from others.
   */
  #evictFor(from: PeerKey, { priority, split, swap }: NeighborMessage): boolean {
    const core = this.#core
    if (core.config.joinRule === 'split' || priority !== 'high' || split !== undefined || swap !== undefined)
      return false
    if (!core.budgets.take(from, 'eviction', core.nowMs)) return false
    if (!this.#evictions.take(EVICTION_BUDGET, core.nowMs)) return false
    const link = core.replaceable(() => false, false)
    if (link === undefined) return false
    core.disconnect(link.id, link.requestIds)
    core.linkDown(link.id, 'replaced')
    return true
  }

  #accept(from: PeerKey, message: NeighborMessage): void {
    const core = this.#core
    const own = core.requests.take(from)
    const ids = own === undefined ? [message.requestId] : [message.requestId, own.requestId]
    core.accept({ id: from, data: message.data }, message.requestId, ids)
    const { split } = message
    if (split !== undefined && split !== core.self && !core.active.has(split) && core.freeSlots > 0) {
      this.#expect(split)
    }
    this.#refill.filled()
  }

  /** The sender takes the place of a neighbour whose own word is still on its way: wait for it, briefly. */
  #defer(from: PeerKey, message: NeighborMessage): boolean {
    const core = this.#core
    if (message.replaces === undefined || !core.active.has(message.replaces)) return false
    if (this.#deferred.size >= DEFERRED_MAX && !this.#deferred.has(from)) return false
    this.#deferred.set(from, { message, untilMs: core.nowMs + core.config.reservationMs })
    this.#scheduleExpire()
    return true
  }

  /** NEIGHBOR_REPLY, to a request or a join. */
  onReply(from: PeerKey, message: NeighborReplyMessage): void {
    const core = this.#core
    const request = core.requests.take(from, message.requestId)
    if (core.active.has(from)) return
    if (request === undefined) {
      // An acceptance that comes too late made a link on the other side only: say so.
      if (message.accepted) core.disconnect(from, [message.requestId])
      core.reject(from, 'unasked')
      return
    }
    core.recordAnswer(request)
    core.learn(message.samples)
    if (!message.accepted) {
      // The peer is well, only full: it stays in the passive view.
      return this.#refill.refused(request, message.samples[0])
    }
    if (this.#place(from, message, request)) {
      core.linkUp(from, message.data, [message.requestId])
      this.#refill.filled()
    } else {
      core.disconnect(from, [message.requestId])
      core.meet({ id: from, data: message.data })
    }
  }

  /** Finds or makes the place for a peer that accepted. */
  #place(from: PeerKey, message: NeighborReplyMessage, request: PendingRequest): boolean {
    const core = this.#core
    // Its own request was refused here meanwhile, or a slot was kept for it: nothing of that is left to do.
    core.requests.unreserve(from)
    if (core.active.has(from)) return false
    const replaced = request.replaces === undefined ? undefined : core.active.get(request.replaces)
    if ((request.purpose === 'split' || request.purpose === 'swap') && replaced !== undefined) {
      if (request.purpose === 'swap') return this.#swaps.complete(replaced)
      core.replace(replaced, { id: from, data: message.data }, 'request')
      return true
    }
    if (request.purpose === 'walkEnd' && core.active.size === core.active.capacity) {
      // Paper §4.1: the end of the walk drops a random neighbour for the joiner.
      const link = core.replaceable(() => false, false)
      if (link === undefined) return false
      core.disconnect(link.id, link.requestIds)
      core.linkDown(link.id, 'replaced')
      return true
    }
    return core.freeSlots > 0
  }

  /** DISCONNECT. */
  onDisconnect(from: PeerKey, message: DisconnectMessage): void {
    const core = this.#core
    if (!this.#names(from, message.links)) return core.reject(from, 'notNeighbor')
    core.linkDown(from, message.alive ? 'disconnected' : 'leftOverlay')
    core.learn(message.samples)
    this.#refill.lost()
  }

  /** A neighbour puts another peer in this node's place, and names it. */
  onReplaced(from: PeerKey, message: ReplacedMessage): void {
    const core = this.#core
    if (!this.#names(from, message.links)) return core.reject(from, 'notNeighbor')
    core.linkDown(from, 'replaced')
    const { by, role } = message
    if (by.id === core.self || core.active.has(by.id)) return this.#refill.lost()
    const deferred = this.#deferred.get(by.id)
    this.#deferred.delete(by.id)
    if (deferred !== undefined) return this.#accept(by.id, deferred.message)
    if (role === 'await') this.#expect(by.id)
    else core.request(by, 'replacement', { replaces: from })
  }

  /** The transport lost a peer: whatever was going on with it is over. */
  lost(peer: PeerKey): void {
    this.#deferred.delete(peer)
    this.#core.requests.unreserve(peer)
  }

  /** The end of reservations and of requests held back. */
  onExpire(): void {
    const core = this.#core
    core.requests.expire(core.nowMs)
    for (const [peer, { message, untilMs }] of this.#deferred) {
      if (untilMs > core.nowMs) continue
      this.#deferred.delete(peer)
      if (!core.active.has(peer)) core.reply(peer, message.requestId, false)
    }
    this.#refill.run()
  }

  clear(): void {
    this.#deferred.clear()
  }

  #expect(peer: PeerKey): void {
    this.#core.reserve(peer)
    this.#scheduleExpire()
  }

  /** Every deadline has its timer; one that finds nothing over does nothing. */
  #scheduleExpire(): void {
    this.#core.schedule(this.#core.config.reservationMs, { type: 'expire' })
  }

  #names(from: PeerKey, links: readonly number[]): boolean {
    const link = this.#core.active.get(from)
    return link !== undefined && links.some(id => link.requestIds.includes(id))
  }
}
