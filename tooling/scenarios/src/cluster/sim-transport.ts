import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Contact } from '@starling/gossip'
import { ConnectionNetwork, type Simulation } from '@starling/sim'
import { hostComponents, nodeAddress, nodeIdentities } from '../host-components.ts'
import type { NodeTransport } from './cluster-node.ts'

const LATENCY_MS = { min: 5, max: 40 }

/** The network of a cluster: simulated connections, and faults of them that last for a while and may overlap. */
export class SimTransport {
  readonly #simulation: Simulation
  readonly #network: ConnectionNetwork<PeerId>
  readonly #cuts = new Set<ReadonlySet<number>>()
  readonly #extraMs = new Map<number, number>()

  /** Peer ids need keys, whose making is asynchronous; it is done before virtual time begins. */
  static async create(simulation: Simulation, nodes: number): Promise<SimTransport> {
    return new SimTransport(simulation, await nodeIdentities(nodes))
  }

  private constructor(simulation: Simulation, peerIds: readonly PeerId[]) {
    this.#simulation = simulation
    this.#network = new ConnectionNetwork(simulation, { latencyMs: LATENCY_MS })
    peerIds.forEach((peerId, node) => {
      this.#network.attach(peerId, nodeAddress(node))
      this.#network.crash(node)
    })
  }

  node(index: number): NodeTransport {
    const host = this.#network.host(index)
    return {
      attach: () => {
        this.#network.restart(index)
        return {
          ...hostComponents(host),
          addressManager: { getAddresses: () => [multiaddr(host.address)] }
        }
      },
      detach: () => this.#network.crash(index)
    }
  }

  contacts(indices: readonly number[]): Contact[] {
    return indices.map(index => {
      const { peer, address } = this.#network.host(index)
      return { peer: peer.toString(), addresses: [`${address}/p2p/${peer.toString()}`] }
    })
  }

  partition(side: readonly number[], lastsMs: number): void {
    const cut = new Set(side)
    this.#cuts.add(cut)
    this.#applyCuts()
    this.#simulation.schedule(lastsMs, () => {
      if (this.#cuts.delete(cut)) this.#applyCuts()
    })
  }

  slow(index: number, extraMs: number, lastsMs: number): void {
    this.#slowBy(index, extraMs)
    this.#simulation.schedule(lastsMs, () => this.#slowBy(index, -extraMs))
  }

  pause(index: number): void {
    this.#network.pause(index)
  }

  resume(index: number): void {
    this.#network.resume(index)
  }

  heal(): void {
    this.#cuts.clear()
    this.#applyCuts()
    this.#extraMs.clear()
    for (const { index } of this.#network.hosts) this.resume(index)
  }

  /** Nothing passes between one side of a cut and the other. */
  #applyCuts(): void {
    const cuts = [...this.#cuts]
    const blocked = (from: number, to: number): boolean => cuts.some(side => side.has(from) !== side.has(to))
    this.#network.partition(cuts.length === 0 ? undefined : blocked)
  }

  #slowBy(index: number, byMs: number): void {
    this.#extraMs.set(index, Math.max(0, (this.#extraMs.get(index) ?? 0) + byMs))
    this.#network.setExtraDelay((from, to) => (this.#extraMs.get(from) ?? 0) + (this.#extraMs.get(to) ?? 0))
  }
}
