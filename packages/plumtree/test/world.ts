import { seededRandom, type SeededRandom } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { createSimulation, digest, SimNetwork, type NodeIndex, type Simulation } from '@starling/sim'
import {
  Plumtree,
  plumtreeConfig,
  type Message,
  type Output,
  type PlumtreeConfig,
  type Timer
} from '../src/index.ts'

/** One payload at one node. */
export interface Delivery {
  readonly id: string
  readonly atMs: number
  readonly round: number
}

export interface WorldInit {
  readonly nodes: number
  readonly degree?: number
  readonly seed?: number
  readonly loss?: number
  readonly duplication?: number
  readonly jitterMsMax?: number
  readonly config?: Partial<PlumtreeConfig>
  /** Pairs of neighbours; default a random graph of the given degree. */
  readonly edges?: readonly (readonly [number, number])[]
}

/** Plumtree machines on a fixed overlay: no membership protocol, so that what fails here is the broadcast. */
export class World {
  readonly simulation: Simulation
  readonly network: SimNetwork<Message>
  readonly machines: Plumtree[] = []
  readonly delivered: Delivery[][] = []
  readonly rejected: Output[] = []
  readonly strangers: string[] = []
  readonly sent: Record<Message['type'], number> = { gossip: 0, ihave: 0, graft: 0, prune: 0, unavailable: 0 }
  readonly neighbors: Set<number>[] = []
  readonly random: SeededRandom
  /** Which messages vanish: told the number of the message among all that were sent. */
  loses: ((number: number) => boolean) | undefined
  /** Sees every message that is sent. */
  seen: ((message: Message) => void) | undefined
  #number = 0

  constructor(init: WorldInit) {
    const seed = init.seed ?? 1
    this.simulation = createSimulation({ seed })
    this.random = this.simulation.random.fork('world')
    this.network = new SimNetwork<Message>(this.simulation, {
      loss: init.loss ?? 0,
      duplication: init.duplication ?? 0,
      jitterMsMax: init.jitterMsMax ?? 0,
      digest: message => digest(message.type)
    })
    const config = plumtreeConfig(init.config)
    for (let node = 0; node < init.nodes; node++) {
      const random = this.simulation.random.fork(`plumtree/${node}`)
      this.machines.push(new Plumtree(config, { random, hash: systemHash }))
      this.delivered.push([])
      this.neighbors.push(new Set())
      this.network.attach({
        message: (from, message) => this.input(node, { type: 'message', from: String(from), message }),
        peerLost: peer => this.down(node, peer, true)
      })
    }
    for (const [a, b] of init.edges ?? randomGraph(init.nodes, init.degree ?? 5, seed)) this.link(a, b)
  }

  link(a: number, b: number): void {
    this.up(a, b)
    this.up(b, a)
  }

  /** Ends a link without a failure, on both sides. */
  unlink(a: number, b: number): void {
    this.down(a, b, false)
    this.down(b, a, false)
  }

  up(node: number, peer: number): void {
    this.neighbors[node]?.add(peer)
    this.network.watch(node, peer)
    this.input(node, { type: 'neighborUp', peer: String(peer) })
  }

  down(node: number, peer: number, failed: boolean): void {
    this.neighbors[node]?.delete(peer)
    this.network.unwatch(node, peer)
    this.input(node, { type: 'neighborDown', peer: String(peer), failed })
  }

  /** Messages sent since the world began, lost ones included. */
  get messages(): number {
    return this.#number
  }

  broadcast(node: number, payload: Uint8Array): void {
    this.input(node, { type: 'broadcast', payload })
  }

  input(node: NodeIndex, input: Parameters<Plumtree['handle']>[0]): void {
    if (!this.network.isUp(node)) return
    const machine = this.machines[node]
    if (machine === undefined) throw new RangeError(`there is no node ${node}`)
    for (const output of machine.handle(input, this.simulation.nowMs)) this.#perform(node, output)
  }

  /** How many of the live nodes except `sender` have `count` payloads or more. */
  reached(count: number, sender: number): number {
    return this.delivered.filter(
      (list, node) => node !== sender && this.network.isUp(node) && list.length >= count
    ).length
  }

  #perform(node: NodeIndex, output: Output): void {
    if (output.type === 'send') {
      this.sent[output.message.type]++
      this.seen?.(output.message)
      const number = this.#number++
      if (this.loses?.(number) === true) return
      this.network.send(node, Number(output.to), output.message)
    } else if (output.type === 'deliver') {
      this.delivered[node]?.push({ id: output.id, atMs: this.simulation.nowMs, round: output.round })
    } else if (output.type === 'schedule') {
      const timer: Timer = output.timer
      this.simulation.schedule(output.delayMs, () => this.input(node, { type: 'timer', timer }), node)
    } else if (output.type === 'stranger') this.strangers.push(output.peer)
    else this.rejected.push(output)
  }
}

/** A connected random graph in which nearly every node has the given degree: a ring, and random chords. */
export function randomGraph(nodes: number, degree: number, seed: number): [number, number][] {
  const random = seededRandom(`graph/${seed}`)
  const adjacent = Array.from({ length: nodes }, () => new Set<number>())
  const edges: [number, number][] = []
  const add = (a: number, b: number): void => {
    if (a === b || adjacent[a]?.has(b)) return
    adjacent[a]?.add(b)
    adjacent[b]?.add(a)
    edges.push([a, b])
  }
  for (let node = 0; node < nodes && nodes > 1; node++) add(node, (node + 1) % nodes)
  for (let attempt = 0; attempt < nodes * degree * 4; attempt++) {
    const a = random.below(nodes)
    const b = random.below(nodes)
    if ((adjacent[a]?.size ?? 0) < degree && (adjacent[b]?.size ?? 0) < degree) add(a, b)
  }
  return edges
}

/** A payload that names its number. */
export function payload(number: number, length = 8): Uint8Array {
  const bytes = new Uint8Array(length)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}
