import type { SeededRandom } from '@starling/ports'
import { LATENCY_MS, NODES_MAX, PARTITION_DETECTION_MS } from './config.ts'
import { digest, finish, mix, mixText } from './digest.ts'
import { LinkOrder } from './link-order.ts'
import type { SimEvent, Simulation } from './simulation.ts'
import { Watches } from './watches.ts'

/** A node of a network: a small whole number, given by {@link SimNetwork.attach} in order from 0. */
export type NodeIndex = number

/** What a node does with what the network tells it. */
export interface NetworkNode<M> {
  /** A message from `from`. The object is the sender's own: treat it as read-only. */
  message(from: NodeIndex, message: M): void
  /** A watched peer is lost ({@link SimNetwork.watch}). The watch has ended. */
  peerLost?(peer: NodeIndex): void
}

/** How a network behaves. Every chance is in 0 … 1. */
export interface SimNetworkInit<M> {
  /** Bounds of the one-way delay, ms. Each pair of nodes draws one delay, for ever, the same both ways. */
  readonly latencyMs?: { readonly min: number; readonly max: number }
  /** Most ms added to single messages, uniformly. Default 0. Links stay first in, first out unless `fifo` is false. */
  readonly jitterMsMax?: number
  /** Whether messages of a link keep their order. Default true. */
  readonly fifo?: boolean
  /** Chance that a message is lost. Default 0. */
  readonly loss?: number
  /** Chance that a message arrives twice. Default 0. */
  readonly duplication?: number
  /** Whether watchers are told of crashes. Default true: an ideal detector, one link delay after the crash. */
  readonly detector?: boolean
  /** Silence after which a watcher gives up a peer behind a partition, ms. Default {@link PARTITION_DETECTION_MS}. */
  readonly partitionDetectionMs?: number
  /** A 32-bit digest of a message for the trace hash. Default {@link digest}. */
  readonly digest?: (message: M) => number
  /** A message as text for a recording trace. Default JSON. */
  readonly describe?: (message: M) => string
  /** Part of the label of this network's randomness. Default `net`. */
  readonly label?: string
}

/** What became of all messages: `sent + duplicated = delivered + lost + blocked + dead + inFlight`. */
export interface NetworkCounters {
  sent: number
  delivered: number
  duplicated: number
  /** Lost by chance. */
  lost: number
  /** Held back by a partition when sent or when due. */
  blocked: number
  /** Addressed to a process that had ended by the time the message came. */
  dead: number
  inFlight: number
}

interface NodeSlot<M> {
  handler: NetworkNode<M>
  up: boolean
  incarnation: number
}

/**
 * A network of messages between numbered nodes: every pair has a fixed delay, and loss, duplication, partitions and
 * crashes can be switched on. Harsher or kinder than a real one as asked, and the same for the same seed.
 */
export class SimNetwork<M> {
  readonly simulation: Simulation
  readonly counters: NetworkCounters = {
    sent: 0,
    delivered: 0,
    duplicated: 0,
    lost: 0,
    blocked: 0,
    dead: 0,
    inFlight: 0
  }
  readonly #nodes: NodeSlot<M>[] = []
  readonly #random: SeededRandom
  readonly #delaySeed: number
  readonly #latencyMin: number
  readonly #latencySpan: number
  readonly #jitterMsMax: number
  readonly #detector: boolean
  readonly #partitionDetectionMs: number
  readonly #digest: (message: M) => number
  readonly #describe: (message: M) => string
  readonly #watches = new Watches()
  readonly #order: LinkOrder | undefined
  #loss: number
  #duplication: number
  #partitions = 0
  #blocked: ((a: NodeIndex, b: NodeIndex) => boolean) | undefined

