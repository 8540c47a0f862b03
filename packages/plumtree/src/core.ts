import type { PlumtreeConfig } from './config.ts'
import { MessageCache } from './message-cache.ts'
import { SeenIds } from './seen-ids.ts'
import { Shaping } from './shaping.ts'
import { newCounts, type Counts } from './stats.ts'
import type { Message, MessageId, Output, PeerKey, Timer } from './types.ts'

/** One neighbour. A link is in the eager set or in the lazy set: the union is the neighbour set by construction. */
export interface Link {
  readonly peer: PeerKey
  eager: boolean
  /** Nothing was announced to this peer yet: its first announcement does not wait. */
  fresh: boolean
  /** Ids to announce, with the time they were queued; oldest first. */
  readonly queue: Map<MessageId, number>
  /** Ids announced once that will ride on a later announcement again. */
  readonly repeats: Map<MessageId, number>
  /** Announcements of this peer in the missing table. */
  outstanding: number
  /** Announcements of this peer that led to nothing, less those it made good. */
  broken: number
  /** Smoothed time from a graft to its payload, in ms; undefined before the first. */
  roundTripMs: number | undefined
  /** When it last announced an id that was news here. */
  newsMs: number
  /** The window of the graft budget: its start and the bytes served in it. */
  servedSinceMs: number
  servedBytes: number
}

/** What the parts of the machine share: the links, the memories, the counters, and the outputs of the current step. */
export class Core {
  readonly config: PlumtreeConfig
  readonly links: Map<PeerKey, Link> = new Map()
  readonly cache: MessageCache
  readonly seen: SeenIds
  readonly shaping: Shaping
  readonly counts: Counts = newCounts()
  /** Time of the current step. */
  nowMs = 0
  /** Until then every announcement goes to all lazy peers at once. */
  alarmUntilMs: number = Number.NEGATIVE_INFINITY
  #eagerCount = 0
  #outputs: Output[] = []

  constructor(config: PlumtreeConfig) {
    this.config = config
    this.cache = new MessageCache(config)
    this.seen = new SeenIds(config.seenCountMax, config.seenAgeMs)
    this.shaping = new Shaping(config)
  }

  begin(nowMs: number): void {
    this.nowMs = Math.max(nowMs, this.nowMs)
    this.#outputs = []
  }

  end(): Output[] {
    return this.#outputs
  }

  emit(output: Output): void {
    this.#outputs.push(output)
  }

  send(to: PeerKey, message: Message): void {
    this.counts.sent[message.type]++
    this.#outputs.push({ type: 'send', to, message })
  }

  schedule(timer: Timer, delayMs: number): void {
    this.#outputs.push({ type: 'schedule', timer, delayMs })
  }

  get eagerCount(): number {
    return this.#eagerCount
  }

  get alarmed(): boolean {
    return this.nowMs < this.alarmUntilMs
  }

  /** Something was lost near here: announce widely for a while. */
  alarm(): void {
    this.alarmUntilMs = this.nowMs + this.config.alarmMs
  }

  addLink(peer: PeerKey, eager: boolean): Link {
    const link: Link = {
      peer,
      eager,
      fresh: true,
      queue: new Map(),
      repeats: new Map(),
      outstanding: 0,
      broken: 0,
      roundTripMs: undefined,
      newsMs: Number.NEGATIVE_INFINITY,
      servedSinceMs: Number.NEGATIVE_INFINITY,
      servedBytes: 0
    }
    this.links.set(peer, link)
    if (eager) this.#eagerCount++
    return link
  }

  removeLink(link: Link): void {
    if (!this.links.delete(link.peer)) return
    if (link.eager) this.#eagerCount--
  }

  /** Moves a link into the eager set. Whether it was lazy before. */
  promote(link: Link): boolean {
    if (link.eager) return false
    link.eager = true
    this.#eagerCount++
    return true
  }

  /** Moves a link into the lazy set. */
  demote(link: Link): void {
    if (!link.eager) return
    link.eager = false
    this.#eagerCount--
  }

  clearLinks(): void {
    this.links.clear()
    this.#eagerCount = 0
  }

  /** The peer has this id: there is nothing left to announce to it. */
  knows(link: Link, id: MessageId): void {
    link.queue.delete(id)
    link.repeats.delete(id)
  }
}
