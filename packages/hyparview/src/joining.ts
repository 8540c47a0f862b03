import type { Link } from './active-view.ts'
import { Bucket } from './budget.ts'
import { JOIN_BUDGET, SPARE_HOPS_MAX, SPLIT_BUDGET, YOUNG_MS } from './config.ts'
import type { Core } from './core.ts'
import type { ForwardJoinMessage, JoinMessage, PeerInfo, PeerKey, WalkKind } from './types.ts'

/** Joins and the walks that find places for joiners (paper §4.1). */
export class Joining {
  readonly #core: Core
  readonly #joins = new Bucket(JOIN_BUDGET.burst)
  readonly #splits = new Bucket(SPLIT_BUDGET.burst)

  constructor(core: Core) {
    this.#core = core
  }

  /** JOIN, at the contact. */
  onJoin(from: PeerKey, message: JoinMessage): void {
    const core = this.#core
    if (!core.budgets.take(from, 'join', core.nowMs)) {
      // A no, as for any request: without one an honest peer that was too quick would wait out its time.
      core.reject(from, 'tooMany')
      return core.refuse(from, message.requestId)
    }
    const link = core.active.get(from)
    if (link !== undefined) {
      // A neighbour that joins lost its side of the link.
      return this.#renew(link)
    }
    const joiner = { id: from, data: message.data }
    if (core.config.joinRule === 'replace') this.#takeIn(joiner, message.requestId)
    else this.#findPlaces(joiner, message.requestId)
  }

