import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { ChannelInfo, ChannelRefusal, FramedChannel, MuxPort, PeersComponents } from '@starling/peers'
import type { Ports } from '@starling/ports'
import { SimChannel } from './sim-channel.ts'
import type { SimConnection } from './sim-connection.ts'
import type { SimTransport } from './sim-transport.ts'

interface Registered {
  readonly handler: (channel: FramedChannel, info: ChannelInfo) => void | Promise<void>
  readonly accept:
    | ((info: ChannelInfo) => ChannelRefusal | undefined | Promise<ChannelRefusal | undefined>)
    | undefined
}

/** The network as one process has it: a dialler, a multiplexer of messages, and libp2p's events. */
export class SimEndpoint {
  readonly transport: SimTransport
  readonly index: number
  readonly peerId: PeerId
  readonly address: string
  readonly connections: Set<SimConnection> = new Set()
  readonly #events = new EventTarget()
  readonly #handlers = new Map<string, Registered>()
  alive = true

  constructor(transport: SimTransport, index: number, peerId: PeerId, address: string) {
    this.transport = transport
    this.index = index
    this.peerId = peerId
    this.address = address
  }

  /** What a peer manager is given. */
  components(): Omit<PeersComponents, keyof Ports> {
    return {
      mux: this.#mux(),
      connectionManager: {
        openConnection: async (address: Multiaddr, options) =>
          asConnection(await this.transport.dial(this, address.toString(), options?.signal)),
        getConnections: () => [...this.connections].map(asConnection)
      },
      events: this.#events,
      peerId: this.peerId,
      addressManager: { getAddresses: () => [this.transport.multiaddrOf(this.index)] }
    }
  }

  tell(type: 'connection:open' | 'connection:close', connection: SimConnection): void {
    if (this.alive) this.#events.dispatchEvent(new CustomEvent(type, { detail: connection }))
  }

  #mux(): MuxPort {
    return {
      handleChannel: (tags, handler, options) => {
        const all = typeof tags === 'string' ? [tags] : tags
        for (const tag of all) this.#handlers.set(tag, { handler, accept: options?.accept })
        return {
          dispose: () => {
            for (const tag of all) this.#handlers.delete(tag)
          }
        }
      },
      openChannel: (connection, tag, options) =>
        this.#open(connection as unknown as SimConnection, tag, options?.signal)
    }
  }

  /** Asks the other end for a channel, and resolves with its verdict. */
  #open(connection: SimConnection, tag: string, signal: AbortSignal | undefined): Promise<FramedChannel> {
    return new Promise((resolve, reject) => {
      if (connection.status !== 'open') return reject(new Error('the connection is gone'))
      signal?.throwIfAborted()
      const mine = this.#channel(connection, tag)
      mine.channel.closed.then(() => reject(new Error('the connection is gone')), reject)
      signal?.addEventListener(
        'abort',
        () => {
          mine.channel.abort(new Error('given up'))
          reject(signal.reason as Error)
        },
        { once: true }
      )
      connection.carry(far => {
        void far.endpoint.#accept(far, tag, mine).then(refusal => {
          if (refusal === undefined) far.carry(() => resolve(mine.channel))
          else {
            far.carry(() => {
              mine.channel.break(new Error(`refused: ${refusal}`))
              reject(new Error(`refused: ${refusal}`))
            })
          }
        })
      })
    })
  }

  async #accept(connection: SimConnection, tag: string, far: Ends): Promise<ChannelRefusal | undefined> {
    const registered = this.#handlers.get(tag)
    if (registered === undefined) return 'unknownTag'
    const info = { peer: connection.remotePeer.toString(), connection: asConnection(connection), tag }
    const refusal = await registered.accept?.(info)
    if (refusal !== undefined) return refusal
    const mine = this.#channel(connection, tag)
    mine.other = far.channel
    far.other = mine.channel
    void registered.handler(mine.channel, info)
    return undefined
  }

  #channel(connection: SimConnection, tag: string): Ends {
    const ends: Ends = {
      other: undefined,
      channel: new SimChannel(
        tag,
        connection.remotePeer.toString(),
        (_bytes, deliver) =>
          connection.carry(() => {
            if (ends.other !== undefined) deliver(ends.other)
          }),
        () => connection.channels.delete(ends.channel)
      )
    }
    connection.channels.add(ends.channel)
    return ends
  }
}

interface Ends {
  readonly channel: SimChannel
  other: SimChannel | undefined
}

function asConnection(connection: SimConnection): Connection {
  return connection as unknown as Connection
}
