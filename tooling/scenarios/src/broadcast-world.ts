import { Plumtree, plumtreeConfig, type Input, type Message, type PlumtreeConfig } from '@starling/plumtree'
import { systemHash } from '@starling/ports/system'
import { digest, type NodeIndex, type Simulation } from '@starling/sim'
import { overlayDigest, OverlayWorld, type Envelope, type HostileNodes } from './overlay-world.ts'

/** What became of one broadcast. */
export interface Broadcast {
  readonly sender: NodeIndex
  readonly sentMs: number
  /** Processes that got it, the sender not counted. */
  deliveries: number
  /** Deliveries to a node that had it already, or to its sender: always a fault. */
  repeats: number
  lastMs: number
  lastHop: number
  /** From the sending to each delivery, ms, in order. */
  readonly deliveryMs: number[]
  /** For each node 0 (not yet), {@link GOT} or {@link GOT_BEFORE}. */
  readonly got: Uint8Array
}

/** The node's present process got it, or had sent it. */
export const GOT = 1
/** An earlier process of the node did. */
export const GOT_BEFORE = 2

/** Broadcast messages sent so far, by type. */
export type BroadcastCounts = { [type in Message['type']]: number }

/** How a {@link BroadcastWorld} is set up. */
export interface BroadcastWorldInit {
  readonly nodes: number
  readonly tree?: Partial<PlumtreeConfig>
  readonly hostile?: HostileNodes
}

/** Longest wait of a payload number in bytes: enough for every broadcast of a run. */
const NUMBER_BYTES = 4

/** Nodes that run Plumtree over HyParView: the two real machines, and nothing between them and the simulated network. */
export class BroadcastWorld {
  readonly overlay: OverlayWorld<Message>
  readonly broadcasts: Broadcast[] = []
  readonly sent: BroadcastCounts = { gossip: 0, ihave: 0, graft: 0, prune: 0, unavailable: 0 }
  readonly #config: PlumtreeConfig
  readonly #trees: Plumtree[] = []

  constructor(simulation: Simulation, init: BroadcastWorldInit) {
    this.#config = plumtreeConfig(init.tree)
    const { nodes } = init
    this.overlay = new OverlayWorld<Message>(simulation, {
      nodes,
      network: { digest: digestOf },
      ...(init.hostile === undefined ? {} : { hostile: init.hostile }),
      upper: {
        neighborUp: (node, peer) => this.#apply(node, { type: 'neighborUp', peer: this.overlay.key(peer) }),
        neighborDown: (node, peer, reason) =>
          this.#apply(node, {
            type: 'neighborDown',
            peer: this.overlay.key(peer),
            failed: reason === 'failed'
          }),
        message: (node, from, message) =>
          this.#apply(node, { type: 'message', from: this.overlay.key(from), message }),
        mayReplace: (node, peer) => this.tree(node).isLazy(this.overlay.key(peer)),
        started: node => {
          this.#trees[node] = this.#create(node)
          // A new process remembers nothing: what the one before got may come to it again.
          for (const { got } of this.broadcasts) if (got[node] === GOT) got[node] = GOT_BEFORE
        }
      }
    })
    for (let node = 0; node < nodes; node++) this.#trees.push(this.#create(node))
  }

  get simulation(): Simulation {
    return this.overlay.simulation
  }

  /** The broadcast machine of a node. */
  tree(node: NodeIndex): Plumtree {
    return this.#trees[node] as Plumtree
  }

  /** Sends the next broadcast from a node, now. */
  broadcast(sender: NodeIndex): Broadcast {
    const nowMs = this.simulation.nowMs
    const record: Broadcast = {
      sender,
      sentMs: nowMs,
      deliveries: 0,
      repeats: 0,
      lastMs: nowMs,
      lastHop: 0,
      deliveryMs: [],
      got: new Uint8Array(this.overlay.size)
    }
    const payload = new Uint8Array(NUMBER_BYTES)
    new DataView(payload.buffer).setUint32(0, this.broadcasts.length)
    record.got[sender] = GOT
    this.broadcasts.push(record)
    this.#apply(sender, { type: 'broadcast', payload })
    return record
  }

  /** Everything but payloads: announcements, grafts, prunes and refusals. */
  get controlSent(): number {
    const { ihave, graft, prune, unavailable } = this.sent
    return ihave + graft + prune + unavailable
  }

  #apply(node: NodeIndex, input: Input): void {
    if (!this.overlay.network.isUp(node)) return
    for (const output of this.tree(node).handle(input, this.simulation.nowMs)) {
      if (output.type === 'send') {
        this.sent[output.message.type]++
        this.overlay.sendUpper(node, this.overlay.index(output.to), output.message)
      } else if (output.type === 'schedule') {
        const { timer } = output
        this.overlay
          .ports(node)
          .timers.schedule(output.delayMs, () => this.#apply(node, { type: 'timer', timer }))
      } else if (output.type === 'deliver') this.#deliver(node, output.payload, output.round)
      else if (output.type === 'stranger') this.overlay.sendStranger(node, this.overlay.index(output.peer))
    }
    this.overlay.stepped(node)
  }

  #deliver(node: NodeIndex, payload: Uint8Array, round: number): void {
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    const record = this.broadcasts[number]
    if (record === undefined) throw new RangeError(`node ${node} got a payload that nobody sent`)
    if (record.got[node] === GOT) {
      record.repeats++
      return
    }
    record.got[node] = GOT
    record.deliveries++
    record.deliveryMs.push(this.simulation.nowMs - record.sentMs)
    record.lastMs = this.simulation.nowMs
    record.lastHop = Math.max(record.lastHop, round)
  }

  #create(node: NodeIndex): Plumtree {
    return new Plumtree(this.#config, {
      random: this.overlay.ports(node).random.fork('broadcast'),
      hash: systemHash
    })
  }
}

const UPPER = digest('upper')
const STRANGER = digest('stranger')

/** Cheap enough for every message of a large run: what kind it is, and which payload it carries or asks for. */
function digestOf(envelope: Envelope<Message>): number {
  if (envelope.layer === 'overlay') return overlayDigest(envelope.message)
  if (envelope.layer === 'stranger') return STRANGER
  const { message } = envelope
  return UPPER ^ digest(message.type === 'gossip' ? message.id : message.type)
}
