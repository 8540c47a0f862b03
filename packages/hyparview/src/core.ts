import { sample, type Random } from '@starling/ports'
import { ActiveView, type Link } from './active-view.ts'
import { Bucket, PeerBudgets } from './budget.ts'
import { HEARSAY_BUDGETS, REQUEST_BUDGET, SAMPLES_MAX, SEEKER_MS, type Config } from './config.ts'
import { PassiveView } from './passive-view.ts'
import { PeerBook } from './peer-book.ts'
import { Requests, type PendingRequest } from './requests.ts'
import type {
  DownReason,
  Message,
  NeighborMessage,
  Output,
  PeerInfo,
  PeerKey,
  RejectReason,
  Timer
} from './types.ts'

const NO_DATA = new Uint8Array(0)

/** The extra fields of a neighbour request. */
export interface RequestOptions {
  readonly priority?: 'high' | 'low'
  /** Whether the receiver should refuse when it and this node have a neighbour in common. */
  readonly checkTriangle?: boolean
  readonly split?: PeerKey
  readonly replaces?: PeerKey
  readonly swap?: number
}

/** The state that all parts of the machine share, and the steps they have in common. */
export class Core {
  readonly config: Config
  readonly self: PeerKey
  readonly random: Random
  readonly active: ActiveView
  readonly passive: PassiveView
  readonly book: PeerBook
  readonly requests: Requests = new Requests()
  readonly budgets: PeerBudgets = new PeerBudgets()
  readonly #dials = new Bucket(REQUEST_BUDGET.burst)
  readonly #hearsay = {
    shuffles: new Bucket(HEARSAY_BUDGETS.shuffles.burst),
    walks: new Bucket(HEARSAY_BUDGETS.walks.burst)
  }
  data: Uint8Array
  nowMs: number = 0
  joined: boolean = false
  joinedMs: number = 0
  #outputs: Output[] = []
  #learned = false
  /** Whom this node refused last, and until when that is worth telling. */
  #seeker: { readonly info: PeerInfo; readonly untilMs: number } | undefined
  #slowestAnswerMs: number | undefined

  constructor(config: Config, self: PeerKey, random: Random, data: Uint8Array) {
    this.config = config
    this.self = self
    this.random = random
    this.data = data
    this.active = new ActiveView(config.activeViewCapacity)
    this.passive = new PassiveView(config.passiveViewCapacity, random, {
      backoffMs: config.failureBackoffMs,
      backoffMsMax: config.failureBackoffMsMax,
      failuresMax: config.failuresMax
    })
    this.book = new PeerBook(config.bookCapacity, config.contactsMax)
  }

  /** Takes everything that was output since the last call. */
  drain(): Output[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  get info(): PeerInfo {
    return { id: this.self, data: this.data }
  }

  /** Slots that are neither filled nor promised. */
  get freeSlots(): number {
    const { active, requests, nowMs } = this
    requests.expire(nowMs)
    return Math.max(0, active.capacity - active.size - requests.reserved - requests.offered)
  }

  send(to: PeerKey, message: Message): void {
    const data = this.active.has(to) ? undefined : this.passive.get(to)?.data
    this.#outputs.push({ type: 'send', to, data, message })
  }

  /** Sends to a peer that may be in no view, with the data that came with its id. */
  sendTo(to: PeerInfo, message: Message): void {
    const known = this.active.has(to.id) || to.data.length === 0
    this.#outputs.push({ type: 'send', to: to.id, data: known ? undefined : to.data, message })
  }

  schedule(delayMs: number, timer: Timer): void {
    this.#outputs.push({ type: 'schedule', delayMs, timer })
  }

  reject(peer: PeerKey, reason: RejectReason): void {
    this.#outputs.push({ type: 'reject', peer, reason })
  }

  /**
   * Makes the sender of a request a neighbour. The answer goes first: what the layer above sends over the new link at once,
   * such as announcements of recent messages, would else come before it, and a peer that knows of no link discards it.
   */
  accept(info: PeerInfo, requestId: number, requestIds: readonly number[]): void {
    this.reply(info.id, requestId, true)
    this.linkUp(info.id, info.data, requestIds)
  }

  /** Makes `peer` a neighbour. The caller has made sure of a place. */
  linkUp(peer: PeerKey, data: Uint8Array, requestIds: readonly number[]): void {
    const known = data.length > 0 ? data : (this.passive.get(peer)?.data ?? NO_DATA)
    this.passive.remove(peer)
    this.book.found(peer)
    this.requests.unreserve(peer)
    this.active.add({ id: peer, data: known, sinceMs: this.nowMs, requestIds })
    this.#outputs.push({ type: 'neighborUp', peer, data: known })
  }

  /** Ends a link on this side and keeps the peer in reserve unless it left for good. */
  linkDown(peer: PeerKey, reason: DownReason): Link | undefined {
    const link = this.active.remove(peer)
    if (link === undefined) return undefined
    if (reason === 'leftOverlay') this.book.forget(peer)
    else this.passive.add({ id: peer, data: link.data }, true)
    this.#outputs.push({ type: 'neighborDown', peer, reason })
    return link
  }

  /** Asks `peer` to become a neighbour. At most one request to a peer is in flight. */
  request(peer: PeerInfo, purpose: PendingRequest['purpose'], options: RequestOptions = {}): void {
    const { requests, random, active } = this
    if (!requests.hasRoom || requests.get(peer.id) !== undefined) return
    if (!this.#dials.take(REQUEST_BUDGET, this.nowMs)) return
    const requestId = random.uint32()
    requests.add({
      peer: peer.id,
      requestId,
      purpose,
      sentMs: this.nowMs,
      replaces: options.replaces
    })
    const message: Message =
      purpose === 'join'
        ? { type: 'join', requestId, data: this.data }
        : ({
            type: 'neighbor',
            requestId,
            priority: options.priority ?? 'low',
            data: this.data,
            active: options.checkTriangle === true ? active.keys() : [],
            split: options.split,
            replaces: purpose === 'replacement' ? options.replaces : undefined,
            swap: options.swap
          } satisfies NeighborMessage)
    this.sendTo(peer, message)
    this.schedule(this.requestTimeoutMs, { type: 'request', peer: peer.id, requestId })
  }

  /**
   * Notes how long an answer took: the slowest, forgotten by a tenth with each quicker one. A replacement may have been held
   * back until it was announced, which says nothing about the way.
   */
  recordAnswer(request: PendingRequest): void {
    const tookMs = this.nowMs - request.sentMs
    if (request.purpose !== 'replacement') {
      this.#slowestAnswerMs = Math.max(tookMs, (this.#slowestAnswerMs ?? 0) * 0.9)
    }
    this.passive.recordAnswer(request.peer)
    this.book.found(request.peer)
  }

  get requestTimeoutMs(): number {
    const { requestTimeoutMsFirst, requestTimeoutMsMin, requestTimeoutMsMax } = this.config
    if (this.#slowestAnswerMs === undefined) return requestTimeoutMsFirst
    return Math.min(requestTimeoutMsMax, Math.max(requestTimeoutMsMin, 2.5 * this.#slowestAnswerMs))
  }

  /** Keeps a slot for a peer that will ask. */
  reserve(peer: PeerKey): void {
    this.requests.reserve(peer, this.nowMs + this.config.reservationMs)
  }

  /**
   * A few peers to help someone on: from the passive view. Deviation: where that holds too few, as in a small overlay, from
   * the active view too, or five nodes would take minutes to all know each other.
   */
  reserves(count: number, to: PeerKey): PeerInfo[] {
    const passive = this.passive.healthy().filter(info => info.id !== to)
    const pool =
      passive.length >= count
        ? passive
        : [...passive, ...this.active.links.map(({ id, data }): PeerInfo => ({ id, data }))]
    return sample(this.random, pool, count).filter(info => info.id !== to)
  }

  reply(to: PeerKey, requestId: number, accepted: boolean): void {
    const data = accepted ? this.data : NO_DATA
    const samples = this.reserves(SAMPLES_MAX, to)
    this.send(to, { type: 'neighborReply', requestId, accepted, data, samples })
  }

  /**
   * Refuses a peer that has a free slot. Deviation: the first sample is the peer that was refused here before it, if that was
   * lately. Two nodes with a free slot each are rare in a full overlay and would ask hundreds of others to find one another.
   */
  refuseSeeker(seeker: PeerInfo, requestId: number): void {
    const before = this.#seeker
    this.#seeker = { info: seeker, untilMs: this.nowMs + SEEKER_MS }
    const samples = this.reserves(SAMPLES_MAX, seeker.id)
    if (before !== undefined && before.untilMs > this.nowMs && before.info.id !== seeker.id) {
      const others = samples.filter(({ id }) => id !== before.info.id)
      samples.splice(0, SAMPLES_MAX, before.info, ...others.slice(0, SAMPLES_MAX - 1))
    }
    this.send(seeker.id, { type: 'neighborReply', requestId, accepted: false, data: NO_DATA, samples })
  }

  /** A no without help: for a peer that asks too often, which should not get more than it sends. */
  refuse(to: PeerKey, requestId: number): void {
    this.send(to, { type: 'neighborReply', requestId, accepted: false, data: NO_DATA, samples: [] })
  }

  /** Tells a peer that a link does not stand. */
  disconnect(to: PeerKey, links: readonly number[], alive = true): void {
    this.send(to, { type: 'disconnect', links, alive, samples: alive ? this.reserves(SAMPLES_MAX, to) : [] })
  }

  /**
   * Takes peers from a message into the passive view: never this node, never a neighbour, at most what a message may hold.
   * Hearsay, so it does not displace what was met in person.
   */
  learn(entries: readonly PeerInfo[], expendable: readonly PeerKey[] = []): void {
    const { entriesMax, dataBytesMax } = this.config
    const count = Math.min(entries.length, entriesMax)
    for (let i = 0; i < count; i++) {
      const info = entries[i] as PeerInfo
      if (info.id === this.self || info.data.length > dataBytesMax || this.active.has(info.id)) continue
      this.#remember(info, false, expendable)
    }
  }

  /** The same for messages that nobody asked for: within a budget, so that they do not drown what was asked for. */
  overhear(
    kind: keyof typeof HEARSAY_BUDGETS,
    entries: readonly PeerInfo[],
    expendable: readonly PeerKey[] = []
  ): void {
    const fits = this.#hearsay[kind].take(HEARSAY_BUDGETS[kind], this.nowMs, entries.length)
    if (fits) this.learn(entries, expendable)
  }

  /** Remembers a peer that was refused. Its own wish, so it displaces nobody who was met on this node's. */
  asked(info: PeerInfo): void {
    if (this.budgets.take(info.id, 'asker', this.nowMs)) this.learn([info])
  }

  /** Remembers a peer that spoke for itself. */
  meet(info: PeerInfo): void {
    if (info.id === this.self || info.data.length > this.config.dataBytesMax || this.active.has(info.id))
      return
    this.#remember(info, true, [])
  }

  /**
   * Takes up what an earlier life saved, best first: hearsay by now, so it displaces neither a contact nor a peer that was
   * met. What does not fit into the passive view is in the address book.
   */
  recall(saved: readonly PeerInfo[]): void {
    const { dataBytesMax, bookCapacity, passiveViewCapacity } = this.config
    const fits = (info: PeerInfo): boolean => info.id !== this.self && info.data.length <= dataBytesMax
    const known = saved.filter(fits).slice(0, bookCapacity)
    for (const info of known.toReversed()) this.book.addHeard(info)
    const room = passiveViewCapacity - this.passive.size
    for (const info of known.slice(0, Math.max(0, room))) {
      if (!this.active.has(info.id)) this.passive.add(info, false)
    }
  }

  #remember(info: PeerInfo, verified: boolean, expendable: readonly PeerKey[]): void {
    if (!this.passive.has(info.id)) this.#learned = true
    this.passive.add(info, verified, expendable)
    this.book.addHeard(info)
  }

  /** Whether the passive view has won a peer since this was last asked. */
  takeLearned(): boolean {
    const learned = this.#learned
    this.#learned = false
    return learned
  }

  /**
   * The neighbour to give up when one must go: at random among those that may be replaced, or among all. Deviation: never an
   * anchor, one of the oldest links. Whoever wants to surround this node cannot take from it what it had before they came.
   */
  replaceable(excluded: (peer: PeerKey) => boolean, strict: boolean): Link | undefined {
    const anchors = this.#anchors()
    const open = this.active.links.filter(link => !excluded(link.id) && !anchors.includes(link))
    const willing = open.filter(link => this.config.mayReplace(link.id))
    const pool = willing.length > 0 || strict ? willing : open
    return pool.length === 0 ? undefined : pool[this.random.below(pool.length)]
  }

  /** Only long links count: when all are young, as after a cold start, none is worth more than another. */
  #anchors(): readonly Link[] {
    const { anchors, anchorAgeMs } = this.config
    const old = this.active.links.filter(link => this.nowMs - link.sinceMs >= anchorAgeMs)
    return old.toSorted((a, b) => a.sinceMs - b.sinceMs).slice(0, anchors)
  }

  /** Puts `by` in the place of a neighbour, which is told to ask `by` itself or to wait for it. */
  replace(link: Link, by: PeerInfo, role: 'request' | 'await'): void {
    this.send(link.id, { type: 'replaced', links: link.requestIds, by, role })
    this.linkDown(link.id, 'replaced')
  }
}
