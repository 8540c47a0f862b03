import type { PeerId } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { SimChannel } from './sim-channel.ts'
import type { SimEndpoint } from './sim-endpoint.ts'

/** One end of a connection, with as much of libp2p's shape as the peer manager looks at. */
export class SimConnection {
  readonly id: string
  readonly endpoint: SimEndpoint
  readonly remotePeer: PeerId
  readonly remoteAddr: Multiaddr
  readonly direction: 'inbound' | 'outbound'
  readonly channels: Set<SimChannel> = new Set()
  /** The multiplexer here works on messages: there is no stream to listen on. */
  readonly streams: readonly never[] = []
  status: 'open' | 'closed' | 'aborted' = 'open'
  other: SimConnection | undefined
  /** When the other end was last within reach. */
  heardMs: number
  /** What this end has sent and the other has not got yet, in order. */
  readonly #sent: { readonly arrivesMs: number; readonly deliver: () => void }[] = []

  constructor(
    id: string,
    endpoint: SimEndpoint,
    remote: { readonly peerId: PeerId; readonly address: string },
    direction: 'inbound' | 'outbound',
    nowMs: number
  ) {
    this.id = id
    this.endpoint = endpoint
    this.remotePeer = remote.peerId
    this.remoteAddr = multiaddr(remote.address)
    this.direction = direction
    this.heardMs = nowMs
  }

  close(): Promise<void> {
    this.#goodbye('closed')
    return Promise.resolve()
  }

  abort(_reason: Error): void {
    this.#goodbye('aborted')
  }

  /** The other end is gone, or has been silent for too long. */
  lost(): void {
    this.#finish('aborted')
  }

  /** Brings something to the other end: in order, and not at all once either end is over. */
  carry(deliver: (other: SimConnection) => void): void {
    if (this.status !== 'open') return
    this.#send(other => {
      if (other.status === 'open' && other.endpoint.alive) deliver(other)
    })
  }

  #goodbye(status: 'closed' | 'aborted'): void {
    if (this.status !== 'open') return
    this.#send(other => other.lost())
    this.#finish(status)
  }

  #send(deliver: (other: SimConnection) => void): void {
    const { other } = this
    if (other === undefined) return
    const { transport } = this.endpoint
    const arrivesMs = transport.arrivalMs(this.endpoint, other.endpoint)
    this.#sent.push({ arrivesMs, deliver: () => deliver(other) })
    transport.at(arrivesMs, () => this.#pump(other))
  }

  /** Delivers what is due. What cannot get through waits, and all that was sent after it. */
  #pump(other: SimConnection): void {
    const { transport } = this.endpoint
    for (let next = this.#sent[0]; next !== undefined; next = this.#sent[0]) {
      if (next.arrivesMs > transport.nowMs) return
      if (transport.holdsBack(this.endpoint, other.endpoint, () => this.#pump(other))) return
      this.#sent.shift()
      next.deliver()
    }
  }

  #finish(status: 'closed' | 'aborted'): void {
    if (this.status !== 'open') return
    this.status = status
    this.endpoint.connections.delete(this)
    for (const channel of [...this.channels]) channel.break(new Error('the connection is gone'))
    this.endpoint.tell('connection:close', this)
  }
}
