import {
  HyParView,
  type Config,
  type DownReason,
  type Input,
  type Message,
  type Output,
  type PeerInfo,
  type PeerKey
} from '@starling/hyparview'
import {
  mix,
  mixText,
  SimNetwork,
  type NodeIndex,
  type NodePorts,
  type SimNetworkInit,
  type Simulation
} from '@starling/sim'
import type { Observer } from './observer.ts'

/** What travels between the nodes of a world: membership messages, and those of whatever runs on top. */
export type Envelope<X> =
  | { readonly layer: 'overlay'; readonly message: Message }
  | { readonly layer: 'upper'; readonly message: X }
  /** The answer to a message of the upper layer from a node that is no neighbour: the link is gone. */
  | { readonly layer: 'stranger' }

/** What runs on top of the overlay hears. Nothing is called for a node that is down. */
export interface UpperLayer<X> {
  neighborUp?(node: NodeIndex, peer: NodeIndex): void
  neighborDown?(node: NodeIndex, peer: NodeIndex, reason: DownReason): void
  message?(node: NodeIndex, from: NodeIndex, message: X): void
  /** Whether the overlay may give this link up in a swap. Default: always. */
  mayReplace?(node: NodeIndex, peer: NodeIndex): boolean
  /** A node's process ended, or a new one began on the same index. */
  crashed?(node: NodeIndex): void
  started?(node: NodeIndex): void
}

/** How an {@link OverlayWorld} is set up. */
export interface OverlayWorldInit<X> {
  readonly nodes: number
  readonly overlay?: Partial<Config>
  readonly network?: SimNetworkInit<Envelope<X>>
  readonly upper?: UpperLayer<X>
  /** Nodes that do something else in place of running the machine, and what they do with what they hear. */
  readonly hostile?: HostileNodes
}

/** Nodes that keep to no rules. They see overlay messages and lost peers; all else that is sent to them is swallowed. */
export interface HostileNodes {
  readonly members: ReadonlySet<NodeIndex>
  message(member: NodeIndex, from: NodeIndex, message: Message): void
  lost(member: NodeIndex, peer: NodeIndex): void
}

/** One node's machine and ports. A restart replaces it. */
interface WorldNode {
  readonly machine: HyParView
  readonly ports: NodePorts
  readonly startedMs: number
  /** Its neighbours, and since when each is one. */
  readonly linkedMs: Map<NodeIndex, number>
}

/** Age from which on a link is given up when its other end calls this node a stranger, ms: beyond any message in flight. */
const STRANGER_AGE_MS = 5_000

/** Membership messages delivered so far, by type. */
export type MessageCounts = { [type in Message['type']]: number }

const NO_DATA = new Uint8Array(0)

/** A digest of an overlay message by what tells it from others: type, ids and hops. The whole would cost more than it says. */
export function overlayDigest(message: Message): number {
  let state = mixText(0, message.type)
  if ('requestId' in message) state = mix(state, message.requestId)
  if ('shuffleId' in message) state = mix(state, message.shuffleId)
  if ('ttl' in message) state = mix(state, message.ttl)
  if ('entries' in message) for (const { id } of message.entries) state = mixText(state, id)
  if ('links' in message) for (const link of message.links) state = mix(state, link)
  return state
}

/**
 * Nodes that run HyParView on a simulated network. Peers are known by their index outside and as text inside the machines.
 *
 * A link is watched like a connection: when a neighbour crashes, the node hears of it one link delay later. Anything else
 * that is sent to a dead node is lost in silence and runs into its timeout.
 */
export class OverlayWorld<X = never> {
  readonly simulation: Simulation
  readonly network: SimNetwork<Envelope<X>>
  /** Membership messages sent, by type, by all nodes. */
  readonly sent: MessageCounts = {
    join: 0,
    forwardJoin: 0,
    neighbor: 0,
    neighborReply: 0,
    disconnect: 0,
    replaced: 0,
    shuffle: 0,
    shuffleReply: 0
  }
  /** Messages that a machine refused, by reason. */
  readonly rejected: Map<string, number> = new Map()
  /** Neighbours won and lost since the start, by all nodes. */
  readonly linkEvents: { up: number; down: number } = { up: 0, down: 0 }
  readonly #init: OverlayWorldInit<X>
  readonly #keys: PeerKey[] = []
  readonly #indexes = new Map<PeerKey, NodeIndex>()
  readonly #nodes: WorldNode[] = []
  #performing = false
  /** Sees each input of a machine and what came of it. */
  observer: Observer | undefined
  /** Called after each input of a node: where checkers that run at every step look. */
  afterStep: ((node: NodeIndex) => void) | undefined

