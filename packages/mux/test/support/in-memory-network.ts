import type { Connection, PeerId, StreamHandler } from '@libp2p/interface'
import { TypedEventEmitter } from '@libp2p/interface'
import type { Timers } from '@starling/ports'
import { createMux, type Mux, type MuxComponents, type MuxInit } from '@starling/mux'
import { inMemoryStreamPair, type InMemoryStream, type PairOptions } from './in-memory-stream.ts'

/** One host of the in-memory network: what a mux needs of libp2p, and the mux. */
export interface InMemoryHost {
  readonly mux: Mux
  readonly peerId: PeerId
  readonly handler: () => StreamHandler | undefined
}

/** One end of a connection between two hosts. `newStream` hands the other end's stream to the other host's handler. */
export class InMemoryConnection extends TypedEventEmitter<{ close: Event }> {
  status: 'open' | 'closed' = 'open'
  readonly direct = true
  readonly limits = undefined
  readonly multiplexer: string
  readonly remotePeer: PeerId
  readonly opened: InMemoryStream[] = []
  readonly #options: PairOptions
  #reverse: InMemoryConnection | undefined
  readonly #remote: InMemoryHost
  /** While set, `newStream` waits for it, as over QUIC at the stream limit. */
  gate: Promise<void> | undefined

  constructor(remote: InMemoryHost, options: PairOptions) {
    super()
    this.remotePeer = remote.peerId
    this.#remote = remote
    this.#options = options
    this.multiplexer = options.manner === 'quic' ? 'quic' : '/yamux/1.0.0'
  }

  static pair(
    a: InMemoryHost,
    b: InMemoryHost,
    options: PairOptions
  ): [InMemoryConnection, InMemoryConnection] {
    const toB = new InMemoryConnection(b, options)
    const toA = new InMemoryConnection(a, options)
    toB.#reverse = toA
    toA.#reverse = toB
    return [toB, toA]
  }

  async newStream(): Promise<InMemoryStream> {
    await this.gate
    if (this.status !== 'open') throw new Error('the connection is closed')
    const [outbound, inbound] = inMemoryStreamPair(this.#options)
    this.opened.push(outbound)
    const handler = this.#remote.handler()
    if (handler === undefined) throw new Error('the protocol is not supported')
    void handler(inbound, this.#reverse?.asConnection as Connection)
    return outbound
  }

  /** The other end's view of this connection. */
  get back(): InMemoryConnection {
    return this.#reverse as InMemoryConnection
  }

  get asConnection(): Connection {
    return this as unknown as Connection
  }

  /** Closes both ends without telling the streams, as QUIC does for some of them. */
  async close(): Promise<void> {
    for (const end of [this, this.#reverse]) {
      if (end === undefined) continue
      end.status = 'closed'
      end.dispatchEvent(new Event('close'))
    }
  }
}

/** A started mux on a host that has no network but what `InMemoryConnection.pair` gives it. */
export async function inMemoryHost(
  name: string,
  init: MuxInit,
  timers: Timers,
  connections: () => InMemoryConnection[] = () => [],
  extra: Pick<MuxComponents, 'metrics' | 'logger'> = {}
): Promise<InMemoryHost> {
  const peerId = { toString: () => name } as unknown as PeerId
  let handler: StreamHandler | undefined
  const mux = createMux(
    {
      registrar: {
        handle: async (_protocol, given) => {
          handler = given
        },
        unhandle: async () => {
          handler = undefined
        }
      },
      connectionManager: {
        getConnections: peer =>
          connections()
            .filter(connection => connection.remotePeer === peer)
            .map(connection => connection.asConnection)
      },
      timers,
      ...extra
    },
    init
  )
  await mux.start()
  return { mux, peerId, handler: () => handler }
}
