import { CONTROL_PACKET_BYTES } from '../config.ts'
import type { NodeIndex } from '../network-types.ts'
import { SimChannel } from './channel.ts'
import type { Frame, Identity } from './connection-types.ts'
import type { SimHost } from './host.ts'
import type { Paths } from './paths.ts'
import { StreamTap } from './stream-tap.ts'

/** What both ends of a connection share. */
export interface ConnectionWire {
  readonly paths: Paths
  readonly idleMs: () => number
  readonly stalled: (reader: NodeIndex, sender: NodeIndex) => boolean
}

/** Order on one stream: what has been sent so far, and what came too early. */
interface StreamOrder {
  sent: number
  received: number
  /** Frames that came before one of an earlier number, or before this end knew of the stream. */
  readonly early: Map<number, Frame>
}

/**
 * One end of a connection. The two ends learn of its death each in its own time: at once for the one that closes it, one delay
 * later for the other if it can be told, and after the idle time if not.
 */
export class SimConnection<P extends Identity = Identity> {
  readonly id: string
  /** The peer whose identity the handshake proved. */
  readonly remotePeer: P
  /** Where the peer is, as text: the address of its host. */
  readonly remoteAddr: string
  readonly direction: 'inbound' | 'outbound'
  readonly #host: SimHost<P>
  readonly #remote: NodeIndex
  readonly #wire: ConnectionWire
  readonly #incarnation: number
  readonly #channels = new Map<string, SimChannel>()
  readonly #orders = new Map<string, StreamOrder>()
  readonly #tap = new StreamTap()
  readonly #asked = new Set<string>()
  #status: 'open' | 'closed' | 'aborted' = 'open'
  #other: SimConnection<P> | undefined
  #silentSinceMs: number | undefined
  /** The idle time ran out while the process was paused. */
  #overdue = false
  /** What came before this end was announced to its host. */
  #unannounced: (() => void)[] | undefined = []
  #opened = 0

  constructor(
    host: SimHost<P>,
    remote: { readonly index: NodeIndex; readonly peer: P; readonly address: string },
    direction: 'inbound' | 'outbound',
    id: string,
    wire: ConnectionWire
  ) {
    this.#host = host
    this.#remote = remote.index
    this.remotePeer = remote.peer
    this.remoteAddr = remote.address
    this.direction = direction
    this.id = id
    this.#wire = wire
    this.#incarnation = host.incarnation
  }

  get status(): 'open' | 'closed' | 'aborted' {
    return this.#status
  }

  /** One stand-in for all streams: a listener on it notices whatever arrives. */
  get streams(): readonly StreamTap[] {
    return [this.#tap]
  }

  get host(): SimHost<P> {
    return this.#host
  }

  get remote(): NodeIndex {
    return this.#remote
  }

  /** Channels open on this end. */
  get channels(): number {
    return this.#channels.size
  }

  /** Joins the two ends. */
  pair(other: SimConnection<P>): void {
    this.#other = other
  }

  /** Ends the connection in good order. As over QUIC, what is in flight is lost. */
  close(): Promise<void> {
    this.#end('closed')
    return Promise.resolve()
  }

  abort(_reason: Error): void {
    this.#end('aborted')
  }

  /** This end forgets the connection without telling the other: what is left is half a connection. */
  vanish(): void {
    this.#finish('aborted')
  }

  /** A name for the next channel this end opens; both ends count apart. It is expected until {@link SimConnection.answered}. */
  ask(): string {
    const stream = `${this.direction}/${this.#opened++}`
    this.#asked.add(stream)
    return stream
  }

  /** The verdict on a channel this end has asked for has come. */
  answered(stream: string): void {
    this.#asked.delete(stream)
  }

  /** Whether this end is open and its process is the one that made it. */
  get alive(): boolean {
    return this.#status === 'open' && this.#host.incarnation === this.#incarnation
  }

  /** Tells the host that the connection stands here. Nothing that has come on it is read before. */
  announce(): void {
    const early = this.#unannounced ?? []
    this.#unannounced = undefined
    this.#host.connectionOpened(this)
    for (const arrive of early) if (this.alive) arrive()
  }

  /** Sends something that is no frame of a channel: `arrive` runs at the other end, if both ends live then. */
  packet(bytes: number, arrive: (other: SimConnection<P>) => void): void {
    const other = this.#other
    if (other === undefined || !this.alive) return
    const { index } = this.#host
    const arrived = (): void => other.#read(() => arrive(other))
    this.#wire.paths.send(index, this.#remote, bytes, arrived, () => other.alive && this.alive)
  }

  /** Sends the packet that lets the acceptor know that the handshake is done. */
  complete(bytes: number): void {
    const other = this.#other as SimConnection<P>
    const { index } = this.#host
    this.#wire.paths.send(
      index,
      this.#remote,
      bytes,
      () => other.announce(),
      () => other.alive && this.alive
    )
  }

