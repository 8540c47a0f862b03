import { sample } from '@starling/ports'
import { Bucket } from './budget.ts'
import { PROBE_BUDGET } from './config.ts'
import type { Core } from './core.ts'
import type { Refill } from './refill.ts'
import type { Swaps } from './swaps.ts'
import type { PeerInfo, PeerKey, ShuffleMessage, ShuffleReplyMessage } from './types.ts'

/** The shuffle that waits for its answer. */
interface Outstanding {
  readonly shuffleId: number
  /** Passive peers that were sent: the first to go when the answer needs room. */
  readonly sent: readonly PeerKey[]
  readonly untilMs: number
}

/** The exchange of samples that keeps passive views fresh (paper §4.3). */
export class Shuffling {
  readonly #core: Core
  readonly #refill: Refill
  readonly #swaps: Swaps
  readonly #probes = new Bucket(PROBE_BUDGET.burst)
  #outstanding: Outstanding | undefined
  #attempt = 0
  #count = 0

  constructor(core: Core, refill: Refill, swaps: Swaps) {
    this.#core = core
    this.#refill = refill
    this.#swaps = swaps
  }

  /** The first shuffle comes at a random moment of the interval, so that nodes started together do not stay in step. */
  start(): void {
    const core = this.#core
    this.#count = 0
    core.schedule(core.random.float() * core.config.shuffleIntervalMs, {
      type: 'shuffle',
      attempt: ++this.#attempt
    })
  }

  stop(): void {
    this.#attempt++
    this.#outstanding = undefined
  }

  onTimer(attempt: number): void {
    if (attempt !== this.#attempt) return
    const core = this.#core
    const { shuffleIntervalMs } = core.config
    core.schedule(shuffleIntervalMs * (0.9 + core.random.float() / 5), { type: 'shuffle', attempt })
    if (core.active.size === 0) return this.#refill.run()
    this.#shuffle()
  }

  #shuffle(): void {
    const core = this.#core
    const { config, random } = core
    const count = this.#count++
    const probe = this.#probeTarget(count)
    const lost = probe !== undefined && core.book.isLost(probe.id)
    const link = core.active.links[random.below(core.active.size)]
    if (link === undefined) return
    const neighbors = core.active.links.map(({ id, data }): PeerInfo => ({ id, data }))
    const active = sample(random, neighbors, config.shuffleActiveCount)
    const passive = sample(random, core.passive.healthy(), config.shufflePassiveCount)
    const entries = [...active, ...passive].slice(0, config.entriesMax - 1)
    const shuffleId = random.uint32()
    const share = probe === undefined ? config.swapShare : config.probeSwapShare
    const swaps = lost || count < config.swapShufflesFirst || random.float() < share
    this.#outstanding = {
      shuffleId,
      sent: passive.map(info => info.id),
      untilMs: core.nowMs + config.shuffleIntervalMs
    }
    const swap = swaps ? this.#swaps.propose(shuffleId) : undefined
    const message: ShuffleMessage = {
      type: 'shuffle',
      shuffleId,
      origin: core.info,
      // A probe without a swap only asks whether there are peers on the other side: the first one knows.
      ttl: probe !== undefined && swap === undefined ? 0 : this.#hops(swap) - 1,
      link: probe === undefined ? (link.requestIds[0] as number) : 0,
      entries,
      swap
    }
    core.sendTo(probe ?? link, message)
  }

  /**
   * Deviation: now and then the walk starts at a lost peer, and half as often at a contact, however full the view is. Two
   * islands whose views are full would never hear of each other otherwise; the swap that rides on the shuffle then joins
   * them. Contacts are spared because everybody has the same few.
   */
  #probeTarget(count: number): PeerInfo | undefined {
    const { book, random, config, self, active } = this.#core
    const { probeEvery } = config
    if (probeEvery === 0 || count % probeEvery !== probeEvery - 1) return undefined
    const withContacts = count % (2 * probeEvery) !== probeEvery - 1
    return book.probe(random, peer => peer === self || active.has(peer), withContacts)
  }

  /** SHUFFLE. Forwarded until its walk ends; answered only there, and straight to its origin. */
  onShuffle(from: PeerKey, message: ShuffleMessage): void {
    const core = this.#core
    const { origin, link } = message
    if (origin.id === core.self) return core.reject(from, 'invalid')
    const neighbor = core.active.has(from)
    if (!neighbor && link !== 0 && core.requests.get(from)?.requestId !== link) {
      // The sender believes in a link that does not stand here. Saying so makes the views symmetric again.
      core.disconnect(from, [link])
      return core.reject(from, 'notNeighbor')
    }
    if (!neighbor && origin.id !== from) return core.reject(from, 'notNeighbor')
    const fits = neighbor
      ? core.budgets.take(from, 'shuffle', core.nowMs)
      : this.#probes.take(PROBE_BUDGET, core.nowMs)
    if (!fits) return core.reject(from, 'tooMany')
    const ttl = Math.min(message.ttl, this.#hops(message.swap) - 1)
    const open = core.active.links.filter(({ id }) => id !== from && id !== origin.id)
    const next = open.length === 0 ? undefined : open[core.random.below(open.length)]
    if (ttl > 0 && next !== undefined) {
      return core.send(next.id, { ...message, ttl: ttl - 1, link: next.requestIds[0] as number })
    }
    this.#answer(from, message)
  }

  #answer(from: PeerKey, message: ShuffleMessage): void {
    const core = this.#core
    const { origin, shuffleId } = message
    const count = Math.min(message.entries.length + 1, core.config.entriesMax)
    const entries = this.#entries(count, origin.id)
    const swap = this.#swaps.consider(message)
    core.sendTo(origin, { type: 'shuffleReply', shuffleId, data: core.data, entries, swap })
    const sent = entries.map(info => info.id)
    core.overhear('shuffles', [origin, ...message.entries].slice(0, core.config.entriesMax), sent)
  }

  /**
   * Deviation: an answer holds the neighbours of this node, and passive peers for what is left. A neighbour is met in person,
   * so that false peers do not crowd out the true ones from answer to answer: with a tenth of hostile nodes that name none but
   * each other their share of the passive views is 0.2 instead of 0.34, walks of half the length included (measured).
   */
  #entries(count: number, to: PeerKey): PeerInfo[] {
    const { random, active, passive } = this.#core
    const neighbors = active.links.map(({ id, data }): PeerInfo => ({ id, data }))
    const others = sample(random, passive.healthy(), count)
    return [...sample(random, neighbors, count), ...others].filter(info => info.id !== to).slice(0, count)
  }

  /** Hops of a shuffle: a swap is worth more the further away its two ends are. */
  #hops(swap: PeerInfo | undefined): number {
    const { shuffleRandomWalkLength, activeRandomWalkLength } = this.#core.config
    return swap === undefined ? shuffleRandomWalkLength : activeRandomWalkLength
  }

  /** SHUFFLE_REPLY. */
  onReply(from: PeerKey, message: ShuffleReplyMessage): void {
    const core = this.#core
    const outstanding = this.#outstanding
    const asked = outstanding?.shuffleId === message.shuffleId && outstanding.untilMs > core.nowMs
    if (outstanding === undefined || !asked) return core.reject(from, 'unasked')
    this.#outstanding = undefined
    core.learn(message.entries, outstanding.sent)
    core.learn([{ id: from, data: message.data }], outstanding.sent)
    core.book.found(from)
    if (message.swap !== undefined) {
      this.#swaps.start({ id: from, data: message.data }, message.shuffleId, message.swap)
    }
    this.#refill.run()
  }
}
