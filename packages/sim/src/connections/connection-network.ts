import type { SeededRandom } from '@starling/ports'
import {
  CONTROL_PACKET_BYTES,
  DETECTION_SPREAD,
  LATENCY_MS,
  NODES_MAX,
  PARTITION_DETECTION_MS
} from '../config.ts'
import type { NodeIndex } from '../network-types.ts'
import type { Simulation } from '../simulation.ts'
import { SimConnection, type ConnectionWire } from './connection.ts'
import { DialFailedError } from './connection-errors.ts'
import type { CancelSignal, ConnectionNetworkInit, DialOutcome, Identity } from './connection-types.ts'
import { SimHost } from './host.ts'
import { Paths } from './paths.ts'

/**
 * A network of connections between hosts, as QUIC gives them: dials that succeed, are refused or hang; reliable streams with
 * no order between two of them; ends that learn of a connection's death at different times, or half of one that lives on.
 * Programs run on it with `Simulation.runAsync`.
 */
export class ConnectionNetwork<P extends Identity = Identity> {
  readonly simulation: Simulation
  readonly #hosts: SimHost<P>[] = []
  readonly #byAddress = new Map<string, SimHost<P>>()
  readonly #paths: Paths
  readonly #random: SeededRandom
  readonly #idleMs: number
  readonly #inboundPerSecondMax: number
  readonly #wire: ConnectionWire
  /** Both ends of every connection that lives at one end at least. */
  readonly #ends = new Set<SimConnection<P>>()
  readonly #pausedSinceMs = new Map<NodeIndex, number>()
  /** Times of the last accepted connections, by host. */
  readonly #inbound = new Map<NodeIndex, number[]>()
  #dialOutcome: (from: NodeIndex, to: NodeIndex) => DialOutcome = () => 'connect'
  #stalled: (reader: NodeIndex, sender: NodeIndex) => boolean = () => false
  #count = 0

