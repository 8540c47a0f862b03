import type { Random } from '@starling/ports'
import { DEFAULT_CONFIG, type Config } from './config.ts'
import { Core } from './core.ts'
import { Joining } from './joining.ts'
import { Neighboring } from './neighboring.ts'
import { Refill } from './refill.ts'
import { Shuffling } from './shuffling.ts'
import { Swaps } from './swaps.ts'
import type { Input, Message, Output, PeerInfo, PeerKey, Timer } from './types.ts'
import { exceedsLimits } from './validate.ts'

/** What {@link HyParView} is given besides its settings. */
export interface HyParViewInit {
  /** This node's id. */
  readonly self: PeerKey
  /** Opaque data that travels with the id: addresses. Default empty. */
  readonly data?: Uint8Array
  readonly random: Random
}

/**
 * The membership machine of one node in one overlay. Pure: inputs in, outputs out, nothing else touched.
 *
 * The driver performs the outputs in order, brings timers back when they are due, and reports peers it cannot reach. It
 * must deliver the messages between two peers in order, or report the peer lost.
 */
export class HyParView {
  readonly #core: Core
  readonly #refill: Refill
  readonly #joining: Joining
  readonly #neighboring: Neighboring
  readonly #shuffling: Shuffling
  readonly #swaps: Swaps

  /** @param config overrides of {@link DEFAULT_CONFIG}. */
  constructor(config: Partial<Config>, init: HyParViewInit) {
    const full: Config = { ...DEFAULT_CONFIG, ...config }
    const data = init.data ?? new Uint8Array(0)
    checkConfig(full)
    checkData(full, data)
    const core = new Core(full, init.self, init.random, data)
    this.#core = core
    this.#refill = new Refill(core)
    this.#swaps = new Swaps(core)
    this.#joining = new Joining(core)
    this.#neighboring = new Neighboring(core, this.#refill, this.#swaps)
    this.#shuffling = new Shuffling(core, this.#refill, this.#swaps)
  }

  /** The neighbours: exactly the peers that are up by the outputs so far. */
  get activeView(): readonly PeerKey[] {
    return this.#core.active.keys()
  }

  /** The peers in reserve. Disjoint from the active view. */
  get passiveView(): readonly PeerKey[] {
    return this.#core.passive.peers().map(info => info.id)
  }

  /** Requests that have not been answered; none is older than `requestTimeoutMsMax`. */
  get pendingRequests(): readonly { readonly peer: PeerKey; readonly sentMs: number }[] {
    return this.#core.requests.all()
  }

  /** Whether the node takes part: after `join`, until `leave`. */
  get joined(): boolean {
    return this.#core.joined
  }

  /** Every peer worth saving for the next start, neighbours first: give them to `join` as `saved`. */
  savedPeers(): PeerInfo[] {
    const { active, book, passive } = this.#core
    const all = new Map<PeerKey, PeerInfo>()
    for (const { id, data } of active.links) all.set(id, { id, data })
    for (const info of [...book.contacts, ...passive.peers(), ...book.peers()]) {
      if (!all.has(info.id)) all.set(info.id, info)
    }
    return [...all.values()]
  }

  /**
   * Applies one input and returns what is to be done, in order.
   *
   * @param nowMs monotonic time; a smaller one than before counts as the same.
   */
  handle(input: Input, nowMs: number): Output[] {
    const core = this.#core
    core.nowMs = Math.max(core.nowMs, nowMs)
    switch (input.type) {
      case 'join':
        this.#join(input.contacts, input.saved ?? [])
        break
      case 'message':
        this.#onMessage(input.from, input.message)
        if (core.takeLearned()) this.#refill.learned()
        break
      case 'peerLost':
        this.#onPeerLost(input.peer)
        break
      case 'setData':
        checkData(core.config, input.data)
        core.data = input.data
        break
      case 'timer':
        this.#onTimer(input.timer)
        break
      case 'leave':
        this.#leave()
        break
    }
    return core.drain()
  }

