import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FramedChannel, Mux } from '@starling/mux'
import { createHost, type Connection, type Host, type Stream, type Transport } from './host.ts'
import { RAW_STREAMS_MAX } from './raw-protocols.ts'

/** A connection to a far end in another process. */
export class Link {
  readonly #host: Host
  readonly #child: ChildProcess
  readonly #connection: Connection

  constructor(host: Host, child: ChildProcess, connection: Connection) {
    this.#host = host
    this.#child = child
    this.#connection = connection
  }

  get mux(): Mux {
    return this.#host.services.mux
  }

  openChannel(tag: string): Promise<FramedChannel> {
    return this.mux.openChannel(this.#connection, tag)
  }

  openRaw(protocol: string): Promise<Stream> {
    return this.#connection.newStream(protocol, { maxOutboundStreams: RAW_STREAMS_MAX })
  }

  /** Bytes of the far end's heap and of what belongs to it, after a collection. */
  async farMemory(): Promise<number> {
    this.#child.send('memory')
    const [memory] = (await once(this.#child, 'message')) as [number]
    return memory
  }

  async close(): Promise<void> {
    await this.#host.stop()
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}

/** Starts a far end and connects to it. Both ends grant `windowBytes` a channel. */
export async function openLink(transport: Transport, windowBytes: number): Promise<Link> {
  const { multiaddr } = await import('@multiformats/multiaddr')
  const child = fork(
    fileURLToPath(new URL('far-end.js', import.meta.url)),
    [transport, String(windowBytes)],
    {
      // The report is on our standard output; a library that prints there must not spoil it.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    }
  )
  const [addresses] = (await once(child, 'message')) as [string[]]
  const host = await createHost(transport, { listens: false, windowBytes })
  return new Link(host, child, await host.dial(addresses.map(address => multiaddr(address))))
}
