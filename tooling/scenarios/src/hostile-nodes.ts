import type { Message, PeerInfo } from '@starling/hyparview'
import { pick, sample, type SeededRandom } from '@starling/ports'
import type { NodeIndex } from '@starling/sim'
import type { OverlayWorld } from './overlay-world.ts'

/** What hostile nodes do, besides everything a neighbour may do. */
export interface Attack {
  /** Shuffles that each sends in a minute, each to a neighbour or a random honest node. */
  readonly shufflesPerMinute: number
  /** Requests of the highest priority that each sends in a minute, each to a random honest node. */
  readonly requestsPerMinute: number
  /** Share of those requests that are joins instead. */
  readonly joining: number
  /** Forged joins of fellows that each sends to each of its neighbours in a minute. */
  readonly joinsPerMinute: number
  /** Links each keeps: more than an honest node. */
  readonly linksMax: number
}

/** Peers in one list of a message: what honest nodes accept at most. */
const ENTRIES = 8
const SAMPLES = 4
const TTL = 6

/**
 * A coalition that tries to surround honest nodes. Its members take every link they can get, name only each other, bring each
 * other in through forged joins, end every walk that comes their way, and pass no broadcast on. They know all honest nodes.
 */
export class Coalition<X> {
  readonly members: ReadonlySet<NodeIndex>
  readonly #list: readonly NodeIndex[]
  readonly #world: () => OverlayWorld<X>
  readonly #attack: Attack
  readonly #random: SeededRandom
  /** The links of each member, with the request ids that made them. */
  readonly #links = new Map<NodeIndex, Map<NodeIndex, number[]>>()
  #attacking = false

  constructor(
    members: readonly NodeIndex[],
    world: () => OverlayWorld<X>,
    attack: Attack,
    random: SeededRandom
  ) {
    this.#list = members
    this.members = new Set(members)
    this.#world = world
    this.#attack = attack
    this.#random = random
    for (const member of members) this.#links.set(member, new Map())
  }

  /** Begins: every member asks for links from now on, without end. */
  start(): void {
    this.#attacking = true
    for (const member of this.#list) {
      this.#every(member, this.#attack.requestsPerMinute, () => this.#ask(member))
      this.#every(member, this.#attack.shufflesPerMinute, () => this.#poison(member))
      this.#every(member, this.#attack.joinsPerMinute, () => this.#forge(member))
    }
  }

  /** What a member does with a message of the overlay. Those of broadcasts it swallows. */
  message(member: NodeIndex, from: NodeIndex, message: Message): void {
    if (!this.#attacking) return
    switch (message.type) {
      case 'join':
      case 'neighbor':
        return this.#answer(member, from, message.requestId)
      case 'neighborReply':
        if (message.accepted) this.#link(member, from, message.requestId)
        return
      case 'disconnect':
      case 'replaced':
        this.#links.get(member)?.delete(from)
        return
      case 'forwardJoin':
        // The walk ends here: a member offers itself in the place of whoever would have been found.
        return this.#request(member, this.#world().index(message.peer.id))
      case 'shuffle': {
        const origin = this.#world().index(message.origin.id)
        if (origin === member || this.members.has(origin)) return
        return this.#send(member, origin, {
          type: 'shuffleReply',
          shuffleId: message.shuffleId,
          data: NO_DATA,
          entries: this.#fellows(ENTRIES),
          swap: message.swap === undefined ? undefined : this.#fellows(1)[0]
        })
      }
      case 'shuffleReply':
        return
    }
  }

  lost(member: NodeIndex, peer: NodeIndex): void {
    this.#links.get(member)?.delete(peer)
  }

  #every(member: NodeIndex, perMinute: number, task: () => void): void {
    if (perMinute === 0) return
    const everyMs = 60_000 / perMinute
    const again = (): void => {
      task()
      this.#world().ports(member).timers.schedule(everyMs, again)
    }
    this.#world()
      .ports(member)
      .timers.schedule(this.#random.float() * everyMs, again)
  }

  /** Asks a random honest node for a link as if it had none at all, or joins through it as if it were new. */
  #ask(member: NodeIndex): void {
    const target = this.#honest()
    if (target === undefined || this.#size(member) >= this.#attack.linksMax) return
    if (this.#random.float() >= this.#attack.joining) return this.#request(member, target)
    this.#send(member, target, { type: 'join', requestId: this.#random.uint32(), data: NO_DATA })
  }

  #request(member: NodeIndex, to: NodeIndex): void {
    if (this.members.has(to)) return
    this.#send(member, to, {
      type: 'neighbor',
      requestId: this.#random.uint32(),
      priority: 'high',
      data: NO_DATA,
      active: [],
      split: undefined,
      replaces: undefined,
      swap: undefined
    })
  }

  /** A shuffle full of fellows, over a link where there is one, with an offer to swap. */
  #poison(member: NodeIndex): void {
    const links = [...(this.#links.get(member) ?? [])]
    const [peer, ids] = pick(this.#random, links) ?? [this.#honest(), []]
    if (peer === undefined) return
    this.#send(member, peer, {
      type: 'shuffle',
      shuffleId: this.#random.uint32(),
      origin: this.#world().info(member),
      ttl: this.#random.below(TTL + 1),
      link: ids?.[0] ?? 0,
      entries: this.#fellows(ENTRIES),
      swap: this.#fellows(1)[0]
    })
  }

  /** Joins of fellows that never were, forwarded to the neighbours. */
  #forge(member: NodeIndex): void {
    for (const peer of this.#links.get(member)?.keys() ?? []) {
      const fellow = this.#fellows(1)[0] as PeerInfo
      this.#send(member, peer, { type: 'forwardJoin', peer: fellow, walk: 'open', ttl: TTL, spareHops: 0 })
    }
  }

  #answer(member: NodeIndex, to: NodeIndex, requestId: number): void {
    const accepted = this.#size(member) < this.#attack.linksMax
    this.#send(member, to, {
      type: 'neighborReply',
      requestId,
      accepted,
      data: NO_DATA,
      samples: this.#fellows(SAMPLES)
    })
    if (accepted) this.#link(member, to, requestId)
  }

  #link(member: NodeIndex, peer: NodeIndex, requestId: number): void {
    this.#links.get(member)?.set(peer, [requestId])
    this.#world().network.watch(member, peer)
  }

  #size(member: NodeIndex): number {
    return this.#links.get(member)?.size ?? 0
  }

  #honest(): NodeIndex | undefined {
    const node = this.#random.below(this.#world().size)
    return this.members.has(node) ? undefined : node
  }

  #fellows(count: number): PeerInfo[] {
    return sample(this.#random, this.#list, count).map(member => this.#world().info(member))
  }

  #send(member: NodeIndex, to: NodeIndex, message: Message): void {
    if (to !== member) this.#world().network.send(member, to, { layer: 'overlay', message })
  }
}

const NO_DATA = new Uint8Array(0)