  constructor(simulation: Simulation, init: SimNetworkInit<M> = {}) {
    const { min, max } = init.latencyMs ?? LATENCY_MS
    if (!(min >= 0 && max >= min))
      throw new RangeError(`latencyMs must have 0 <= min <= max, got ${min} and ${max}`)
    this.simulation = simulation
    const label = init.label ?? 'net'
    this.#random = simulation.random.fork(label)
    this.#delaySeed = mixText(mixText(0, simulation.seed), label)
    this.#latencyMin = min
    this.#latencySpan = max - min
    this.#jitterMsMax = init.jitterMsMax ?? 0
    this.#detector = init.detector ?? true
    this.#partitionDetectionMs = init.partitionDetectionMs ?? PARTITION_DETECTION_MS
    this.#digest = init.digest ?? digest
    this.#describe = init.describe ?? (message => JSON.stringify(message))
    this.#order = this.#jitterMsMax > 0 && (init.fifo ?? true) ? new LinkOrder() : undefined
    this.#loss = chance('loss', init.loss ?? 0)
    this.#duplication = chance('duplication', init.duplication ?? 0)
  }

  /** How many nodes were attached. */
  get size(): number {
    return this.#nodes.length
  }

  /** Adds a node, up at once. */
  attach(handler: NetworkNode<M>): NodeIndex {
    if (this.#nodes.length >= NODES_MAX) throw new RangeError(`a network holds at most ${NODES_MAX} nodes`)
    return this.#nodes.push({ handler, up: true, incarnation: 0 }) - 1
  }

  isUp(node: NodeIndex): boolean {
    return this.#slot(node).up
  }

  /** The fixed one-way delay between two nodes, ms. */
  delayMs(a: NodeIndex, b: NodeIndex): number {
    const word = finish(mix(mix(this.#delaySeed, Math.min(a, b)), Math.max(a, b)))
    return this.#latencyMin + (this.#latencySpan * word) / 4294967296
  }

  /** Sends a message. A crashed sender sends nothing; a message to oneself is a `RangeError`. */
  send(from: NodeIndex, to: NodeIndex, message: M): void {
    if (from === to) throw new RangeError(`node ${from} sends to itself`)
    const target = this.#slot(to)
    if (!this.#slot(from).up) return
    this.counters.sent++
    if (this.#blocked?.(from, to) === true) {
      this.counters.blocked++
      return
    }
    if (this.#loss > 0 && this.#random.float() < this.#loss) {
      this.counters.lost++
      return
    }
    this.#dispatch(from, to, target.incarnation, message)
    if (this.#duplication > 0 && this.#random.float() < this.#duplication) {
      this.counters.duplicated++
      this.#dispatch(from, to, target.incarnation, message)
    }
  }

  /** Changes the chance of loss from now on. */
  setLoss(loss: number): void {
    this.#loss = chance('loss', loss)
  }

  /** Changes the chance of duplication from now on. */
  setDuplication(duplication: number): void {
    this.#duplication = chance('duplication', duplication)
  }

  /**
   * Splits the network: nothing passes between `a` and `b` where the predicate holds, messages in flight included. Watchers
   * across the split are told once it has lasted the detection time. `undefined` heals it.
   */
  partition(blocked: ((a: NodeIndex, b: NodeIndex) => boolean) | undefined): void {
    this.#blocked = blocked
    this.#partitions++
    if (blocked === undefined) return
    for (const [watcher, peer] of this.#watches.pairs()) {
      if (blocked(watcher, peer)) this.#detectPartition(watcher, peer)
    }
  }

  /**
   * Asks that `watcher` be told, once, when `peer` is lost: what a connection does. Watching a dead peer is answered after
   * one link delay.
   */
  watch(watcher: NodeIndex, peer: NodeIndex): void {
    if (this.#watches.add(watcher, peer) === undefined) return
    if (!this.#slot(peer).up) this.#tellLost(watcher, peer, this.delayMs(watcher, peer))
    else if (this.#blocked?.(watcher, peer) === true) this.#detectPartition(watcher, peer)
  }

  unwatch(watcher: NodeIndex, peer: NodeIndex): void {
    this.#watches.remove(watcher, peer)
  }

  /** Ends a node's process without a word. Messages to it die; its watchers learn of it if there is a detector. */
  crash(node: NodeIndex): void {
    const slot = this.#slot(node)
    if (!slot.up) return
    slot.up = false
    this.#watches.removeWatcher(node)
    this.simulation.trace.note(this.simulation.nowMs, node, 'crash')
    for (const watcher of this.#watches.watchersOf(node)) {
      this.#tellLost(watcher, node, this.delayMs(watcher, node))
    }
  }

  /** Starts a crashed node again with a new handler. What was sent to the former process is lost to it. */
  restart(node: NodeIndex, handler: NetworkNode<M>): void {
    const slot = this.#slot(node)
    if (slot.up) throw new RangeError(`node ${node} is up: crash it before starting it again`)
    slot.up = true
    slot.incarnation++
    slot.handler = handler
    this.simulation.trace.note(this.simulation.nowMs, node, 'restart')
  }

  #dispatch(from: NodeIndex, to: NodeIndex, incarnation: number, message: M): void {
    let due = this.simulation.nowMs + this.delayMs(from, to)
    if (this.#jitterMsMax > 0) due += this.#random.float() * this.#jitterMsMax
    if (this.#order !== undefined) due = this.#order.dueMs(from, to, due)
    this.counters.inFlight++
    this.simulation.enqueueAt(due, new Delivery(this, from, to, incarnation, message))
  }

  /** Called by the delivery event when a message is due. */
  deliver(from: NodeIndex, to: NodeIndex, incarnation: number, message: M): void {
    this.counters.inFlight--
    const slot = this.#slot(to)
    if (!slot.up || slot.incarnation !== incarnation) {
      this.counters.dead++
      return
    }
    if (this.#blocked?.(from, to) === true) {
      this.counters.blocked++
      return
    }
    this.counters.delivered++
    const { trace, nowMs } = this.simulation
    trace.fold(nowMs, to, mix(this.#digest(message), from))
    if (trace.recording) trace.line(nowMs, `${from}>${to}`, this.#describe(message))
    slot.handler.message(from, message)
  }

  #detectPartition(watcher: NodeIndex, peer: NodeIndex): void {
    const epoch = this.#partitions
    this.#notice(watcher, peer, this.#partitionDetectionMs, () => epoch === this.#partitions)
  }

  #tellLost(watcher: NodeIndex, peer: NodeIndex, delayMs: number): void {
    if (this.#detector) this.#notice(watcher, peer, delayMs, () => true)
  }

  /** Ends the watch later, if it is still the same watch and `holds` says that the cause is still there. */
  #notice(watcher: NodeIndex, peer: NodeIndex, delayMs: number, holds: () => boolean): void {
    const attempt = this.#watches.attempt(watcher, peer)
    const tell = (): void => {
      if (!holds() || this.#watches.attempt(watcher, peer) !== attempt) return
      this.#watches.remove(watcher, peer)
      this.#slot(watcher).handler.peerLost?.(peer)
    }
    this.simulation.schedule(delayMs, tell, watcher)
  }

  #slot(node: NodeIndex): NodeSlot<M> {
    const slot = this.#nodes[node]
    if (slot === undefined) throw new RangeError(`there is no node ${node}: attach it first`)
    return slot
  }
}

class Delivery<M> implements SimEvent {
  readonly #network: SimNetwork<M>
  readonly #from: NodeIndex
  readonly #to: NodeIndex
  readonly #incarnation: number
  readonly #message: M

  constructor(network: SimNetwork<M>, from: NodeIndex, to: NodeIndex, incarnation: number, message: M) {
    this.#network = network
    this.#from = from
    this.#to = to
    this.#incarnation = incarnation
    this.#message = message
  }

  run(): void {
    this.#network.deliver(this.#from, this.#to, this.#incarnation, this.#message)
  }
}

function chance(name: string, value: number): number {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must be from 0 to 1, got ${value}`)
  return value
}
