import { mux, type Mux, type StreamInfo } from '@starling/mux'

export type Connection = StreamInfo['connection']
export type Stream = Awaited<ReturnType<Mux['open']>>

/** What carries the streams. */
export type Transport = 'quic' | 'tcp'

/** The parts of a libp2p node that are used here. */
export interface Host {
  readonly services: { readonly mux: Mux }
  getMultiaddrs(): readonly { toString(): string }[]
  dial(addresses: readonly unknown[]): Promise<Connection>
  handle(
    protocol: string,
    handler: (stream: Stream) => void,
    options: { readonly maxInboundStreams: number }
  ): Promise<void>
  stop(): Promise<void>
}

/** A libp2p node with a multiplexer on one transport. */
export async function createHost(
  transport: Transport,
  init: { readonly listens: boolean; readonly windowBytes: number }
): Promise<Host> {
  const { createLibp2p } = await import('libp2p')
  const listen = transport === 'quic' ? '/ip4/127.0.0.1/udp/0/quic-v1' : '/ip4/127.0.0.1/tcp/0'
  return (await createLibp2p({
    addresses: { listen: init.listens ? [listen] : [] },
    ...(transport === 'quic' ? await quicOptions() : await tcpOptions()),
    connectionMonitor: { enabled: false },
    services: { mux: mux({ windowBytes: init.windowBytes }) }
  })) as Host
}

async function quicOptions(): Promise<object> {
  const { quic } = await import('@chainsafe/libp2p-quic')
  return { transports: [quic()] }
}

async function tcpOptions(): Promise<object> {
  const [{ tcp }, { noise }, { yamux }] = await Promise.all([
    import('@libp2p/tcp'),
    import('@chainsafe/libp2p-noise'),
    import('@chainsafe/libp2p-yamux')
  ])
  return { transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] }
}
