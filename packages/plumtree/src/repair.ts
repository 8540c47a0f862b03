import type { Announcer } from './announcer.ts'
import type { Core, Link } from './core.ts'
import { GraftTiming } from './graft-timing.ts'
import type { MessageId, PeerKey } from './types.ts'

/** Broken announcements that halve what a peer may announce. Source: guess, more than an honest one breaks by losses. */
const LIAR_BROKEN = 64

/** A neighbour that announced a missing id. */
interface Source {
  readonly peer: PeerKey
  /** When the payload would have come, had that link been eager; undefined when the announcement says nothing about it. */
  readonly arrivalMs: number | undefined
  tries: number
}

/** An announced id whose payload has not arrived. */
export interface Missing {
  readonly firstMs: number
  /** In the order to ask them. */
  readonly sources: Source[]
  /** When its patience ends. */
  dueMs: number
  asked: PeerKey | undefined
  askedMs: number
  /** It was asked for the payload only, not for the link. */
  pulled: boolean
}

/**
 * Tree repair (Plumtree §3.5): announced ids that do not arrive are grafted from their announcers, one after another.
 *
 * Deviation: announcers stay in rotation until each was asked a few times, so that losing a graft or its answer does not
 * lose the message; a peer that cannot supply it says so and is dropped at once.
 */
export class Repair {
  readonly timing: GraftTiming
  readonly #core: Core
  readonly #announcer: Announcer
  readonly #missing = new Map<MessageId, Missing>()
  /** One timer for all of them: however quickly ids come and go, no more than that is scheduled. */
  #turn = 0
  #nextMs = Number.POSITIVE_INFINITY

  constructor(core: Core, announcer: Announcer) {
    this.#core = core
    this.#announcer = announcer
    this.timing = new GraftTiming(core.config)
  }

  get size(): number {
    return this.#missing.size
  }

