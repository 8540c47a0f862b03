import { CHANNEL_WINDOW_BYTES, CONTROL_PACKET_BYTES } from '../config.ts'
import { digest } from '../digest.ts'
import type { NodeIndex } from '../network-types.ts'
import type { Simulation } from '../simulation.ts'
import type { SimChannel } from './channel.ts'
import type { SimConnection } from './connection.ts'
import { StreamLostError, StreamRefusedError, TagTakenError } from './connection-errors.ts'
import type { ConnectionNetwork } from './connection-network.ts'
import type {
  CancelSignal,
  ChannelHandler,
  ChannelRefusal,
  ConnectionEvent,
  Frame,
  HandleChannelOptions,
  Identity,
  InboundChannel,
  OpenChannelOptions
} from './connection-types.ts'

type Listener<P extends Identity> = (event: ConnectionEvent<P>) => void

interface Registration<P extends Identity> {
  readonly handler: ChannelHandler<P>
  readonly options: HandleChannelOptions<P>
}

/**
 * One node on a {@link ConnectionNetwork}: dials and is dialled, and opens and takes framed channels on its connections. It has
 * the shape of a connection manager, a multiplexer and a source of connection events at once.
 */
export class SimHost<P extends Identity = Identity> {
  readonly index: NodeIndex
  readonly peer: P
  /** Where others dial it, as text. */
  readonly address: string
  readonly #network: ConnectionNetwork<P>
  readonly #connections = new Set<SimConnection<P>>()
  readonly #handlers = new Map<string, Registration<P>>()
  readonly #listeners = new Map<ConnectionEvent<P>['type'], Set<Listener<P>>>()
  /** Counts its processes. */
  incarnation = 0
  paused = false
  up = true

  constructor(network: ConnectionNetwork<P>, index: NodeIndex, peer: P, address: string) {
    this.#network = network
    this.index = index
    this.peer = peer
    this.address = address
  }

  get simulation(): Simulation {
    return this.#network.simulation
  }

  /** Dials an address, which may name the peer meant (`…/p2p/ID`). Rejects with DialFailedError or the signal's reason. */
  openConnection(
    address: { toString(): string },
    options: { readonly signal?: CancelSignal } = {}
  ): Promise<SimConnection<P>> {
    return this.#network.dial(this, address.toString(), options.signal)
  }

  /** Open connections, those with one peer if it is given. */
  getConnections(peer?: Identity): SimConnection<P>[] {
    const wanted = peer?.toString()
    return [...this.#connections].filter(
      ({ remotePeer }) => wanted === undefined || remotePeer.toString() === wanted
    )
  }

  addEventListener(type: ConnectionEvent<P>['type'], listener: Listener<P>): void {
    const listeners = this.#listeners.get(type)
    if (listeners === undefined) this.#listeners.set(type, new Set([listener]))
    else listeners.add(listener)
  }

  removeEventListener(type: ConnectionEvent<P>['type'], listener: Listener<P>): void {
    this.#listeners.get(type)?.delete(listener)
  }