  constructor(simulation: Simulation, init: OverlayWorldInit<X>) {
    this.simulation = simulation
    this.#init = init
    this.network = new SimNetwork(simulation, { digest: digestOf, ...init.network })
    for (let i = 0; i < init.nodes; i++) {
      const key = `n${i}`
      this.#keys.push(key)
      this.#indexes.set(key, i)
      this.network.attach(this.#handler(i))
      this.#nodes.push(this.#create(i, 0))
    }
  }

  get size(): number {
    return this.#nodes.length
  }

  /** The machine of a node. */
  machine(node: NodeIndex): HyParView {
    return this.#node(node).machine
  }

  /** The virtual ports of a node, for what runs on top of it. */
  ports(node: NodeIndex): NodePorts {
    return this.#node(node).ports
  }

  /** When the node's present process began: tells it from the one before. */
  startedMs(node: NodeIndex): number {
    return this.#node(node).startedMs
  }

  key(node: NodeIndex): PeerKey {
    return this.#keys[node] as PeerKey
  }

  index(key: PeerKey): NodeIndex {
    return this.#indexes.get(key) as NodeIndex
  }

  /** The neighbours of a node, by index. */
  neighbors(node: NodeIndex): NodeIndex[] {
    return this.machine(node).activeView.map(key => this.index(key))
  }

  /** The nodes that are up. */
  alive(): NodeIndex[] {
    return this.#nodes.map((_, i) => i).filter(i => this.network.isUp(i))
  }

  info(node: NodeIndex): PeerInfo {
    return { id: this.key(node), data: NO_DATA }
  }

  /** Lets a node join through the given contacts, now. */
  join(node: NodeIndex, contacts: readonly NodeIndex[]): void {
    this.apply(node, { type: 'join', contacts: contacts.map(contact => this.info(contact)) })
  }

  /** Every node joins through node 0 at this moment. */
  joinAllThroughFirst(): void {
    for (let i = 0; i < this.size; i++) this.join(i, i === 0 ? [] : [0])
  }

  leave(node: NodeIndex): void {
    this.apply(node, { type: 'leave' })
  }

  crash(node: NodeIndex): void {
    if (!this.network.isUp(node)) return
    this.network.crash(node)
    this.#node(node).ports.halt()
    this.#init.upper?.crashed?.(node)
  }

  /** Stops a node's process where it stands: messages and timers wait. */
  pause(node: NodeIndex): void {
    if (!this.network.isUp(node)) return
    this.network.pause(node)
    this.#node(node).ports.pause()
  }

  /** Lets a paused node go on: late timers first, then what has arrived. */
  resume(node: NodeIndex): void {
    if (!this.network.isPaused(node)) return
    this.#node(node).ports.resume()
    this.network.resume(node)
  }

  /** Peers that a node would have saved for its next start, at most so many. */
  saved(node: NodeIndex, max: number): NodeIndex[] {
    return this.machine(node)
      .savedPeers()
      .slice(0, max)
      .map(({ id }) => this.index(id))
  }

  /** Starts a crashed node again, with empty memory, through the given contacts. */
  restart(node: NodeIndex, contacts: readonly NodeIndex[]): void {
    this.network.restart(node, this.#handler(node))
    this.#nodes[node] = this.#create(node, this.simulation.steps)
    this.#init.upper?.started?.(node)
    this.join(node, contacts)
  }

  /** Sends a message of the upper layer. */
  sendUpper(from: NodeIndex, to: NodeIndex, message: X): void {
    this.network.send(from, to, { layer: 'upper', message })
  }

  /** Tells a peer that it is no neighbour, as the driver of a real node does: it then counts this one as lost. */
  sendStranger(from: NodeIndex, to: NodeIndex): void {
    this.network.send(from, to, { layer: 'stranger' })
  }

  /** Gives an input to a node's machine and performs what it wants. */
  apply(node: NodeIndex, input: Input): void {
    if (!this.network.isUp(node)) return
    const { machine } = this.#node(node)
    const { nowMs } = this.simulation
    const outputs = machine.handle(input, nowMs)
    this.observer?.step(node, input, outputs, nowMs)
    this.#performing = true
    for (const output of outputs) this.#perform(node, output)
    this.#performing = false
    this.afterStep?.(node)
  }

  /** Called by what runs on top after an input of its own; one that is part of an input of the overlay is no step. */
  stepped(node: NodeIndex): void {
    if (!this.#performing) this.afterStep?.(node)
  }

  #perform(node: NodeIndex, output: Output): void {
    switch (output.type) {
      case 'send':
        this.sent[output.message.type]++
        this.network.send(node, this.index(output.to), { layer: 'overlay', message: output.message })
        return
      case 'schedule': {
        const input: Input = { type: 'timer', timer: output.timer }
        this.#node(node).ports.timers.schedule(output.delayMs, () => this.apply(node, input))
        return
      }
      case 'neighborUp': {
        const peer = this.index(output.peer)
        this.linkEvents.up++
        this.#node(node).linkedMs.set(peer, this.simulation.nowMs)
        this.network.watch(node, peer)
        this.#init.upper?.neighborUp?.(node, peer)
        return
      }
      case 'neighborDown': {
        const peer = this.index(output.peer)
        this.linkEvents.down++
        this.#node(node).linkedMs.delete(peer)
        this.network.unwatch(node, peer)
        this.#init.upper?.neighborDown?.(node, peer, output.reason)
        return
      }
      case 'reject':
        this.rejected.set(output.reason, (this.rejected.get(output.reason) ?? 0) + 1)
        return
    }
  }

  #handler(node: NodeIndex): {
    message(from: NodeIndex, envelope: Envelope<X>): void
    peerLost(peer: NodeIndex): void
  } {
    const { hostile } = this.#init
    if (hostile?.members.has(node) === true) {
      return {
        message: (from, envelope) => {
          if (envelope.layer === 'overlay') hostile.message(node, from, envelope.message)
        },
        peerLost: peer => hostile.lost(node, peer)
      }
    }
    return {
      message: (from, envelope) => {
        if (envelope.layer === 'overlay') {
          this.apply(node, { type: 'message', from: this.key(from), message: envelope.message })
        } else if (envelope.layer === 'stranger') {
          this.#stranger(node, from)
        } else {
          this.#init.upper?.message?.(node, from, envelope.message)
        }
      },
      peerLost: peer => this.apply(node, { type: 'peerLost', peer: this.key(peer) })
    }
  }

  /** A stranger's answer may be about an earlier link to the same peer: a link that is young is not given up for it. */
  #stranger(node: NodeIndex, from: NodeIndex): void {
    const since = this.#node(node).linkedMs.get(from)
    if (since === undefined || this.simulation.nowMs - since < STRANGER_AGE_MS) return
    this.apply(node, { type: 'peerLost', peer: this.key(from) })
  }

  #create(node: NodeIndex, incarnation: number): WorldNode {
    const ports = this.simulation.ports(`${node}/${incarnation}`, { node })
    const { overlay, upper } = this.#init
    const mayReplace = (peer: PeerKey): boolean => upper?.mayReplace?.(node, this.index(peer)) ?? true
    const machine = new HyParView(
      { mayReplace, ...overlay },
      { self: this.key(node), random: ports.random.fork('overlay') }
    )
    return { machine, ports, startedMs: this.simulation.nowMs, linkedMs: new Map() }
  }

  #node(node: NodeIndex): WorldNode {
    const found = this.#nodes[node]
    if (found === undefined) throw new RangeError(`there is no node ${node}`)
    return found
  }
}

function digestOf(envelope: Envelope<unknown>): number {
  return envelope.layer === 'overlay' ? overlayDigest(envelope.message) : mixText(0, envelope.layer)
}