  /** IHAVE for an unknown id: its sender joins the queue of announcers; the first one starts the timer. */
  announced(link: Link, id: MessageId, heldMs: number): void {
    const { config, counts, nowMs } = this.#core
    const known = this.#missing.get(id)
    if (known?.sources.some(source => source.peer === link.peer)) return
    const full = known === undefined && this.#missing.size >= config.missingCountMax
    if (full || link.outstanding >= this.#allowance(link)) {
      counts.announcementsIgnored++
      return
    }
    link.outstanding++
    link.newsMs = nowMs
    const arrivalMs = heldMs <= config.optimizeHeldMs ? nowMs - heldMs : undefined
    const source = { peer: link.peer, arrivalMs, tries: 0 }
    if (known !== undefined) {
      known.sources.push(source)
      return
    }
    const delayMs = this.timing.firstMs(this.#core)
    const missing = {
      firstMs: nowMs,
      sources: [source],
      dueMs: nowMs + delayMs,
      asked: undefined,
      askedMs: 0,
      pulled: false
    }
    this.#missing.set(id, missing)
    if (delayMs > 0) this.#wakeAt(missing.dueMs)
    else this.#ask(id, missing)
  }

  onTimer(turn: number): void {
    if (turn !== this.#turn) return
    this.#nextMs = Number.POSITIVE_INFINITY
    const { nowMs, counts, links } = this.#core
    for (const [id, missing] of this.#missing) {
      if (missing.dueMs > nowMs) continue
      counts.lateGrafts++
      // The word of peers that broke it often is no sign of a loss.
      if (missing.sources.some(({ peer }) => (links.get(peer)?.broken ?? 0) < LIAR_BROKEN)) this.#core.alarm()
      this.#ask(id, missing)
    }
    let nextMs = Number.POSITIVE_INFINITY
    for (const { dueMs } of this.#missing.values()) nextMs = Math.min(nextMs, dueMs)
    if (nextMs !== Number.POSITIVE_INFINITY) this.#wakeAt(nextMs)
  }

  /** "Don't have": that announcer is out, the next one is asked at once. */
  unavailable(link: Link, id: MessageId): void {
    const missing = this.#missing.get(id)
    if (missing === undefined) return
    this.#drop(missing, link.peer)
    // An id that nobody announces any more must not keep its place: the one who took it back is not charged for it.
    if (missing.asked === link.peer || missing.sources.length === 0) this.#ask(id, missing)
  }

  /** The payload arrived from `from`. Returns what was known of the id, for the tree to learn from. */
  received(id: MessageId, from: Link | undefined): Missing | undefined {
    const missing = this.#missing.get(id)
    if (missing === undefined) {
      this.timing.observe(0)
      return undefined
    }
    this.#missing.delete(id)
    for (const source of missing.sources) this.#release(source.peer)
    if (from !== undefined && missing.asked === from.peer) {
      // Only the answer of a peer asked once tells the round trip; after a second question it is ambiguous.
      const source = missing.sources.find(({ peer }) => peer === from.peer)
      if (source?.tries === 1) this.#measure(from, this.#core.nowMs - missing.askedMs)
      from.broken = Math.max(0, from.broken - 1)
    } else {
      this.timing.observe(this.#core.nowMs - missing.firstMs)
    }
    return missing
  }

  /** A neighbour is gone: its announcements go with it, and whoever was waiting for it asks the next one at once. */
  linkDown(peer: PeerKey): void {
    for (const [id, missing] of this.#missing) {
      if (!this.#drop(missing, peer)) continue
      if (missing.asked === peer || missing.sources.length === 0) this.#ask(id, missing)
    }
  }

  clear(): void {
    this.#missing.clear()
    this.#turn++
    this.#nextMs = Number.POSITIVE_INFINITY
    this.timing.clear()
  }

  /** Asks the next announcer, or gives the id up when there is none left. */
  #ask(id: MessageId, missing: Missing): void {
    const { config, nowMs, counts } = this.#core
    const link = this.#next(missing)
    const source = missing.sources.at(-1)
    if (link === undefined || source === undefined) {
      this.#missing.delete(id)
      counts.abandoned++
      return
    }
    source.tries++
    missing.asked = source.peer
    missing.askedMs = nowMs
    missing.pulled = this.#core.eagerCount > 0 && !this.#core.shaping.allows(undefined, nowMs)
    if (missing.pulled) this.#core.send(link.peer, { type: 'graft', ids: [id], eager: false })
    else this.graft(link, [id])
    const delayMs = this.timing.retryMs(link, Math.min(source.tries, config.graftTries))
    missing.dueMs = nowMs + delayMs
    this.#wakeAt(missing.dueMs)
  }

  /** Rotates the announcers: the one to ask moves to the end; those asked often enough leave. */
  #next(missing: Missing): Link | undefined {
    for (;;) {
      const source = missing.sources.shift()
      if (source === undefined) return undefined
      const link = this.#core.links.get(source.peer)
      if (link === undefined) continue
      if (source.tries < this.#core.config.graftTries) {
        missing.sources.push(source)
        return link
      }
      link.outstanding--
      link.broken++
    }
  }

  /** GRAFT: the link joins the tree on this side now and on the other when the message arrives. */
  graft(link: Link, ids: readonly MessageId[]): void {
    this.#core.send(link.peer, { type: 'graft', ids, eager: true })
    this.join(link)
  }

  /** A lazy link becomes eager: what still waits to be announced over it would otherwise never be. */
  join(link: Link): void {
    if (this.#core.promote(link) && link.queue.size > 0) this.#announcer.flush(link)
  }

  /** A peer whose announcements lead to nothing may have ever fewer outstanding; each one made good restores some. */
  #allowance(link: Link): number {
    const halvings = Math.min(30, Math.floor(link.broken / LIAR_BROKEN))
    return Math.max(8, this.#core.config.missingPerPeerMax >> halvings)
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#nextMs) return
    this.#nextMs = atMs
    this.#turn++
    this.#core.schedule({ type: 'graft', turn: this.#turn }, Math.max(0, atMs - this.#core.nowMs))
  }

  #drop(missing: Missing, peer: PeerKey): boolean {
    const index = missing.sources.findIndex(source => source.peer === peer)
    if (index < 0) return false
    missing.sources.splice(index, 1)
    this.#release(peer)
    const link = this.#core.links.get(peer)
    if (link !== undefined) link.broken++
    return true
  }

  #release(peer: PeerKey): void {
    const link = this.#core.links.get(peer)
    if (link !== undefined) link.outstanding--
  }

  #measure(link: Link, sampleMs: number): void {
    link.roundTripMs = link.roundTripMs === undefined ? sampleMs : 0.75 * link.roundTripMs + 0.25 * sampleMs
  }
}