  constructor(simulation: Simulation, init: ConnectionNetworkInit = {}) {
    this.simulation = simulation
    const label = init.label ?? 'connections'
    this.#random = simulation.random.fork(label)
    this.#idleMs = init.idleMs ?? PARTITION_DETECTION_MS
    this.#inboundPerSecondMax = init.inboundPerSecondMax ?? Infinity
    this.#paths = new Paths(simulation, {
      latencyMs: init.latencyMs ?? LATENCY_MS,
      loss: init.loss ?? 0,
      bytesPerSecond: init.bytesPerSecond ?? Infinity,
      random: this.#random.fork('packets'),
      label,
      receives: host => !this.host(host).paused
    })
    this.#wire = {
      paths: this.#paths,
      idleMs: () => this.#idleMs * (1 + DETECTION_SPREAD * this.#random.float()),
      stalled: (reader, sender) => this.#stalled(reader, sender)
    }
  }

  /** Packets sent so far, repetitions included. */
  get packets(): number {
    return this.#paths.sent
  }

  get hosts(): readonly SimHost<P>[] {
    return this.#hosts
  }

  /** Adds a host, up at once. `address` is where it is dialled; the text of no other host's. */
  attach(peer: P, address: string): SimHost<P> {
    if (this.#byAddress.has(address)) throw new RangeError(`there is a host at ${address} already`)
    if (this.#hosts.length >= NODES_MAX) throw new RangeError(`a network holds at most ${NODES_MAX} hosts`)
    const host = new SimHost<P>(this, this.#hosts.length, peer, address)
    this.#hosts.push(host)
    this.#byAddress.set(address, host)
    return host
  }

  host(index: NodeIndex): SimHost<P> {
    const host = this.#hosts[index]
    if (host === undefined) throw new RangeError(`there is no host ${index}: attach it first`)
    return host
  }

  /** The fixed one-way delay between two hosts, ms. */
  delayMs(a: NodeIndex, b: NodeIndex): number {
    return this.#paths.delayMs(a, b)
  }

  /** Splits the network by direction; what crosses is sent again until the ends give up. `undefined` heals it. */
  partition(blocked: ((from: NodeIndex, to: NodeIndex) => boolean) | undefined): void {
    this.#paths.setBlocked(blocked ?? (() => false))
    this.#listenAll()
  }

  /** The chance that a packet is lost, and so late, from now on. */
  setLoss(loss: number): void {
    this.#paths.setLoss(loss)
  }

  /** Adds to the delay of packets sent from now on; those of different streams may then overtake each other. */
  setExtraDelay(extraMs: ((from: NodeIndex, to: NodeIndex) => number) | undefined): void {
    this.#paths.setExtraDelay(extraMs ?? (() => 0))
  }

  /** What dials from now on meet. A host that is down lets every dial hang. Default: they connect. */
  setDialOutcome(outcome: ((from: NodeIndex, to: NodeIndex) => DialOutcome) | undefined): void {
    this.#dialOutcome = outcome ?? (() => 'connect')
  }

  /** Holds back the credits of these readers, so that whoever sends to them stalls. `undefined` lets all go on. */
  setStalled(stalled: ((reader: NodeIndex, sender: NodeIndex) => boolean) | undefined): void {
    this.#stalled = stalled ?? (() => false)
    for (const end of [...this.#ends]) end.unstall()
  }

  /** Ends every connection between two hosts at once, at both ends. */
  reset(a: NodeIndex, b: NodeIndex): void {
    for (const end of this.#between(a, b)) end.vanish()
  }

  /** Lets `at` forget its connections with `peer`, who is not told and goes on believing in them. */
  halve(at: NodeIndex, peer: NodeIndex): void {
    for (const end of this.#between(at, peer)) if (end.host.index === at) end.vanish()
  }

  /** Ends a host's process without a word: its peers find out by silence. */
  crash(index: NodeIndex): void {
    const host = this.host(index)
    if (!host.up) return
    this.simulation.trace.note(this.simulation.nowMs, index, 'crash')
    this.#pausedSinceMs.delete(index)
    host.crashed()
    for (const end of [...this.#ends]) if (end.host === host) this.#ends.delete(end)
    this.#listenAll()
  }

  /** Lets a crashed host start again, with nothing of what it had. */
  restart(index: NodeIndex): void {
    const host = this.host(index)
    if (host.up) throw new RangeError(`host ${index} is up: crash it before starting it again`)
    host.up = true
    this.simulation.trace.note(this.simulation.nowMs, index, 'restart')
  }

  /** Stops a host's process where it stands; its timers are its ports' to stop. */
  pause(index: NodeIndex): void {
    const host = this.host(index)
    if (!host.up || host.paused) return
    host.paused = true
    this.#pausedSinceMs.set(index, this.simulation.nowMs)
    this.#listenAll()
  }

  /** Lets a paused host go on: what has arrived comes in a burst, and connections its peers have given up are gone. */
  resume(index: NodeIndex): void {
    const host = this.host(index)
    const sinceMs = this.#pausedSinceMs.get(index)
    if (sinceMs === undefined) return
    this.#pausedSinceMs.delete(index)
    host.paused = false
    const beyondIdle = this.simulation.nowMs - sinceMs >= this.#idleMs
    for (const end of [...this.#ends]) if (end.host === host) end.resumed(beyondIdle)
    this.#paths.flush(index)
    this.#listenAll()
  }

  /** Called by a host; see `SimHost.openConnection`. */
  dial(from: SimHost<P>, address: string, signal: CancelSignal | undefined): Promise<SimConnection<P>> {
    const { promise, resolve, reject } = Promise.withResolvers<SimConnection<P>>()
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const dial: Dial<P> = { from, incarnation: from.incarnation, waiting: true, resolve, reject }
    const giveUp = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', giveUp, { once: true })
    const settled = (): void => {
      dial.waiting = false
      signal?.removeEventListener('abort', giveUp)
    }
    promise.then(settled, settled)
    const [place = '', meant] = address.split('/p2p/')
    const to = this.#byAddress.get(place)
    // Nobody is there: over UDP that is silence, and only the dialler's own patience ends it.
    if (to === undefined || to === from) return promise
    this.#hop(dial, from.index, to.index, () => this.#answer(dial, to, address, meant))
    return promise
  }

  /** The first packet of a handshake has come to its target. */
  #answer(dial: Dial<P>, to: SimHost<P>, address: string, meant: string | undefined): void {
    const outcome = to.up ? this.#dialOutcome(dial.from.index, to.index) : 'hang'
    if (outcome === 'hang') return
    const refused = (detail: string): void => {
      this.#hop(dial, to.index, dial.from.index, () => dial.reject(new DialFailedError(address, detail)))
    }
    if (outcome === 'refuse') return refused('it was refused')
    if (meant !== undefined && meant !== to.peer.toString()) return refused('another peer is there')
    if (!this.#admits(to.index)) return refused('the host takes no more connections in this second')
    const { incarnation } = to
    this.#hop(dial, to.index, dial.from.index, () => {
      if (to.incarnation !== incarnation) return
      this.#connect(dial, to)
    })
  }

  /** The handshake is done at the dialler, and one delay later at the acceptor. */
  #connect(dial: Dial<P>, to: SimHost<P>): void {
    const { from } = dial
    const id = `c${this.#count++}`
    const dialler = new SimConnection<P>(from, to, 'outbound', `${id}-out`, this.#wire)
    const acceptor = new SimConnection<P>(to, from, 'inbound', `${id}-in`, this.#wire)
    dialler.pair(acceptor)
    acceptor.pair(dialler)
    this.#ends.add(dialler)
    this.#ends.add(acceptor)
    dialler.complete(CONTROL_PACKET_BYTES)
    dialler.announce()
    dial.resolve(dialler)
    this.#listenAll()
  }

  /** One packet of a handshake; the dialler's process must be the same when it comes. */
  #hop(dial: Dial<P>, from: NodeIndex, to: NodeIndex, arrive: () => void): void {
    this.#paths.send(from, to, CONTROL_PACKET_BYTES, arrive, () => {
      return dial.from.incarnation === dial.incarnation && dial.waiting
    })
  }

  #admits(index: NodeIndex): boolean {
    if (this.#inboundPerSecondMax === Infinity) return true
    const { nowMs } = this.simulation
    const recent = (this.#inbound.get(index) ?? []).filter(atMs => nowMs - atMs < 1_000)
    const admits = recent.length < this.#inboundPerSecondMax
    if (admits) recent.push(nowMs)
    this.#inbound.set(index, recent)
    return admits
  }

  /** Something has changed what can be heard: every end looks again, and those that are over are forgotten. */
  #listenAll(): void {
    for (const end of [...this.#ends]) {
      if (!end.alive) this.#ends.delete(end)
      else end.listen(other => this.#heard(other, end))
    }
  }

  /** Whether `listener` hears anything of `speaker`: its process runs, believes in the connection, and its packets pass. */
  #heard(speaker: SimConnection<P>, listener: SimConnection<P>): boolean {
    if (!speaker.alive || speaker.host.paused || !speaker.host.up) return false
    return !this.#paths.blocks(speaker.host.index, listener.host.index)
  }

  #between(a: NodeIndex, b: NodeIndex): SimConnection<P>[] {
    return [...this.#ends].filter(({ host, remote }) => {
      return (host.index === a && remote === b) || (host.index === b && remote === a)
    })
  }
}

/** A dial under way. */
interface Dial<P extends Identity> {
  readonly from: SimHost<P>
  readonly incarnation: number
  /** Whether its caller has not given it up. */
  waiting: boolean
  readonly resolve: (connection: SimConnection<P>) => void
  readonly reject: (reason: unknown) => void
}
