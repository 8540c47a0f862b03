import {
  createSimulation,
  SimNetwork,
  type NetworkNode,
  type NodePorts,
  type Simulation,
  type SimNetworkInit
} from '@starling/sim'
import { expect } from 'vitest'
import { HyParView, type Config, type Input, type Message } from '../src/index.ts'

interface OverlayNode {
  machine: HyParView
  ports: NodePorts
  up: Set<string>
}

/** HyParView nodes on a simulated network, with the checks that hold at every step. */
export class Overlay {
  readonly simulation: Simulation
  readonly network: SimNetwork<Message>
  readonly events: string[] = []
  readonly #nodes: OverlayNode[] = []
  readonly #config: Partial<Config>

  constructor(
    nodes: number,
    seed: number,
    config: Partial<Config> = {},
    network: SimNetworkInit<Message> = {}
  ) {
    this.#config = config
    this.simulation = createSimulation({ seed })
    this.network = new SimNetwork(this.simulation, network)
    for (let i = 0; i < nodes; i++) {
      const ports = this.simulation.ports(`${i}`, { node: i })
      const machine = new HyParView(config, { self: `${i}`, random: ports.random })
      this.#nodes.push({ machine, ports, up: new Set() })
      this.network.attach(this.#handler(i))
    }
  }

  apply(node: number, input: Input): void {
    if (!this.network.isUp(node)) return
    const { machine, ports, up } = this.#node(node)
    for (const output of machine.handle(input, this.simulation.nowMs)) {
      if (output.type === 'send') this.network.send(node, Number(output.to), output.message)
      else if (output.type === 'schedule') {
        const timer: Input = { type: 'timer', timer: output.timer }
        ports.timers.schedule(output.delayMs, () => this.apply(node, timer))
      } else if (output.type === 'neighborUp') {
        expect(up.has(output.peer)).toBe(false)
        up.add(output.peer)
        this.network.watch(node, Number(output.peer))
        this.events.push(`${node} up ${output.peer}`)
      } else if (output.type === 'neighborDown') {
        expect(up.delete(output.peer)).toBe(true)
        this.network.unwatch(node, Number(output.peer))
        this.events.push(`${node} down ${output.peer} ${output.reason}`)
      }
    }
    const { activeView, passiveView } = machine
    const all = [...activeView, ...passiveView]
    if (
      activeView.length > 5 ||
      passiveView.length > 30 ||
      new Set(all).size !== all.length ||
      all.includes(`${node}`)
    ) {
      throw new Error(`node ${node} broke its views: ${activeView} / ${passiveView}`)
    }
  }

  join(node: number, ...contacts: number[]): void {
    const data = new Uint8Array(0)
    this.apply(node, { type: 'join', contacts: contacts.map(contact => ({ id: `${contact}`, data })) })
  }

  joinAll(): this {
    this.#nodes.forEach((_, i) => (i === 0 ? this.join(0) : this.join(i, 0)))
    return this
  }

  crash(node: number): void {
    this.network.crash(node)
    this.#node(node).ports.halt()
  }

  /** Starts a crashed node again with empty memory. */
  restart(node: number, ...contacts: number[]): void {
    const slot = this.#node(node)
    slot.ports = this.simulation.ports(`${node}/${this.simulation.steps}`, { node })
    slot.machine = new HyParView(this.#config, { self: `${node}`, random: slot.ports.random })
    slot.up = new Set()
    this.network.restart(node, this.#handler(node))
    this.join(node, ...contacts)
  }

  alive(): number[] {
    return this.#nodes.map((_, i) => i).filter(i => this.network.isUp(i))
  }

  neighbors(node: number): number[] {
    return this.#node(node).machine.activeView.map(Number)
  }

  #handler(node: number): NetworkNode<Message> {
    return {
      message: (from, message) => this.apply(node, { type: 'message', from: `${from}`, message }),
      peerLost: peer => this.apply(node, { type: 'peerLost', peer: `${peer}` })
    }
  }

  #node(node: number): OverlayNode {
    const found = this.#nodes[node]
    if (found === undefined) throw new RangeError(`there is no node ${node}`)
    return found
  }

  /** Nodes that can be reached from the first living one. */
  reached(): number {
    const alive = this.alive()
    const seen = new Set(alive.slice(0, 1))
    for (const node of seen) for (const peer of this.neighbors(node)) seen.add(peer)
    return seen.size
  }

  asymmetric(): string[] {
    return this.alive().flatMap(node =>
      this.neighbors(node)
        .filter(peer => !this.network.isUp(peer) || !this.neighbors(peer).includes(node))
        .map(peer => `${node} > ${peer}`)
    )
  }

  /** Lets handshakes in flight end. */
  settle(): this {
    for (let i = 0; i < 50 && this.asymmetric().length > 0; i++) this.simulation.runFor(20)
    return this
  }
}
