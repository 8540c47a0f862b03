import { setMaxListeners } from 'node:events'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { seededRandom, type Observers } from '@starling/ports'
import { systemHash, systemHmac } from '@starling/ports/system'
import {
  createPeers,
  type Intent,
  type ChannelInfo,
  type ChannelRefusal,
  type FramedChannel,
  type MuxPort,
  type Peers,
  type PeersInit,
  type RejectionEvent,
  type SessionEvent
} from '../src/index.ts'
import { FakeChannel } from './fake-channel.ts'
import { FakeTime } from './fake-time.ts'

/** What a dial to an address does. */
export type DialBehaviour = 'connect' | 'refuse' | 'hang'

export class FakeConnection {
  readonly id: string
  readonly remotePeer: PeerId
  readonly direction: 'inbound' | 'outbound'
  readonly node: FakeNode
  readonly channels = new Set<FakeChannel>()
  readonly streams: Stream[] = []
  readonly remoteAddr = multiaddr('/ip4/10.0.0.99/udp/4001/quic-v1')
  status: 'open' | 'closed' | 'aborted' = 'open'
  other: FakeConnection | undefined
  /** Nothing sent from this end arrives. */
  mute = false
  /** One-way delay of what this end sends, ms, by tag. */
  delayMs: (tag: string) => number = () => 0

  constructor(node: FakeNode, remotePeer: PeerId, direction: 'inbound' | 'outbound', id: string) {
    this.node = node
    this.remotePeer = remotePeer
    this.direction = direction
    this.id = id
  }

  close(): Promise<void> {
    this.#end('closed')
    return Promise.resolve()
  }

  abort(_error: Error): void {
    this.#end('aborted')
  }

  /** The other end notices. */
  lost(): void {
    if (this.status !== 'open') return
    this.#finish('aborted')
  }

  carry(tag: string, deliver: () => void): void {
    if (this.mute) return
    // A connection is announced before anything on it is read.
    this.node.net.time.timers.schedule(this.delayMs('open') + this.delayMs(tag), () => {
      if (this.other?.status === 'open') deliver()
    })
  }

  #end(status: 'closed' | 'aborted'): void {
    if (this.status !== 'open') return
    const { other } = this
    if (other !== undefined && !this.mute) {
      const delayMs = this.delayMs('close')
      this.node.net.time.timers.schedule(delayMs, () => other.lost())
    }
    this.#finish(status)
  }

  #finish(status: 'closed' | 'aborted'): void {
    this.status = status
    this.node.connections.delete(this)
    for (const channel of this.channels) channel.break(new Error('the connection is gone'))
    this.node.events.dispatchEvent(new CustomEvent('connection:close', { detail: this }))
  }
}

type Handler = {
  handler: (channel: FramedChannel, info: ChannelInfo) => void | Promise<void>
  accept:
    | ((info: ChannelInfo) => ChannelRefusal | undefined | Promise<ChannelRefusal | undefined>)
    | undefined
}

/** One node in memory: a connection manager, a multiplexer and events, and the peer manager on top. */
export class FakeNode {
  readonly net: FakeNet
  readonly peerId: PeerId
  readonly address: string
  readonly events = new EventTarget()
  readonly connections = new Set<FakeConnection>()
  readonly handlers = new Map<string, Handler>()
  readonly seen: SessionEvent[] = []
  readonly rejections: RejectionEvent[] = []
  listening: DialBehaviour = 'connect'
  listenerCount = 0
  readonly peers: Peers

  constructor(net: FakeNet, number: number, peerId: PeerId, init: Partial<PeersInit>, skewMs: number) {
    this.net = net
    this.peerId = peerId
    this.address = `/ip4/10.0.0.${number}/udp/4001/quic-v1`
    this.peers = createPeers(
      {
        mux: this.#mux(),
        connectionManager: {
          openConnection: (address, options) => net.dial(this, address, options?.signal),
          getConnections: () => [...this.connections].map(asConnection)
        },
        events: this.#counted(),
        peerId,
        clock: net.time.clock(skewMs),
        timers: net.time.timers,
        random: seededRandom(`${net.seed}/${number}`),
        hash: systemHash,
        hmac: systemHmac,
        ...net.observers
      },
      { cluster: { name: 'test', secrets: ['a secret of enough bytes'] }, ...init }
    )
    setMaxListeners(0, this.events)
    this.peers.onSession(event => this.seen.push(event))
    this.peers.onRejection(event => this.rejections.push(event))
  }

  /** The types of the session events so far. */
  get story(): string[] {
    return this.seen.map(event => (event.type === 'up' ? 'up' : `${event.type} ${event.reason}`))
  }

  want(other: FakeNode, mode: 'once' | 'continuous' = 'continuous'): Intent {
    return this.peers.want(other.peerId.toString(), { mode, addresses: [other.address] })
  }

