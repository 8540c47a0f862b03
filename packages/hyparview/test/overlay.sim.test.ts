import {
  createSimulation,
  SimNetwork,
  type NodePorts,
  type Simulation,
  type SimNetworkInit
} from '@starling/sim'
import { describe, expect, test } from 'vitest'
import { HyParView, type Config, type Input, type Message } from '../src/index.ts'

interface OverlayNode {
  readonly machine: HyParView
  readonly ports: NodePorts
  readonly up: Set<string>
}

/** HyParView nodes on a simulated network, with the checks that hold at every step. */
class Overlay {
  readonly simulation: Simulation
  readonly network: SimNetwork<Message>
  readonly events: string[] = []
  readonly #nodes: OverlayNode[] = []

  constructor(
    nodes: number,
    seed: number,
    config: Partial<Config> = {},
    network: SimNetworkInit<Message> = {}
  ) {
    this.simulation = createSimulation({ seed })
    this.network = new SimNetwork(this.simulation, network)
    for (let i = 0; i < nodes; i++) {
      const ports = this.simulation.ports(`${i}`, { node: i })
      const machine = new HyParView(config, { self: `${i}`, random: ports.random })
      this.#nodes.push({ machine, ports, up: new Set() })
      this.network.attach({
        message: (from, message) => this.apply(i, { type: 'message', from: `${from}`, message }),
        peerLost: peer => this.apply(i, { type: 'peerLost', peer: `${peer}` })
      })
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

  alive(): number[] {
    return this.#nodes.map((_, i) => i).filter(i => this.network.isUp(i))
  }

  neighbors(node: number): number[] {
    return this.#node(node).machine.activeView.map(Number)
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

const SEEDS = [1, 2, 3]

describe('in the simulator', () => {
  test.each(SEEDS)(
    'HPV-A1, HPV-I2: 50 nodes through one seed are connected and symmetric within 60 s (%i)',
    seed => {
      const overlay = new Overlay(50, seed).joinAll()
      overlay.simulation.runUntil(60_000)
      overlay.settle()
      expect(overlay.reached()).toBe(50)
      expect(overlay.asymmetric()).toEqual([])
      for (const node of overlay.alive()) expect(overlay.neighbors(node).length).toBeGreaterThanOrEqual(2)
    }
  )

  test.each(SEEDS)('the rule of the paper for joins makes a connected, symmetric overlay too (%i)', seed => {
    const overlay = new Overlay(50, seed, { joinRule: 'replace' }).joinAll()
    overlay.simulation.runUntil(60_000)
    overlay.settle()
    expect(overlay.reached()).toBe(50)
    expect(overlay.asymmetric()).toEqual([])
  })

  test.each([2, 3, 4, 5, 6])('HPV-I4: %i nodes become a complete graph', nodes => {
    const overlay = new Overlay(nodes, 1).joinAll()
    overlay.simulation.runUntil(120_000)
    overlay.settle()
    for (const node of overlay.alive()) expect(overlay.neighbors(node).length).toBe(nodes - 1)
    expect(overlay.asymmetric()).toEqual([])
  })

  test.each(SEEDS)(
    'HPV-A2, HPV-I7: after 20 of 50 crash at once the others are connected within 30 s (%i)',
    seed => {
      const overlay = new Overlay(50, seed).joinAll()
      overlay.simulation.runUntil(300_000)
      for (let i = 0; i < 20; i++) overlay.crash(i)
      overlay.simulation.runFor(30_000)
      overlay.settle()
      expect(overlay.reached()).toBe(30)
      for (const node of overlay.alive()) {
        for (const peer of overlay.neighbors(node)) expect(peer).toBeGreaterThanOrEqual(20)
      }
    }
  )

  test.each(SEEDS)('HPV-A5, HPV-I7: halves parted for an hour merge within two heal intervals (%i)', seed => {
    const overlay = new Overlay(40, seed).joinAll()
    overlay.simulation.runUntil(300_000)
    overlay.network.partition((a, b) => a < 20 !== b < 20)
    overlay.simulation.runFor(3_600_000)
    overlay.settle()
    // Each half holds together on its own: only then is there something to heal.
    expect(overlay.reached()).toBe(20)
    overlay.network.partition(undefined)
    overlay.simulation.runFor(2 * 5 * 60_000)
    overlay.settle()
    expect(overlay.reached()).toBe(40)
    expect(overlay.asymmetric()).toEqual([])
  })

  test('a contact that everybody lost and that starts anew is found again', () => {
    const overlay = new Overlay(10, 1).joinAll()
    overlay.simulation.runUntil(60_000)
    overlay.network.partition((a, b) => a === 0 || b === 0)
    overlay.simulation.runFor(600_000)
    expect(overlay.neighbors(0)).toEqual([])
    overlay.network.partition(undefined)
    overlay.simulation.runFor(60_000)
    overlay.settle()
    expect(overlay.reached()).toBe(10)
  })

  test('HPV-A7: leaving is told to each former neighbour once, and the leaver accepts nothing until it joins', () => {
    const overlay = new Overlay(20, 1).joinAll()
    overlay.simulation.runUntil(120_000)
    overlay.settle()
    const former = overlay.neighbors(7)
    overlay.events.length = 0
    overlay.apply(7, { type: 'leave' })
    overlay.simulation.runFor(120_000)
    for (const peer of former) {
      expect(overlay.events.filter(event => event.startsWith(`${peer} down 7 `))).toEqual([
        `${peer} down 7 leftOverlay`
      ])
    }
    expect(overlay.neighbors(7)).toEqual([])
    expect(overlay.events.filter(event => event.startsWith('7 up'))).toEqual([])
    for (const peer of overlay.alive()) expect(overlay.neighbors(peer)).not.toContain(7)
    overlay.join(7, 3)
    overlay.simulation.runFor(60_000)
    overlay.settle()
    expect(overlay.neighbors(7).length).toBeGreaterThan(0)
    expect(overlay.reached()).toBe(20)
  })

  test('under 10 % loss views stay symmetric but for handshakes under way, and nobody is alone for long', () => {
    const overlay = new Overlay(30, 1, { shuffleIntervalMs: 10_000 }, { loss: 0.1 }).joinAll()
    overlay.simulation.runUntil(300_000)
    overlay.network.setLoss(0)
    overlay.simulation.runFor(180_000)
    overlay.settle()
    expect(overlay.asymmetric()).toEqual([])
    expect(overlay.reached()).toBe(30)
  })

  test('same seed, same overlay', () => {
    const play = (seed: number): string => {
      const overlay = new Overlay(30, seed).joinAll()
      overlay.simulation.runUntil(120_000)
      return overlay.simulation.trace.hash
    }
    expect(play(4)).toBe(play(4))
    expect(play(4)).not.toBe(play(5))
  })
})
