import type { SeededRandom } from '@starling/ports'
import { DETECTION_SPREAD, LATENCY_MS, NODES_MAX, PARTITION_DETECTION_MS } from './config.ts'
import { digest, finish, mix, mixText } from './digest.ts'
import { LinkConditions } from './link-conditions.ts'
import type { NetworkCounters, NetworkNode, NodeIndex, SimNetworkInit } from './network-types.ts'
import type { SimEvent, Simulation } from './simulation.ts'
import { Watches } from './watches.ts'

interface NodeSlot<M> {
  handler: NetworkNode<M>
  up: boolean
  incarnation: number
  /** Set while the process is paused. */
  pause: Pause<M> | undefined
}

interface Pause<M> {
  readonly sinceMs: number
  /** What has arrived meanwhile, in order. */
  readonly held: Delivery<M>[]
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
  readonly #detector: boolean
  readonly #partitionDetectionMs: number
  readonly #digest: (message: M) => number
  readonly #describe: (message: M) => string
  readonly #watches = new Watches()
  readonly #conditions: LinkConditions
  #partitions = 0
  #blocked: ((from: NodeIndex, to: NodeIndex) => boolean) | undefined

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
    this.#detector = init.detector ?? true
    this.#partitionDetectionMs = init.partitionDetectionMs ?? PARTITION_DETECTION_MS
    this.#digest = init.digest ?? digest
    this.#describe = init.describe ?? (message => JSON.stringify(message))
    this.#conditions = new LinkConditions(this.#random)
    this.setJitter(init.jitterMsMax ?? 0, init.fifo ?? true)
    this.setLoss(init.loss ?? 0)
    this.setDuplication(init.duplication ?? 0)
  }

  /** How many nodes were attached. */
  get size(): number {
    return this.#nodes.length
  }

  /** Adds a node, up at once. */
  attach(handler: NetworkNode<M>): NodeIndex {
    if (this.#nodes.length >= NODES_MAX) throw new RangeError(`a network holds at most ${NODES_MAX} nodes`)
    return this.#nodes.push({ handler, up: true, incarnation: 0, pause: undefined }) - 1
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
    if (this.#conditions.loses()) {
      this.counters.lost++
      return
    }
    this.#dispatch(from, to, target.incarnation, message)
    if (this.#conditions.doubles()) {
      this.counters.duplicated++
      this.#dispatch(from, to, target.incarnation, message)
    }
  }

  /** Changes the chance of loss from now on. */
  setLoss(loss: number): void {
    this.#conditions.setLoss(loss)
  }

  /** Changes the chance of duplication from now on. */
  setDuplication(duplication: number): void {
    this.#conditions.setDuplication(duplication)
  }

  /** Adds up to `jitterMsMax` to single messages from now on; unless `fifo` they may overtake each other. */
  setJitter(jitterMsMax: number, fifo: boolean = true): void {
    this.#conditions.setJitter(jitterMsMax, fifo)
  }

  /** Adds to the delay of each message sent from now on, by its ends: slow or clogged nodes and links. */
  setExtraDelay(extraMs: ((from: NodeIndex, to: NodeIndex) => number) | undefined): void {
    this.#conditions.setExtraDelay(extraMs)
  }

  /**
   * Splits the network: nothing passes from `from` to `to` where the predicate holds, messages in flight included. Watchers
   * across the split, be it open in one direction, are told once it has lasted the detection time. `undefined` heals it.
   */
  partition(blocked: ((from: NodeIndex, to: NodeIndex) => boolean) | undefined): void {
    this.#blocked = blocked
    this.#partitions++
    if (blocked === undefined) return
    for (const [watcher, peer] of this.#watches.pairs()) {
      if (this.#isParted(watcher, peer)) this.#detectPartition(watcher, peer)
    }
  }

  /**
   * Asks that `watcher` be told, once, when `peer` is lost: what a connection does. Watching a dead peer is answered after
   * one link delay.
   */
  watch(watcher: NodeIndex, peer: NodeIndex): void {
    if (this.#watches.add(watcher, peer) === undefined) return
    if (!this.#slot(peer).up) this.#tellLost(watcher, peer, this.delayMs(watcher, peer))
    else if (this.#isParted(watcher, peer)) this.#detectPartition(watcher, peer)
    else this.#detectPause(watcher, peer)
  }

  unwatch(watcher: NodeIndex, peer: NodeIndex): void {
    this.#watches.remove(watcher, peer)
  }

  /** Whether the watch stands: neither ended nor told. */
  isWatching(watcher: NodeIndex, peer: NodeIndex): boolean {
    return this.#watches.attempt(watcher, peer) !== undefined
  }

  /** Ends a node's process without a word. Messages to it die; its watchers learn of it if there is a detector. */
  crash(node: NodeIndex): void {
    const slot = this.#slot(node)
    if (!slot.up) return
    slot.up = false
    for (const delivery of slot.pause?.held ?? []) delivery.run()
    slot.pause = undefined
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

  /**
   * Stops a node's process where it stands: what arrives waits. Its watchers are told once the silence has lasted the
   * detection time. Its timers are its ports' to stop (`NodePorts.pause`).
   */
  pause(node: NodeIndex): void {
    const slot = this.#slot(node)
    if (!slot.up || slot.pause !== undefined) return
    slot.pause = { sinceMs: this.simulation.nowMs, held: [] }
    this.simulation.trace.note(this.simulation.nowMs, node, 'pause')
    for (const watcher of this.#watches.watchersOf(node)) this.#detectPause(watcher, node)
  }

  /**
   * Lets a paused node go on: everything that waited is delivered now, in order. After a pause beyond the detection time its
   * connections are gone at the other ends, so it is told that everybody it watches is lost.
   */
  resume(node: NodeIndex): void {
    const slot = this.#slot(node)
    const { pause } = slot
    if (pause === undefined) return
    slot.pause = undefined
    this.simulation.trace.note(this.simulation.nowMs, node, 'resume')
    for (const delivery of pause.held) delivery.run()
    if (this.simulation.nowMs - pause.sinceMs < this.#partitionDetectionMs) return
    for (const peer of this.#watches.watchedBy(node)) {
      this.#notice(node, peer, this.delayMs(node, peer), () => true)
    }
  }

  isPaused(node: NodeIndex): boolean {
    return this.#slot(node).pause !== undefined
  }

  #dispatch(from: NodeIndex, to: NodeIndex, incarnation: number, message: M): void {
    const due = this.#conditions.dueMs(from, to, this.simulation.nowMs + this.delayMs(from, to))
    this.counters.inFlight++
    this.simulation.enqueueAt(due, new Delivery(this, from, to, incarnation, message))
  }

  /** Called by the delivery event when a message is due, and again for what a paused process has kept waiting. */
  deliver(delivery: Delivery<M>): void {
    const { from, to, incarnation, message } = delivery
    const slot = this.#slot(to)
    if (slot.pause !== undefined && slot.up && slot.incarnation === incarnation) {
      slot.pause.held.push(delivery)
      return
    }
    this.counters.inFlight--
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
    this.#notice(watcher, peer, this.#patienceMs(), () => epoch === this.#partitions)
  }

  #detectPause(watcher: NodeIndex, peer: NodeIndex): void {
    const slot = this.#slot(peer)
    const { pause } = slot
    if (pause !== undefined) this.#notice(watcher, peer, this.#patienceMs(), () => slot.pause === pause)
  }

  #patienceMs(): number {
    return this.#partitionDetectionMs * (1 + DETECTION_SPREAD * this.#random.float())
  }

  /** A connection dies when either direction is cut: what arrives goes unanswered. */
  #isParted(a: NodeIndex, b: NodeIndex): boolean {
    return this.#blocked?.(a, b) === true || this.#blocked?.(b, a) === true
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
  readonly from: NodeIndex
  readonly to: NodeIndex
  readonly incarnation: number
  readonly message: M

  constructor(network: SimNetwork<M>, from: NodeIndex, to: NodeIndex, incarnation: number, message: M) {
    this.#network = network
    this.from = from
    this.to = to
    this.incarnation = incarnation
    this.message = message
  }

  run(): void {
    this.#network.deliver(this)
  }
}