  #mux(): MuxPort {
    return {
      handleChannel: (tags, handler, options) => {
        const tag = tags as string
        this.handlers.set(tag, { handler, accept: options?.accept })
        return { dispose: () => void this.handlers.delete(tag) }
      },
      openChannel: (connection, tag) => this.net.openChannel(connection as unknown as FakeConnection, tag)
    }
  }

  #counted(): Pick<EventTarget, 'addEventListener' | 'removeEventListener'> {
    return {
      addEventListener: (type: string, listener: (event: Event) => void) => {
        this.listenerCount++
        this.events.addEventListener(type, listener)
      },
      removeEventListener: (type: string, listener: (event: Event) => void) => {
        this.listenerCount--
        this.events.removeEventListener(type, listener)
      }
    }
  }
}

function asConnection(connection: FakeConnection): Connection {
  return connection as unknown as Connection
}

const peerIds = new Map<number, PeerId>()

/** The peer id of the node with this number, the same in every world. */
async function peerIdOf(number: number): Promise<PeerId> {
  const known = peerIds.get(number)
  if (known !== undefined) return known
  const seed = new Uint8Array(32).fill(number)
  const peerId = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed))
  peerIds.set(number, peerId)
  return peerId
}

/** Nodes in memory, on one time. */
export class FakeNet {
  readonly time = new FakeTime()
  readonly seed: number
  readonly nodes: FakeNode[] = []
  readonly dials: { from: FakeNode; address: string; atMs: number }[] = []
  /** Called for both ends of each new connection. */
  onConnection: (connection: FakeConnection) => void = () => {}
  /** Addresses that never answer. */
  swallows: (address: string) => boolean = address => address.includes('/udp/9/')
  /** How long a dial takes, ms. */
  dialMs: () => number = () => 1
  /** What the nodes added from now on are watched by. */
  observers: Observers = {}
  #connections = 0

  constructor(seed = 1) {
    this.seed = seed
  }

  async add(init: Partial<PeersInit> = {}, skewMs = 0): Promise<FakeNode> {
    const number = this.nodes.length + 1
    const node = new FakeNode(this, number, await peerIdOf(number), init, skewMs)
    this.nodes.push(node)
    node.peers.start()
    return node
  }

  /** Another process with the key and the address of `of`, started now; the old one is not told. */
  async twin(of: FakeNode): Promise<FakeNode> {
    await this.time.advance(1)
    const node = new FakeNode(this, this.nodes.indexOf(of) + 1, of.peerId, {}, 0)
    this.nodes.push(node)
    node.peers.start()
    return node
  }

  async dial(from: FakeNode, address: Multiaddr, signal?: AbortSignal): Promise<Connection> {
    const text = address.toString()
    this.dials.push({ from, address: text, atMs: this.time.nowMs })
    await new Promise<void>(resolve => this.time.timers.schedule(this.dialMs(), resolve))
    const swallowed = this.swallows(text)
    const to = this.nodes.find(node => text === `${node.address}/p2p/${node.peerId.toString()}`)
    if (swallowed || to?.listening === 'hang') {
      await new Promise((_resolve, reject) => signal?.addEventListener('abort', reject, { once: true }))
    }
    if (to === undefined || to.listening !== 'connect') throw new Error('connection refused')
    const [dialler] = this.connect(from, to)
    return asConnection(dialler)
  }

  /** A connection without anybody's peer manager having asked for it. */
  connect(from: FakeNode, to: FakeNode): [FakeConnection, FakeConnection] {
    const number = ++this.#connections
    const dialler = new FakeConnection(from, to.peerId, 'outbound', `${number}-out`)
    const acceptor = new FakeConnection(to, from.peerId, 'inbound', `${number}-in`)
    dialler.other = acceptor
    acceptor.other = dialler
    from.connections.add(dialler)
    to.connections.add(acceptor)
    this.onConnection(dialler)
    this.onConnection(acceptor)
    from.events.dispatchEvent(new CustomEvent('connection:open', { detail: dialler }))
    this.time.timers.schedule(dialler.delayMs('open'), () => {
      if (acceptor.status === 'open')
        to.events.dispatchEvent(new CustomEvent('connection:open', { detail: acceptor }))
    })
    return [dialler, acceptor]
  }

  async openChannel(connection: FakeConnection, tag: string): Promise<FramedChannel> {
    if (connection.status !== 'open' || connection.other === undefined) throw new Error('not connected')
    const remote = connection.other
    await new Promise<void>((resolve, reject) => {
      connection.carry(tag, resolve)
      connection.node.events.addEventListener('connection:close', () => {
        if (connection.status !== 'open') reject(new Error('not connected'))
      })
    })
    const registered = remote.node.handlers.get(tag)
    if (registered === undefined) throw new Error('refused: unknownTag')
    const info = { peer: remote.remotePeer.toString(), connection: asConnection(remote), tag }
    const refusal = await registered.accept?.(info)
    if (refusal !== undefined) throw new Error(`refused: ${refusal}`)
    const mine = new FakeChannel(connection, tag)
    const theirs = new FakeChannel(remote, tag)
    mine.other = theirs
    theirs.other = mine
    void registered.handler(theirs, info)
    return mine
  }

  async stop(): Promise<void> {
    const stopping = Promise.all(this.nodes.map(node => node.peers.stop()))
    await this.time.advance(10_000)
    await stopping
  }
}
