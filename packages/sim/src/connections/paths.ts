import type { SeededRandom } from '@starling/ports'
import { RESEND_MS_MAX, RESEND_MS_MIN } from '../config.ts'
import { finish, mix, mixText } from '../digest.ts'
import type { NodeIndex } from '../network-types.ts'
import type { SimEvent, Simulation } from '../simulation.ts'

/** How packets travel. */
export interface PathsInit {
  readonly latencyMs: { readonly min: number; readonly max: number }
  readonly loss: number
  readonly bytesPerSecond: number
  readonly random: SeededRandom
  /** Keys the delays. */
  readonly label: string
  /** Whether a packet may arrive at this host now: false while its process is paused, and the packet waits for it. */
  readonly receives: (host: NodeIndex) => boolean
}

/**
 * Packets between hosts below a reliable transport: none is lost for good while both ends live. What is lost, or meets a
 * cut, is sent again with growing pauses, so it only comes late.
 */
export class Paths {
  readonly #simulation: Simulation
  readonly #init: PathsInit
  readonly #seed: number
  /** When each host's link is done with what it has been given to send. */
  readonly #busyUntilMs: number[] = []
  readonly #waiting = new Map<NodeIndex, Packet[]>()
  #loss: number
  #extraMs: (from: NodeIndex, to: NodeIndex) => number = () => 0
  #blocked: (from: NodeIndex, to: NodeIndex) => boolean = () => false
  /** Packets sent, those sent again included. */
  sent = 0

  constructor(simulation: Simulation, init: PathsInit) {
    this.#simulation = simulation
    this.#init = init
    this.#loss = init.loss
    this.#seed = mixText(mixText(0, simulation.seed), init.label)
  }

  /** The fixed one-way delay of a pair, ms. */
  delayMs(a: NodeIndex, b: NodeIndex): number {
    const { min, max } = this.#init.latencyMs
    const word = finish(mix(mix(this.#seed, Math.min(a, b)), Math.max(a, b)))
    return min + ((max - min) * word) / 4294967296
  }

  blocks(from: NodeIndex, to: NodeIndex): boolean {
    return this.#blocked(from, to)
  }

  setLoss(loss: number): void {
    if (!(loss >= 0 && loss < 1)) throw new RangeError(`loss must be from 0 to below 1, got ${loss}`)
    this.#loss = loss
  }

  setExtraDelay(extraMs: (from: NodeIndex, to: NodeIndex) => number): void {
    this.#extraMs = extraMs
  }

  setBlocked(blocked: (from: NodeIndex, to: NodeIndex) => boolean): void {
    this.#blocked = blocked
  }

  /** Sends a packet. It arrives once, later, unless `alive` is false by then. */
  send(from: NodeIndex, to: NodeIndex, bytes: number, arrive: () => void, alive: () => boolean): void {
    this.#dispatch(new Packet(this, from, to, bytes, arrive, alive))
  }

  /** Lets a host that was paused have what has waited for it, in order. */
  flush(host: NodeIndex): void {
    const waiting = this.#waiting.get(host) ?? []
    this.#waiting.delete(host)
    for (const packet of waiting) packet.run()
  }

  /** Called when a packet is due. */
  due(packet: Packet): void {
    if (!packet.alive()) return
    if (this.#blocked(packet.from, packet.to) || (this.#loss > 0 && this.#init.random.float() < this.#loss)) {
      packet.tries++
      this.#dispatch(packet)
      return
    }
    if (this.#init.receives(packet.to)) return packet.arrive()
    const waiting = this.#waiting.get(packet.to)
    if (waiting === undefined) this.#waiting.set(packet.to, [packet])
    else waiting.push(packet)
  }

  #dispatch(packet: Packet): void {
    this.sent++
    const { from, to, bytes, tries } = packet
    const { nowMs } = this.#simulation
    const startMs = Math.max(nowMs, this.#busyUntilMs[from] ?? 0)
    const doneMs = startMs + (bytes / this.#init.bytesPerSecond) * 1_000
    this.#busyUntilMs[from] = doneMs
    const againMs = tries === 0 ? 0 : Math.min(RESEND_MS_MAX, RESEND_MS_MIN * 2 ** (tries - 1))
    const dueMs = doneMs + againMs + this.delayMs(from, to) + this.#extraMs(from, to)
    this.#simulation.enqueueAt(dueMs, packet)
  }
}

class Packet implements SimEvent {
  readonly #paths: Paths
  readonly from: NodeIndex
  readonly to: NodeIndex
  readonly bytes: number
  readonly arrive: () => void
  readonly alive: () => boolean
  tries = 0

  constructor(
    paths: Paths,
    from: NodeIndex,
    to: NodeIndex,
    bytes: number,
    arrive: () => void,
    alive: () => boolean
  ) {
    this.#paths = paths
    this.from = from
    this.to = to
    this.bytes = bytes
    this.arrive = arrive
    this.alive = alive
  }

  run(): void {
    this.#paths.due(this)
  }
}