  #join(contacts: readonly PeerInfo[], saved: readonly PeerInfo[]): void {
    const core = this.#core
    for (const contact of contacts) {
      checkData(core.config, contact.data)
      if (contact.id !== core.self) core.book.addContact(contact)
    }
    core.recall(saved)
    if (!core.joined) {
      core.joined = true
      core.joinedMs = core.nowMs
      this.#shuffling.start()
      this.#refill.start()
    } else if (core.active.size === 0) {
      this.#refill.start()
    }
  }

  #onMessage(from: PeerKey, message: Message): void {
    const core = this.#core
    if (from === core.self || exceedsLimits(message, core.config)) return core.reject(from, 'invalid')
    if (!core.joined) {
      if (message.type === 'join' || message.type === 'neighbor') core.reply(from, message.requestId, false)
      return core.reject(from, 'notJoined')
    }
    switch (message.type) {
      case 'join':
        return this.#joining.onJoin(from, message)
      case 'forwardJoin':
        return this.#joining.onForwardJoin(from, message)
      case 'neighbor':
        return this.#neighboring.onNeighbor(from, message)
      case 'neighborReply':
        return this.#neighboring.onReply(from, message)
      case 'disconnect':
        return this.#neighboring.onDisconnect(from, message)
      case 'replaced':
        return this.#neighboring.onReplaced(from, message)
      case 'shuffle':
        return this.#shuffling.onShuffle(from, message)
      case 'shuffleReply':
        return this.#shuffling.onReply(from, message)
    }
  }

  /** A lost neighbour stays in reserve: after a short break of the network it is the first to be asked (paper §4.2). */
  #onPeerLost(peer: PeerKey): void {
    const core = this.#core
    if (!core.joined) return
    this.#neighboring.lost(peer)
    const link = core.linkDown(peer, 'failed')
    if (link !== undefined) {
      core.book.addLost({ id: peer, data: link.data })
      core.passive.recordFailure(peer, core.nowMs)
    }
    this.#failRequest(peer)
    if (link !== undefined) this.#refill.lost()
  }

  #onTimer(timer: Timer): void {
    if (!this.#core.joined) return
    switch (timer.type) {
      case 'shuffle':
        return this.#shuffling.onTimer(timer.attempt)
      case 'probe':
        return this.#shuffling.onProbeTimer(timer.attempt)
      case 'refill':
        return this.#refill.onTimer(timer.attempt)
      case 'request':
        return this.#failRequest(timer.peer, timer.requestId)
      case 'expire':
        return this.#neighboring.onExpire()
    }
  }

  /** A request found nobody. The peer is kept with its failure counted, and later only in the address book. */
  #failRequest(peer: PeerKey, requestId?: number): void {
    const core = this.#core
    const request = core.requests.take(peer, requestId)
    if (request === undefined) return
    const info = core.passive.get(peer)
    if (core.passive.recordFailure(peer, core.nowMs) && info !== undefined) core.book.addLost(info)
    this.#refill.failed(request)
  }

  /** Leaving is final: nothing is pending afterwards, and late answers and timers find nothing. */
  #leave(): void {
    const core = this.#core
    if (!core.joined) return
    for (const { id, requestIds } of core.active.links.slice()) {
      core.disconnect(id, requestIds, false)
      core.linkDown(id, 'left')
    }
    core.joined = false
    core.passive.clear()
    core.requests.clear()
    this.#neighboring.clear()
    this.#swaps.clear()
    this.#shuffling.stop()
    this.#refill.reset()
  }
}

function checkData(config: Config, data: Uint8Array): void {
  if (data.length > config.dataBytesMax) {
    throw new RangeError(`peer data has ${data.length} bytes, at most ${config.dataBytesMax} are allowed`)
  }
}

function checkConfig(config: Config): void {
  const atLeast = (name: keyof Config, min: number): void => {
    const value = config[name] as number
    if (!(value >= min)) throw new RangeError(`${name} must be at least ${min}, got ${value}`)
  }
  atLeast('activeViewCapacity', 1)
  atLeast('passiveViewCapacity', 0)
  atLeast('activeRandomWalkLength', 1)
  atLeast('shuffleRandomWalkLength', 1)
  atLeast('shuffleIntervalMs', 1)
  atLeast('refillParallel', 1)
  atLeast('refillPauseMs', 1)
  atLeast('entriesMax', 1)
}