  #read(arrive: () => void): void {
    if (this.#unannounced === undefined) arrive()
    else this.#unannounced.push(arrive)
  }

  /** Makes this end's channel of a stream. */
  channel(stream: string, tag: string, windowBytes: number, peerWindowBytes: number): SimChannel {
    const { index } = this.#host
    const channel = new SimChannel({
      tag,
      peer: this.remotePeer.toString(),
      windowBytes,
      peerWindowBytes,
      transmit: (frame, bytes) => this.#transmit(stream, frame, bytes),
      stalled: () => this.#wire.stalled(index, this.#remote),
      over: () => this.#forget(stream)
    })
    this.#channels.set(stream, channel)
    this.#drain(stream, channel)
    return channel
  }

  /** Lets go on what waits for credits that were held back. */
  unstall(): void {
    for (const channel of this.#channels.values()) channel.unstall()
  }

  /**
   * Looks whether anything of the other end can be heard, after whatever may have changed that. From the moment when nothing
   * can, the idle time runs.
   */
  listen(hears: (other: SimConnection<P>) => boolean): void {
    const other = this.#other
    if (this.#status !== 'open' || other === undefined) return
    if (hears(other)) {
      this.#silentSinceMs = undefined
      this.#overdue = false
      return
    }
    if (this.#silentSinceMs !== undefined) return
    const sinceMs = this.#host.simulation.nowMs
    this.#silentSinceMs = sinceMs
    this.#host.simulation.schedule(
      this.#wire.idleMs(),
      () => {
        if (this.#silentSinceMs !== sinceMs) return
        if (this.#host.paused) this.#overdue = true
        else this.vanish()
      },
      this.#host.index
    )
  }

  /** Its process goes on after a pause: longer than the idle time, or one in which that ran out. */
  resumed(beyondIdle: boolean): void {
    if (beyondIdle || this.#overdue) this.vanish()
  }

  #transmit(stream: string, frame: Frame, bytes: number): void {
    const order = this.#order(stream)
    const number = order.sent++
    this.packet(bytes, other => other.#arrive(stream, number, frame))
  }

  /** Packets may overtake each other; the frames of one stream do not. */
  #arrive(stream: string, number: number, frame: Frame): void {
    const channel = this.#channels.get(stream)
    // The other end's first frames may overtake its verdict; those after the end of a channel are nobody's.
    if (channel === undefined && !this.#asked.has(stream)) return
    this.#order(stream).early.set(number, frame)
    this.#tap.heard()
    if (channel !== undefined) this.#drain(stream, channel)
  }

  /** Gives a channel what is next in its stream. */
  #drain(stream: string, channel: SimChannel): void {
    const order = this.#order(stream)
    for (;;) {
      const next = order.early.get(order.received)
      if (next === undefined) return
      order.early.delete(order.received++)
      this.#host.trace(this.#remote, next)
      channel.receive(next)
    }
  }

  #forget(stream: string): void {
    this.#channels.delete(stream)
    this.#orders.delete(stream)
  }

  #order(stream: string): StreamOrder {
    let order = this.#orders.get(stream)
    if (order === undefined) {
      order = { sent: 0, received: 0, early: new Map() }
      this.#orders.set(stream, order)
    }
    return order
  }

  #end(status: 'closed' | 'aborted'): void {
    if (this.#status !== 'open') return
    // Said once, not repeated: if it is lost the other end finds out by silence.
    const other = this.#other
    const { paths } = this.#wire
    const [from, to] = [this.#host.index, this.#remote]
    if (other !== undefined && !paths.blocks(from, to)) {
      paths.send(
        from,
        to,
        CONTROL_PACKET_BYTES,
        () => other.#finish('aborted'),
        () => other.alive && !paths.blocks(from, to)
      )
    }
    this.#finish(status)
  }

  #finish(status: 'closed' | 'aborted'): void {
    if (this.#status !== 'open') return
    this.#status = status
    this.#silentSinceMs = undefined
    for (const channel of [...this.#channels.values()]) channel.lost()
    this.#channels.clear()
    this.#orders.clear()
    this.#host.connectionClosed(this)
    this.#other?.listen(() => false)
  }
}
