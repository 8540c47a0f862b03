import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Contact } from '@starling/gossip'
import type { SeededRandom } from '@starling/ports'
import type { Simulation } from '@starling/sim'
import type { NodeTransport } from './cluster-node.ts'
import { SimConnection } from './sim-connection.ts'
import { SimEndpoint } from './sim-endpoint.ts'

/** Silence after which QUIC gives a connection up, ms; each end waits up to a fifth longer. */
const IDLE_MS = 10_000
/** Between two looks at who is within reach, ms. */
const REACH_MS = 500
const LATENCY_MS = { min: 5, max: 40 }

interface Machine {
  readonly peerId: PeerId
  readonly address: string
  endpoint: SimEndpoint | undefined
  extraMs: number
  paused: boolean
  /** What came while the process stood still. */
  held: (() => void)[]
}

/**
 * A network of connections: reliable and in order, until one end is silent for too long. The other end of a connection learns of
 * a death by silence, each at a time of its own, as over QUIC. A dial into a partition hangs.
 */
export class SimTransport {
  readonly #simulation: Simulation
  readonly #random: SeededRandom
  readonly #machines: readonly Machine[]
  readonly #delays = new Map<string, number>()
  #cuts: { readonly side: ReadonlySet<number>; readonly untilMs: number }[] = []
  #connections = 0

