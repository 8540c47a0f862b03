import { seededRandom, type SeededRandom } from '@starling/ports'
import type {
  FramedChannel,
  NeighborSource,
  PeerKey,
  Session,
  SessionEvent,
  SessionPort
} from '../src/index.ts'
import { FakeChannel } from './fake-channel.ts'
import { FakeTime } from './fake-time.ts'

/** Nodes, sessions between them, and credit-bounded channels on those, in virtual time. */
export class FakeNetwork {
  readonly time: FakeTime = new FakeTime()
  readonly random: SeededRandom
  windowBytes = 64 * 1024
  queueBytes = 16 * 1024
  /** Drawn per message; order on a channel is kept. */
  latencyMs: () => number = () => 1
  /** Every channel end there ever was. */
  readonly ends: FakeChannel[] = []
  readonly #nodes: Map<PeerKey, FakeSessions> = new Map()

  constructor(seed: number | string = 1) {
    this.random = seededRandom(seed)
  }

  node(peer: PeerKey): FakeSessions {
    const known = this.#nodes.get(peer)
    if (known !== undefined) return known
    const node = new FakeSessions(this, peer)
    this.#nodes.set(peer, node)
    return node
  }

  /** A new session between two nodes; an old one between them is gone. */
  connect(a: PeerKey, b: PeerKey): void {
    this.disconnect(a, b)
    const [left, right] = [new FakeSession(this, a, b), new FakeSession(this, b, a)]
    left.other = right
    right.other = left
    this.node(a).up(left)
    this.node(b).up(right)
  }

  disconnect(a: PeerKey, b: PeerKey): void {
    for (const end of this.ends) if (end.joins(a, b)) end.cut()
    this.node(a).down(b)
    this.node(b).down(a)
  }

  /** Channels that are open at both ends, as pairs counted once. */
  openChannels(a: PeerKey, b: PeerKey): number {
    return this.ends.filter(end => end.self === a && end.peer === b && end.open).length
  }
}

class FakeSession implements Session {
  readonly peer: PeerKey
  readonly self: PeerKey
  other: FakeSession | undefined
  gone = false
  readonly #network: FakeNetwork

  constructor(network: FakeNetwork, self: PeerKey, peer: PeerKey) {
    this.#network = network
    this.self = self
    this.peer = peer
  }

  openChannel(tag: string, options?: { readonly signal?: AbortSignal }): Promise<FramedChannel> {
    const network = this.#network
    return new Promise((resolve, reject) => {
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error))
      network.time.schedule(network.latencyMs() * 2, () => {
        const other = this.other
        const handler = network.node(this.peer).handlers.get(tag)
        if (this.gone || other === undefined || handler === undefined || options?.signal?.aborted === true) {
          reject(new Error('the session is gone, or nobody handles the tag'))
          return
        }
        const mine = new FakeChannel(network, this.self, this.peer)
        const theirs = new FakeChannel(network, this.peer, this.self)
        mine.other = theirs
        theirs.other = mine
        network.ends.push(mine, theirs)
        handler(theirs, other)
        resolve(mine)
      })
    })
  }
}

/** One node's session port. */
export class FakeSessions implements SessionPort {
  readonly self: PeerKey
  readonly handlers: Map<string, (channel: FramedChannel, session: Session) => void> = new Map()
  readonly listeners: Set<(event: SessionEvent) => void> = new Set()
  readonly wanted: Map<PeerKey, number> = new Map()
  readonly #sessions: Map<PeerKey, FakeSession> = new Map()

  constructor(_network: FakeNetwork, self: PeerKey) {
    this.self = self
  }

  sessions(): readonly Session[] {
    return [...this.#sessions.values()]
  }

  want(peer: PeerKey): { release(): void } {
    this.wanted.set(peer, (this.wanted.get(peer) ?? 0) + 1)
    let released = false
    return {
      release: () => {
        if (released) return
        released = true
        const left = (this.wanted.get(peer) ?? 1) - 1
        if (left === 0) this.wanted.delete(peer)
        else this.wanted.set(peer, left)
      }
    }
  }

  onSession(listener: (event: SessionEvent) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  handleChannel(tag: string, handler: (channel: FramedChannel, session: Session) => void): () => void {
    this.handlers.set(tag, handler)
    return () => void this.handlers.delete(tag)
  }

  up(session: FakeSession): void {
    this.#sessions.set(session.peer, session)
    for (const listener of this.listeners) listener({ type: 'up', session })
  }

  down(peer: PeerKey): void {
    const session = this.#sessions.get(peer)
    if (session === undefined) return
    session.gone = true
    this.#sessions.delete(peer)
    for (const listener of this.listeners) listener({ type: 'down', session, reason: 'test' })
  }
}

/** A neighbour set that a test sets. */
export class FakeNeighbors implements NeighborSource {
  readonly listeners: Set<(event: { readonly type: 'up' | 'down'; readonly peer: PeerKey }) => void> =
    new Set()
  readonly #peers: Set<PeerKey> = new Set()

  constructor(peers: Iterable<PeerKey> = []) {
    for (const peer of peers) this.#peers.add(peer)
  }

  neighbors(): readonly PeerKey[] {
    return [...this.#peers]
  }

  onNeighbor(
    listener: (event: { readonly type: 'up' | 'down'; readonly peer: PeerKey }) => void
  ): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  set(peer: PeerKey, up: boolean): void {
    if (up) this.#peers.add(peer)
    else this.#peers.delete(peer)
    for (const listener of this.listeners) listener({ type: up ? 'up' : 'down', peer })
  }
}
