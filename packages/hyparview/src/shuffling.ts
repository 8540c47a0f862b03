import { sample } from '@starling/ports'
import type { Link } from './active-view.ts'
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
  /** The last walk and the last probe, as long as no answer has come. */
  readonly #outstanding = new Map<'walk' | 'probe', Outstanding>()
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
    const { shuffleIntervalMs, lostProbeMs } = core.config
    const attempt = ++this.#attempt
    core.schedule(core.random.float() * shuffleIntervalMs, { type: 'shuffle', attempt })
    if (lostProbeMs > 0) core.schedule(core.random.float() * lostProbeMs, { type: 'probe', attempt })
  }

  stop(): void {
    this.#attempt++
    this.#outstanding.clear()
  }

  onTimer(attempt: number): void {
    if (attempt !== this.#attempt) return
    const core = this.#core
    core.schedule(core.config.shuffleIntervalMs * (0.9 + core.random.float() / 5), {
      type: 'shuffle',
      attempt
    })
    if (core.active.size === 0) return this.#refill.run()
    this.#walk()
  }

  /**
   * Deviation: now and then a shuffle goes to a lost peer, however full the view is. Two islands whose views are full would
   * never hear of each other otherwise; the swap that rides on the shuffle then joins them.
   */
  onProbeTimer(attempt: number): void {
    if (attempt !== this.#attempt) return
    const core = this.#core
    core.schedule(core.config.lostProbeMs * (0.9 + core.random.float() / 5), { type: 'probe', attempt })
    const lost = core.active.size === 0 ? undefined : this.#stranger('lost')
    if (lost !== undefined) this.#send('probe', lost, true)
  }

  #walk(): void {
    const { config, random, active } = this.#core
    const early = this.#count++ < config.swapShufflesFirst
    // Deviation: some walks start at a contact, for islands that never had a link. They are few: everybody has the same contacts.
    const contact = random.float() < config.contactProbeShare ? this.#stranger('contacts') : undefined
    if (contact !== undefined)
      return this.#send('walk', contact, early || random.float() < config.contactSwapShare)
    const link = active.links[random.below(active.size)] as Link
    this.#send('walk', link, early || random.float() < config.swapShare)
  }

  #send(kind: 'walk' | 'probe', to: PeerInfo | Link, swaps: boolean): void {
    const core = this.#core
    const { config, random } = core
    const neighbors = core.active.links.map(({ id, data }): PeerInfo => ({ id, data }))
    const active = sample(random, neighbors, config.shuffleActiveCount)
    const passive = sample(random, core.passive.healthy(), config.shufflePassiveCount)
    const shuffleId = random.uint32()
    this.#outstanding.set(kind, {
      shuffleId,
      sent: passive.map(info => info.id),
      untilMs: core.nowMs + config.shuffleIntervalMs
    })
    const swap = swaps ? this.#swaps.propose(shuffleId) : undefined
    const link = core.active.get(to.id)?.requestIds[0] ?? 0
    const message: ShuffleMessage = {
      type: 'shuffle',
      shuffleId,
      origin: core.info,
      // One to a stranger without a swap only asks whether there are peers on the other side: the first one knows.
      ttl: link === 0 && swap === undefined ? 0 : Math.floor(this.#hops(swap) + random.float()) - 1,
      link,
      entries: [...active, ...passive].slice(0, config.entriesMax - 1),
      swap
    }
    core.sendTo(to, message)
  }

  #stranger(among: 'lost' | 'contacts'): PeerInfo | undefined {
    const { book, random, self, active } = this.#core
    return book.probe(random, peer => peer === self || active.has(peer), among)
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
    const ttl = Math.min(message.ttl, Math.ceil(this.#hops(message.swap)) - 1)
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

  #hops(swap: PeerInfo | undefined): number {
    const { shuffleRandomWalkLength, swapRandomWalkLength } = this.#core.config
    return swap === undefined ? shuffleRandomWalkLength : swapRandomWalkLength
  }

  /** SHUFFLE_REPLY. */
  onReply(from: PeerKey, message: ShuffleReplyMessage): void {
    const core = this.#core
    const outstanding = this.#take(message.shuffleId)
    if (outstanding === undefined) return core.reject(from, 'unasked')
    core.learn(message.entries, outstanding.sent)
    core.learn([{ id: from, data: message.data }], outstanding.sent)
    core.book.found(from)
    if (message.swap !== undefined) {
      this.#swaps.start({ id: from, data: message.data }, message.shuffleId, message.swap)
    }
    this.#refill.run()
  }

  #take(shuffleId: number): Outstanding | undefined {
    for (const [kind, outstanding] of this.#outstanding) {
      if (outstanding.shuffleId !== shuffleId) continue
      this.#outstanding.delete(kind)
      return outstanding.untilMs > this.#core.nowMs ? outstanding : undefined
    }
    return undefined
  }
}