  /** Takes inbound channels of these tags. Throws TagTakenError when one has a handler. */
  handleChannel(
    tags: string | readonly string[],
    handler: ChannelHandler<P>,
    options: HandleChannelOptions<P> = {}
  ): { dispose(): void } {
    const all = typeof tags === 'string' ? [tags] : tags
    const taken = all.find(tag => this.#handlers.has(tag))
    if (taken !== undefined) throw new TagTakenError(taken)
    const registration: Registration<P> = { handler, options }
    for (const tag of all) this.#handlers.set(tag, registration)
    return {
      dispose: () => {
        for (const tag of all) if (this.#handlers.get(tag) === registration) this.#handlers.delete(tag)
      }
    }
  }

  /**
   * Opens a channel on a connection of this host. Rejects with StreamRefusedError, StreamLostError when the connection ends
   * first, or the signal's reason.
   */
  openChannel(
    connection: SimConnection<P>,
    tag: string,
    options: OpenChannelOptions = {}
  ): Promise<SimChannel> {
    const { signal, windowBytes = CHANNEL_WINDOW_BYTES } = options
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const peer = connection.remotePeer.toString()
    const { promise, resolve, reject } = Promise.withResolvers<SimChannel>()
    if (!connection.alive) reject(new StreamLostError(peer, tag))
    const stream = connection.ask()
    const lost = ({ detail }: ConnectionEvent<P>): void => {
      if (detail === connection) reject(new StreamLostError(peer, tag))
    }
    const giveUp = (): void => reject(signal?.reason)
    this.addEventListener('connection:close', lost)
    signal?.addEventListener('abort', giveUp, { once: true })
    let waiting = true
    const settled = (): void => {
      waiting = false
      this.removeEventListener('connection:close', lost)
      signal?.removeEventListener('abort', giveUp)
    }
    promise.then(settled, settled)
    const answer = (verdict: ChannelRefusal | number): void => {
      connection.answered(stream)
      if (typeof verdict === 'string') return reject(new StreamRefusedError(peer, tag, verdict))
      const channel = connection.channel(stream, tag, windowBytes, verdict)
      if (waiting) resolve(channel)
      else channel.abort(new StreamLostError(peer, tag))
    }
    connection.packet(CONTROL_PACKET_BYTES, other => {
      void other.host.inbound(other, { stream, tag, windowBytes }, verdict =>
        other.packet(CONTROL_PACKET_BYTES, () => answer(verdict))
      )
    })
    return promise
  }

  /** A channel the peer wants to open. `verdict` is a refusal, or the bytes this end takes unread. */
  async inbound(
    connection: SimConnection<P>,
    asked: { readonly stream: string; readonly tag: string; readonly windowBytes: number },
    verdict: (verdict: ChannelRefusal | number) => void
  ): Promise<void> {
    const { stream, tag } = asked
    const registration = this.#handlers.get(tag)
    if (registration === undefined) return verdict('unknownTag')
    const { handler, options } = registration
    const info: InboundChannel<P> = { peer: connection.remotePeer.toString(), connection, tag }
    let refusal: ChannelRefusal | undefined
    try {
      const decision = options.accept?.(info)
      refusal = decision instanceof Promise ? await decision : decision
    } catch {
      refusal = 'busy'
    }
    if (!connection.alive) return
    if (refusal !== undefined) return verdict(refusal)
    const windowBytes = options.windowBytes ?? CHANNEL_WINDOW_BYTES
    const channel = connection.channel(stream, tag, windowBytes, asked.windowBytes)
    verdict(windowBytes)
    try {
      await handler(channel, info)
    } catch (error) {
      channel.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** A connection stands at this end. */
  connectionOpened(connection: SimConnection<P>): void {
    this.#connections.add(connection)
    this.simulation.trace.note(this.simulation.nowMs, this.index, `open ${connection.id}`)
    this.#emit({ type: 'connection:open', detail: connection })
  }

  /** Called by a connection whose end here is over. */
  connectionClosed(connection: SimConnection<P>): void {
    if (!this.#connections.delete(connection)) return
    this.simulation.trace.note(this.simulation.nowMs, this.index, `close ${connection.id}`)
    this.#emit({ type: 'connection:close', detail: connection })
  }

  /** The process died: nothing of it is left, and nobody is told. */
  crashed(): void {
    this.up = false
    this.paused = false
    this.incarnation++
    this.#connections.clear()
    this.#handlers.clear()
    this.#listeners.clear()
  }

  /** Folds what arrives into the trace. */
  trace(from: NodeIndex, frame: Frame): void {
    const { trace, nowMs } = this.simulation
    trace.fold(nowMs, this.index, digest(frame) ^ from)
    if (trace.recording) trace.line(nowMs, `${from}>${this.index}`, frame.type)
  }

  #emit(event: ConnectionEvent<P>): void {
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) listener(event)
  }
}
