import { createHmac } from 'node:crypto'
import { setImmediate as macrotask } from 'node:timers/promises'
import type { Observers, Timers } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import { createSimulation, type NodePorts, type Simulation } from '@starling/sim'
import {
  createGossip,
  type Contact,
  type FramedChannel,
  type Gossip,
  type GossipInit,
  type PeerKey,
  type Session,
  type SessionEvent,
  type SessionPort,
  type Topic
} from '../src/index.ts'
import { FakeChannel } from './fake-channel.ts'

const DETECT_MS = 200
const IDLE_MS = 30_000

interface Node {
  readonly key: PeerKey
  readonly ports: NodePorts
  readonly sessions: Map<PeerKey, FakeSession>
  readonly intents: Map<PeerKey, number>
  readonly dialling: Set<PeerKey>
  /** Timers of the platform that have not run. */
  readonly timers: Set<object>
  readonly listeners: Set<(event: SessionEvent) => void>
  handler: ((channel: FramedChannel, session: Session) => void) | undefined
  up: boolean
  gossip: Gossip
}

/** A world of nodes with gossip over sessions in memory, in virtual time. */
export class Swarm {
  readonly simulation: Simulation
  readonly nodes = new Map<PeerKey, Node>()
  readonly dials: string[] = []
  /** Peers that the port says cannot be had, in the very call that asks for them. */
  readonly refusedAtOnce = new Set<PeerKey>()
  readonly #topics = new Map<string, Topic>()
  readonly #init: GossipInit
  /** What the nodes added from now on are watched by. */
  observers: Observers = {}
  /** How many HMACs all nodes have made. */
  hmacs = 0
  #blocked: ((a: PeerKey, b: PeerKey) => boolean) | undefined

  constructor(seed = 1, init: GossipInit = {}) {
    this.simulation = createSimulation({ seed })
    this.#init = init
  }

  add(key: PeerKey): Gossip {
    const node: Node = {
      key,
      ports: this.simulation.ports(`${key}/${this.simulation.nowMs}`),
      sessions: new Map(),
      intents: new Map(),
      dialling: new Set(),
      timers: new Set(),
      listeners: new Set(),
      handler: undefined,
      up: true,
      gossip: undefined as never
    }
    this.nodes.set(key, node)
    const { clock, random } = node.ports
    const timers = counted(node.ports.timers, node.timers)
    node.gossip = createGossip(
      {
        ...this.observers,
        sessions: this.#port(node),
        clock,
        timers,
        random,
        hash: systemHash,
        hmac: (secret, bytes) => {
          this.hmacs++
          return new Uint8Array(createHmac('sha256', secret).update(bytes).digest())
        }
      },
      this.#init
    )
    return node.gossip
  }

  /** Joins a topic at a node that is up, or is started for it. */
  join(key: PeerKey, name: string, contacts: readonly PeerKey[], saved: readonly Contact[] = []): Topic {
    const gossip = this.nodes.get(key)?.up === true ? this.node(key).gossip : this.add(key)
    const infos = contacts.map(peer => ({ peer, addresses: [`/dns4/${peer}/udp/4001/quic-v1`] }))
    const topic = gossip.join(name, { contacts: infos, saved })
    this.#topics.set(`${key}/${name}`, topic)
    return topic
  }

  topic(key: PeerKey, name: string): Topic {
    return this.#topics.get(`${key}/${name}`) as Topic
  }

  node(key: PeerKey): Node {
    return this.nodes.get(key) as Node
  }

  /** Ends a process: its timers stop, and its peers notice a little later. */
  crash(key: PeerKey): void {
    const node = this.node(key)
    node.up = false
    node.ports.halt()
    for (const session of [...node.sessions.values()]) this.#drop(session, 'crashed')
  }

  partition(blocked: ((a: PeerKey, b: PeerKey) => boolean) | undefined): void {
    this.#blocked = blocked
    if (blocked === undefined) return
    for (const node of this.nodes.values()) {
      for (const session of [...node.sessions.values()]) {
        if (blocked(node.key, session.peer) || blocked(session.peer, node.key))
          this.#drop(session, 'partitioned')
      }
    }
  }

  /** The channel of `key` to `peer`, as a hostile program at `key` would hold it. */
  async channel(key: PeerKey, peer: PeerKey): Promise<FakeChannel> {
    return (await this.node(key).sessions.get(peer)?.openChannel()) as FakeChannel
  }

  connect(key: PeerKey, peer: PeerKey): void {
    this.#dial(this.node(key), peer)
  }

  /** Lets virtual time pass; every event's promises settle before the next event. */
  async pass(durationMs: number): Promise<void> {
    const untilMs = this.simulation.nowMs + durationMs
    await macrotask()
    while (this.simulation.nextEventMs <= untilMs) {
      this.simulation.step()
      await macrotask()
    }
    this.simulation.runUntil(untilMs)
  }

  /** Passes time until the condition holds, and returns how long that took; `Infinity` after `withinMs`. */
  async until(condition: () => boolean, withinMs: number): Promise<number> {
    const start = this.simulation.nowMs
    while (!condition()) {
      if (this.simulation.nowMs - start >= withinMs) return Number.POSITIVE_INFINITY
      await this.pass(10)
    }
    return this.simulation.nowMs - start
  }