  /** Paper §4.1: the contact always takes the joiner in, and tells all its other neighbours. */
  #takeIn(joiner: PeerInfo, requestId: number): void {
    const core = this.#core
    const crossed = core.requests.take(joiner.id)
    if (core.active.size >= core.active.capacity) {
      const link = core.replaceable(() => false, false)
      if (link === undefined) return core.reply(joiner.id, requestId, false)
      core.disconnect(link.id, link.requestIds)
      core.linkDown(link.id, 'replaced')
    }
    const others = core.active.keys()
    core.accept(joiner, requestId, crossed === undefined ? [requestId] : [requestId, crossed.requestId])
    for (const other of others) this.#walk(other, joiner, 'replace')
  }

  /**
   * Deviation: the contact gives up no link of its own. It takes the joiner if it has a free slot, and sends out walks that
   * end by placing the joiner on an existing link or in a free slot. When all nodes join through one contact this leaves
   * one component at once, where the paper's rule leaves dozens (measured, 10,000 nodes).
   */
  #findPlaces(joiner: PeerInfo, requestId: number): void {
    const core = this.#core
    const { splitWalks, openWalks } = core.config
    const crossed = core.requests.get(joiner.id)
    const accepted = core.freeSlots > 0 || (crossed !== undefined && crossed.purpose !== 'split')
    const others = core.active.keys()
    if (accepted && core.active.size < core.active.capacity) {
      core.requests.take(joiner.id)
      const ids = crossed === undefined ? [requestId] : [requestId, crossed.requestId]
      core.accept(joiner, requestId, ids)
    } else {
      core.asked(joiner)
      core.reply(joiner.id, requestId, false)
    }
    if (!this.#joins.take(JOIN_BUDGET, core.nowMs)) return
    for (let i = 0; i < splitWalks + openWalks; i++) {
      const next = others.length === 0 ? undefined : others[core.random.below(others.length)]
      if (next !== undefined) this.#walk(next, joiner, i < splitWalks ? 'split' : 'open')
    }
  }

  /** FORWARD_JOIN, at any node of a walk. */
  onForwardJoin(from: PeerKey, message: ForwardJoinMessage): void {
    const core = this.#core
    // A walk comes over a link. One that was sent before the link ended is harmless but cannot be told from a forged one.
    if (!core.active.has(from)) return core.reject(from, 'notNeighbor')
    if (!core.budgets.take(from, 'forwardJoin', core.nowMs)) return core.reject(from, 'tooMany')
    const { peer } = message
    if (peer.id === core.self) return
    const ttl = Math.min(message.ttl, core.config.activeRandomWalkLength)
    const spareHops = Math.min(message.spareHops, SPARE_HOPS_MAX)
    const walk = { ...message, ttl, spareHops }
    const { joinRule } = core.config
    if (message.walk === 'replace' && joinRule === 'replace') return this.#onReplaceWalk(from, walk)
    // Paper §4.1: the joiner enters the passive view when PRWL hops are left.
    if (ttl === core.config.passiveRandomWalkLength) core.overhear('walks', [peer])
    const engaged = core.active.has(peer.id) || core.requests.get(peer.id) !== undefined
    if (message.walk === 'open') this.#onOpenWalk(from, walk, engaged)
    else this.#onSplitWalk(from, walk, engaged)
  }

  /** Paper §4.1: at the end of the walk, or where there is nowhere else to go, the node links to the joiner. */
  #onReplaceWalk(from: PeerKey, message: ForwardJoinMessage): void {
    const core = this.#core
    const { peer, ttl } = message
    const link = core.active.get(peer.id)
    if (link !== undefined) return this.#renew(link)
    if (core.requests.get(peer.id) !== undefined) return
    const next = this.#next(from, peer.id)
    if (ttl === 0 || next === undefined) {
      // Not more at once than the view could hold: a flood of forged joins must not become a flood of requests.
      if (core.requests.count('walkEnd') < core.active.capacity)
        core.request(peer, 'walkEnd', { priority: 'high' })
      return
    }
    if (ttl === core.config.passiveRandomWalkLength) core.overhear('walks', [peer])
    core.send(next, { ...message, ttl: ttl - 1 })
  }

  #onOpenWalk(from: PeerKey, message: ForwardJoinMessage, engaged: boolean): void {
    const core = this.#core
    if (!engaged && core.freeSlots > 0) return core.request(message.peer, 'offer', { checkTriangle: true })
    const next = this.#next(from, message.peer.id)
    if (next !== undefined && message.ttl > 0) core.send(next, { ...message, ttl: message.ttl - 1 })
  }

  #onSplitWalk(from: PeerKey, message: ForwardJoinMessage, engaged: boolean): void {
    const core = this.#core
    const { peer, ttl, spareHops } = message
    const next = this.#next(from, peer.id)
    if (ttl > 0 && next !== undefined) return core.send(next, { ...message, ttl: ttl - 1 })
    if (!engaged) {
      if (core.freeSlots > 0) return core.request(peer, 'offer', {})
      // One split at a time: two could give the same link away.
      const settled = core.nowMs - core.joinedMs >= YOUNG_MS
      if (core.requests.count('split') === 0 && (!settled || this.#splits.take(SPLIT_BUDGET, core.nowMs))) {
        const link = core.replaceable(id => id === peer.id || core.requests.get(id) !== undefined, false)
        if (link !== undefined) return core.request(peer, 'split', { split: link.id, replaces: link.id })
      }
    }
    if (spareHops > 0 && next !== undefined) core.send(next, { ...message, ttl: 0, spareHops: spareHops - 1 })
  }

  /** Asks a neighbour to take up its side of the link again, under the same id. Nothing changes on this side. */
  #renew(link: Link): void {
    this.#core.send(link.id, {
      type: 'neighbor',
      requestId: link.requestIds[0] as number,
      priority: 'high',
      data: this.#core.data,
      active: [],
      split: undefined,
      replaces: undefined,
      swap: undefined
    })
  }

  #walk(to: PeerKey, peer: PeerInfo, walk: WalkKind): void {
    const ttl = this.#core.config.activeRandomWalkLength - 1
    this.#core.send(to, { type: 'forwardJoin', peer, walk, ttl, spareHops: SPARE_HOPS_MAX })
  }

  /** A random neighbour other than the one the walk came from and the joiner. */
  #next(from: PeerKey, joiner: PeerKey): PeerKey | undefined {
    const { active, random } = this.#core
    const open = active.links.filter(link => link.id !== from && link.id !== joiner)
    return open.length === 0 ? undefined : (open[random.below(open.length)] as { id: PeerKey }).id
  }
}
