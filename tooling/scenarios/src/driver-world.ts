import type { PeerId } from '@libp2p/interface'
import { createGossip, type Contact, type Gossip, type GossipInit, type Topic } from '@starling/gossip'
import { createPeers, type Peers, type PeersInit } from '@starling/peers'
import { systemHash, systemHmac } from '@starling/ports/system'
import {
  ConnectionNetwork,
  type ConnectionNetworkInit,
  type NodePorts,
  type SimHost,
  type Simulation
} from '@starling/sim'
import { hostComponents, nodeAddress, nodeIdentities } from './host-components.ts'

/** The one topic of a world. */
const TOPIC = 'world'

const SECRET = 'a secret of sixteen bytes and more'

/** How a {@link DriverWorld} is set up. */
export interface DriverWorldInit {
  readonly nodes: number
  readonly network?: ConnectionNetworkInit
  readonly peers?: Partial<PeersInit>
  readonly gossip?: GossipInit
}

/** One process: the real peer manager and the real gossip, on a simulated host and virtual ports. */
export interface DriverProcess {
  readonly peers: Peers
  readonly gossip: Gossip
  readonly topic: Topic
  /** Payloads delivered to it, as text. */
  readonly received: string[]
}

interface DriverNode {
  readonly host: SimHost<PeerId>
  readonly ports: NodePorts
  process: DriverProcess | undefined
}

/** Nodes made of drivers, as in production, on simulated connections and clocks. Runs inside `Simulation.runAsync`. */
export class DriverWorld {
  readonly simulation: Simulation
  readonly network: ConnectionNetwork<PeerId>
  readonly #init: DriverWorldInit
  readonly #nodes: DriverNode[] = []

  private constructor(simulation: Simulation, init: DriverWorldInit, peerIds: readonly PeerId[]) {
    this.simulation = simulation
    this.#init = init
    this.network = new ConnectionNetwork<PeerId>(simulation, init.network)
    peerIds.forEach((peerId, node) => {
      const host = this.network.attach(peerId, nodeAddress(node))
      this.#nodes.push({ host, ports: simulation.ports(`driver/${node}`, { node }), process: undefined })
    })
  }

  /** Makes the nodes' keys, which takes real time, so outside of the simulation. None runs yet. */
  static async create(simulation: Simulation, init: DriverWorldInit): Promise<DriverWorld> {
    return new DriverWorld(simulation, init, await nodeIdentities(init.nodes))
  }

  get size(): number {
    return this.#nodes.length
  }

  key(node: number): string {
    return this.#node(node).host.peer.toString()
  }

  /** The running process of a node. */
  process(node: number): DriverProcess {
    const { process } = this.#node(node)
    if (process === undefined) throw new RangeError(`node ${node} does not run`)
    return process
  }

  /** The nodes that run. */
  running(): number[] {
    return this.#nodes.flatMap(({ process }, node) => (process === undefined ? [] : [node]))
  }

  contact(node: number): Contact {
    const { host } = this.#node(node)
    return { peer: host.peer.toString(), addresses: [host.address] }
  }

  /** Starts a node's process, again if it had crashed, and joins through the given contacts. */
  start(node: number, contacts: readonly number[]): void {
    const it = this.#node(node)
    if (!it.host.up) this.network.restart(node)
    const { clock, timers, random } = it.ports
    const ports = { clock, timers, random, hash: systemHash, hmac: systemHmac }
    const peers = createPeers(
      { ...hostComponents(it.host), ...ports, random: random.fork('peers') },
      {
        cluster: { name: 'sim', secrets: [SECRET] },
        announce: [it.host.address],
        ...this.#init.peers
      }
    )
    peers.start()
    const gossip = createGossip(
      { ...ports, sessions: peers, random: random.fork('gossip') },
      this.#init.gossip
    )
    const topic = gossip.join(TOPIC, { contacts: contacts.map(contact => this.contact(contact)) })
    const received: string[] = []
    topic.onMessage(payload => received.push(new TextDecoder().decode(payload)))
    it.process = { peers, gossip, topic, received }
  }

  broadcast(node: number, text: string): void {
    this.process(node).topic.broadcast(new TextEncoder().encode(text))
  }

  /** Ends a node's process without a word. */
  crash(node: number): void {
    const it = this.#node(node)
    this.network.crash(node)
    it.ports.halt()
    it.process = undefined
  }

  pause(node: number): void {
    this.network.pause(node)
    this.#node(node).ports.pause()
  }

  resume(node: number): void {
    this.#node(node).ports.resume()
    this.network.resume(node)
  }

  /** Lets virtual time pass. */
  sleep(ms: number): Promise<void> {
    return new Promise(resolve => void this.simulation.schedule(ms, resolve))
  }

  /** Stops every process in good order. */
  async stop(): Promise<void> {
    for (const node of this.running()) {
      const { gossip, peers } = this.process(node)
      await gossip.stop()
      await peers.stop()
    }
  }

  #node(node: number): DriverNode {
    const found = this.#nodes[node]
    if (found === undefined) throw new RangeError(`there is no node ${node}`)
    return found
  }
}