  #port(node: Node): SessionPort {
    return {
      self: node.key,
      sessions: () => [...node.sessions.values()],
      want: peer => {
        if (peer.includes('!')) throw new TypeError('not a peer id')
        if (this.refusedAtOnce.has(peer)) {
          this.#emit(node, { type: 'failed', peer, reason: 'ClockSkewError' })
          return { release: () => undefined }
        }
        node.intents.set(peer, (node.intents.get(peer) ?? 0) + 1)
        this.#dial(node, peer)
        let released = false
        return {
          release: () => {
            if (released) return
            released = true
            node.intents.set(peer, (node.intents.get(peer) ?? 1) - 1)
            this.#later(IDLE_MS, () => this.#endIdle(node, peer))
          }
        }
      },
      onSession: listener => {
        node.listeners.add(listener)
        return () => node.listeners.delete(listener)
      },
      handleChannel: (_tag, handler) => {
        node.handler = handler
        return () => (node.handler = undefined)
      },
      ownAddresses: () => [`/ip4/127.0.0.1/udp/4001/quic-v1/p2p/${node.key}`]
    }
  }

  #dial(node: Node, peer: PeerKey): void {
    if (node.sessions.has(peer) || node.dialling.has(peer)) return
    node.dialling.add(peer)
    this.dials.push(`${node.key}>${peer}`)
    this.#later(2 * this.#delay(node.key, peer), () => {
      node.dialling.delete(peer)
      const other = this.nodes.get(peer)
      if (!node.up || node.sessions.has(peer)) return
      if (other?.up !== true || this.#blocked?.(node.key, peer) || this.#blocked?.(peer, node.key)) {
        this.#later(DETECT_MS, () => this.#emit(node, { type: 'failed', peer, reason: 'unreachable' }))
        return
      }
      const mine = new FakeSession(this, peer, true)
      const theirs = new FakeSession(this, node.key, false)
      mine.pair(theirs)
      node.sessions.set(peer, mine)
      other.sessions.set(node.key, theirs)
      this.#emit(other, { type: 'up', session: theirs })
      this.#emit(node, { type: 'up', session: mine })
    })
  }

  /** Opens a channel from the node that holds `session`, by the rules of the real thing: refused without a handler. */
  openChannel(session: FakeSession): Promise<FramedChannel> {
    const other = session.other as FakeSession
    const delay = (): number => this.#delay(session.peer, other.peer)
    return new Promise((resolve, reject) => {
      this.#later(2 * delay(), () => {
        const remote = this.node(session.peer)
        if (session.ended || remote.handler === undefined) return reject(new Error('refused'))
        const here = new FakeChannel(session.peer, (ms, task) => this.#later(ms, task), delay)
        const there = new FakeChannel(other.peer, (ms, task) => this.#later(ms, task), delay)
        here.other = there
        there.other = here
        session.channels.push(here)
        other.channels.push(there)
        remote.handler(there, other)
        resolve(here)
      })
    })
  }

  #drop(session: FakeSession, reason: string): void {
    for (const side of [session, session.other as FakeSession]) {
      if (side.ended) continue
      side.ended = true
      const node = this.node((side.other as FakeSession).peer)
      node.sessions.delete(side.peer)
      for (const channel of side.channels) channel.fail(new Error(reason))
      this.#later(DETECT_MS, () => this.#emit(node, { type: 'down', session: side, reason }))
    }
  }

  #endIdle(node: Node, peer: PeerKey): void {
    const session = node.sessions.get(peer)
    if (session === undefined || (node.intents.get(peer) ?? 0) > 0) return
    if ((this.node(peer).intents.get(node.key) ?? 0) > 0) return
    this.#drop(session, 'idle')
  }

  #emit(node: Node, event: SessionEvent): void {
    if (node.up) for (const listener of [...node.listeners]) listener(event)
  }

  #later(delayMs: number, task: () => void): void {
    this.simulation.schedule(delayMs, task)
  }

  /** The same for every message of a pair, so that order is kept. */
  #delay(a: PeerKey, b: PeerKey): number {
    let sum = 0
    for (const unit of `${a}${b}`) sum += unit.charCodeAt(0)
    return 1 + (sum % 5)
  }
}

function counted(timers: Timers, pending: Set<object>): Timers {
  return {
    schedule(delayMs, task) {
      const entry = {}
      pending.add(entry)
      const handle = timers.schedule(delayMs, () => {
        pending.delete(entry)
        task()
      })
      return {
        cancel: () => {
          pending.delete(entry)
          handle.cancel()
        }
      }
    }
  }
}

class FakeSession implements Session {
  readonly peer: PeerKey
  readonly initiator: boolean
  readonly channels: FakeChannel[] = []
  other: FakeSession | undefined
  ended = false
  readonly #swarm: Swarm

  constructor(swarm: Swarm, peer: PeerKey, initiator: boolean) {
    this.#swarm = swarm
    this.peer = peer
    this.initiator = initiator
  }

  pair(other: FakeSession): void {
    this.other = other
    other.other = this
  }

  openChannel(): Promise<FramedChannel> {
    return this.#swarm.openChannel(this)
  }
}
