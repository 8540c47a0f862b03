import type { Link } from './active-view.ts'
import { Bucket } from './budget.ts'
import { SWAP_BUDGETS, YOUNG_MS } from './config.ts'
import type { Core } from './core.ts'
import type { PeerInfo, PeerKey, ShuffleMessage } from './types.ts'

/** What the origin of a shuffle has proposed: to give up `offered` for the end of the walk. */
interface Proposal {
  readonly shuffleId: number
  readonly offered: PeerKey
  /** The neighbour that the other side gives up, once it has answered. */
  counterpart: PeerInfo | undefined
  readonly untilMs: number
}

/** What the end of a walk has agreed to: to give up `given` for the origin. */
interface Agreement {
  readonly shuffleId: number
  readonly origin: PeerKey
  readonly offered: PeerInfo
  readonly given: PeerKey
  readonly untilMs: number
}

/**
 * Deviation: swaps of links, which ride on shuffles. Origin a has neighbour b, the walk's end c has neighbour d; the links
 * a–b and c–d become a–c and b–d. All degrees stay as they are, so no hole is dug and nothing must be refilled, and two swaps
 * for each node make any overlay as random as a random graph (measured). A swap across islands joins them.
 *
 * One at a time on each side; any mismatch abandons it, and at worst leaves a free slot.
 */
export class Swaps {
  readonly #core: Core
  readonly #agreed = new Bucket(SWAP_BUDGETS.young.burst)
  #proposal: Proposal | undefined
  #agreement: Agreement | undefined

  constructor(core: Core) {
    this.#core = core
  }

  /** Origin: a neighbour to offer with a shuffle, or `undefined`. */
  propose(shuffleId: number): PeerInfo | undefined {
    const core = this.#core
    if (!this.#idle()) return undefined
    const link = core.replaceable(peer => core.requests.get(peer) !== undefined, true)
    if (link === undefined) return undefined
    const untilMs = core.nowMs + core.config.requestTimeoutMsMax * 2
    this.#proposal = { shuffleId, offered: link.id, counterpart: undefined, untilMs }
    return { id: link.id, data: link.data }
  }

  /** End of the walk: a neighbour to give in exchange, or `undefined`. */
  consider(message: ShuffleMessage): PeerInfo | undefined {
    const core = this.#core
    const { origin, swap: offered, shuffleId } = message
    if (offered === undefined || offered.id === core.self || offered.id === origin.id || !this.#idle())
      return undefined
    if (core.active.has(origin.id) || core.active.has(offered.id)) return undefined
    const barred = (peer: PeerKey): boolean => core.requests.get(peer) !== undefined
    // A neighbour that the origin has too is the best to give up: it opens a triangle.
    const shared = (peer: PeerKey): boolean => message.entries.some(entry => entry.id === peer)
    const common = core.replaceable(peer => barred(peer) || !shared(peer), true)
    const link = common ?? core.replaceable(barred, true)
    const budget = core.nowMs - core.joinedMs < YOUNG_MS ? SWAP_BUDGETS.young : SWAP_BUDGETS.settled
    if (link === undefined || !this.#agreed.take(budget, core.nowMs)) return undefined
    const untilMs = core.nowMs + core.config.requestTimeoutMsMax
    this.#agreement = { shuffleId, origin: origin.id, offered, given: link.id, untilMs }
    return { id: link.id, data: link.data }
  }

  /** Origin: the end of the walk agreed; ask it to become a neighbour. */
  start(from: PeerInfo, shuffleId: number, counterpart: PeerInfo): void {
    const core = this.#core
    const proposal = this.#proposal
    if (proposal === undefined || proposal.shuffleId !== shuffleId || proposal.untilMs <= core.nowMs) return
    const { offered } = proposal
    const fits =
      core.active.has(offered) &&
      !core.active.has(from.id) &&
      core.requests.get(from.id) === undefined &&
      counterpart.id !== core.self &&
      counterpart.id !== offered &&
      counterpart.id !== from.id &&
      core.config.mayReplace(offered)
    if (!fits) {
      this.#proposal = undefined
      return
    }
    proposal.counterpart = counterpart
    core.request(from, 'swap', { swap: shuffleId, replaces: offered })
  }

  /** End of the walk: the origin asks; make the place. */
  giveUp(from: PeerKey, shuffleId: number): boolean {
    const core = this.#core
    const agreement = this.#agreement
    if (agreement === undefined || agreement.shuffleId !== shuffleId || agreement.origin !== from)
      return false
    this.#agreement = undefined
    if (agreement.untilMs <= core.nowMs) return false
    const link = core.active.get(agreement.given)
    if (link === undefined) return core.freeSlots > 0
    core.replace(link, agreement.offered, 'await')
    return true
  }

  /** Origin: the end of the walk has accepted; make the place. */
  complete(offered: Link): boolean {
    const counterpart = this.#proposal?.counterpart
    this.#proposal = undefined
    if (counterpart === undefined) return false
    this.#core.replace(offered, counterpart, 'request')
    return true
  }

  clear(): void {
    this.#proposal = undefined
    this.#agreement = undefined
  }

  /** Only a full view swaps, and only when no other swap is under way. */
  #idle(): boolean {
    const { active, nowMs } = this.#core
    if (this.#proposal !== undefined && this.#proposal.untilMs <= nowMs) this.#proposal = undefined
    if (this.#agreement !== undefined && this.#agreement.untilMs <= nowMs) this.#agreement = undefined
    return this.#proposal === undefined && this.#agreement === undefined && active.size === active.capacity
  }
}