  /** Peer ids need keys, whose making is asynchronous; it is done before virtual time begins. */
  static async create(simulation: Simulation, nodes: number): Promise<SimTransport> {
    const machines: Machine[] = []
    for (let i = 0; i < nodes; i++) {
      const seed = new Uint8Array(32).fill(i & 0xff, 0, 1).fill(i >> 8, 1, 2)
      const peerId = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed))
      const address = `/ip4/10.0.${i >> 8}.${(i & 0xff) + 1}/udp/4001/quic-v1`
      machines.push({ peerId, address, endpoint: undefined, extraMs: 0, paused: false, held: [] })
    }
    return new SimTransport(simulation, machines)
  }

  private constructor(simulation: Simulation, machines: readonly Machine[]) {
    this.#simulation = simulation
    this.#random = simulation.random.fork('transport')
    this.#machines = machines
    simulation.schedule(REACH_MS, () => this.#watch())
  }

  node(index: number): NodeTransport {
    const machine = this.#machine(index)
    return {
      attach: () => {
        machine.endpoint = new SimEndpoint(this, index, machine.peerId, machine.address)
        return machine.endpoint.components()
      },
      detach: () => {
        // Its connections stay, as the others see it, until silence tells them.
        if (machine.endpoint !== undefined) machine.endpoint.alive = false
        machine.endpoint = undefined
        machine.held = []
      }
    }
  }

  contacts(indices: readonly number[]): Contact[] {
    return indices.map(index => {
      const { peerId, address } = this.#machine(index)
      return { peer: peerId.toString(), addresses: [`${address}/p2p/${peerId.toString()}`] }
    })
  }

  multiaddrOf(index: number): Multiaddr {
    return multiaddr(this.#machine(index).address)
  }

  partition(side: readonly number[], lastsMs: number): void {
    this.#cuts.push({ side: new Set(side), untilMs: this.#simulation.nowMs + lastsMs })
  }

  slow(index: number, extraMs: number, lastsMs: number): void {
    const machine = this.#machine(index)
    machine.extraMs += extraMs
    this.#simulation.schedule(lastsMs, () => (machine.extraMs -= Math.min(machine.extraMs, extraMs)))
  }

  pause(index: number): void {
    this.#machine(index).paused = true
  }

  resume(index: number): void {
    const machine = this.#machine(index)
    machine.paused = false
    for (const deliver of machine.held.splice(0)) deliver()
  }

  heal(): void {
    this.#cuts = []
    for (const [index, machine] of this.#machines.entries()) {
      machine.extraMs = 0
      this.resume(index)
    }
  }

  get nowMs(): number {
    return this.#simulation.nowMs
  }

  /** When what is sent now arrives, if nothing holds it back. */
  arrivalMs(from: SimEndpoint, to: SimEndpoint): number {
    return this.nowMs + this.#delayMs(from.index, to.index)
  }

  at(atMs: number, task: () => void): void {
    this.#simulation.schedule(Math.max(0, atMs - this.nowMs), task)
  }

  /** Whether something due cannot be delivered now; `again` is called when it may be tried once more. */
  holdsBack(from: SimEndpoint, to: SimEndpoint, again: () => void): boolean {
    const machine = this.#machine(to.index)
    if (this.#isCut(from.index, to.index)) this.at(this.nowMs + REACH_MS, again)
    else if (machine.paused) machine.held.push(again)
    else {
      this.#simulation.trace.fold(this.nowMs, to.index, from.index)
      return false
    }
    return true
  }

  async dial(from: SimEndpoint, address: string, signal: AbortSignal | undefined): Promise<SimConnection> {
    const to = this.#machines.findIndex(
      machine => address === `${machine.address}/p2p/${machine.peerId.toString()}`
    )
    if (to < 0) throw new Error('the address leads nowhere')
    // Two flights there and one back: a handshake of QUIC.
    await this.#sleep(3 * this.#delayMs(from.index, to))
    signal?.throwIfAborted()
    const endpoint = this.#machine(to).endpoint
    if (this.#isCut(from.index, to) || this.#machine(to).paused) {
      await this.#sleep(IDLE_MS, signal)
      throw new Error('the dial timed out')
    }
    if (endpoint === undefined || !from.alive) throw new Error('nobody listens there')
    return this.#connect(from, endpoint)
  }

  #connect(from: SimEndpoint, to: SimEndpoint): SimConnection {
    const number = ++this.#connections
    const { nowMs } = this.#simulation
    const dialler = new SimConnection(`${number} out`, from, to, 'outbound', nowMs)
    const acceptor = new SimConnection(`${number} in`, to, from, 'inbound', nowMs)
    dialler.other = acceptor
    acceptor.other = dialler
    from.connections.add(dialler)
    to.connections.add(acceptor)
    from.tell('connection:open', dialler)
    to.tell('connection:open', acceptor)
    return dialler
  }

  /** Gives up connections whose other end has been out of reach for too long. */
  #watch(): void {
    const { nowMs } = this.#simulation
    this.#cuts = this.#cuts.filter(({ untilMs }) => untilMs > nowMs)
    for (const { endpoint, paused } of this.#machines) {
      if (endpoint === undefined || paused) continue
      for (const connection of [...endpoint.connections]) {
        const far = connection.other?.endpoint
        const within =
          far !== undefined &&
          far.alive &&
          !this.#machine(far.index).paused &&
          !this.#isCut(far.index, endpoint.index) &&
          connection.other?.status === 'open'
        if (within) connection.heardMs = nowMs
        else if (nowMs - connection.heardMs > IDLE_MS * (1 + this.#random.float() / 5)) connection.lost()
      }
    }
    this.#simulation.schedule(REACH_MS, () => this.#watch())
  }

  #isCut(a: number, b: number): boolean {
    const { nowMs } = this.#simulation
    return this.#cuts.some(({ side, untilMs }) => untilMs > nowMs && side.has(a) !== side.has(b))
  }

  #delayMs(a: number, b: number): number {
    const pair = a < b ? `${a} ${b}` : `${b} ${a}`
    let delay = this.#delays.get(pair)
    if (delay === undefined) {
      delay = LATENCY_MS.min + this.#random.float() * (LATENCY_MS.max - LATENCY_MS.min)
      this.#delays.set(pair, delay)
    }
    return delay + this.#machine(a).extraMs + this.#machine(b).extraMs
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#simulation.schedule(ms, resolve)
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
  }

  #machine(index: number): Machine {
    const machine = this.#machines[index]
    if (machine === undefined) throw new RangeError(`there is no node ${index}`)
    return machine
  }
}
