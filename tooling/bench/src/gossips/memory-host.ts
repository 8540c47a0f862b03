/** A raw stream, as far as it is used here. */
export interface RawStream {
  send(bytes: Uint8Array): boolean
  addEventListener(
    type: 'message',
    listener: (event: { readonly data: { subarray(): Uint8Array } }) => void
  ): void
}

/** The parts of a libp2p node that are used here. */
export interface MemoryHost {
  readonly peerId: { toString(): string }
  /** Whatever was given as services, started. */
  readonly services: Readonly<Record<string, unknown>>
  getMultiaddrs(): readonly { toString(): string }[]
  dial(
    addresses: readonly unknown[]
  ): Promise<{ newStream(protocol: string, options: object): Promise<RawStream> }>
  handle(
    protocol: string,
    handler: (stream: RawStream) => void,
    options: { readonly maxInboundStreams: number }
  ): Promise<void>
  stop(): Promise<void>
}

let started = 0

/** A libp2p node in this process: memory transport with a delay, yamux, nothing encrypted, no limit on connections. */
export async function startMemoryHost(
  latencyMs: number,
  services: Readonly<Record<string, unknown>>
): Promise<MemoryHost> {
  const [{ createLibp2p }, { memory }, { plaintext }, { yamux }] = await Promise.all([
    import('libp2p'),
    import('@libp2p/memory'),
    import('@libp2p/plaintext'),
    import('@chainsafe/libp2p-yamux')
  ])
  return (await createLibp2p({
    addresses: { listen: [`/memory/bench-${started++}`] },
    transports: [memory({ latency: latencyMs })],
    connectionEncrypters: [plaintext()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: Infinity, maxIncomingPendingConnections: 1_000 },
    connectionMonitor: { enabled: false },
    services
  })) as MemoryHost
}

export async function connect(from: MemoryHost, to: MemoryHost): Promise<void> {
  await from.dial(to.getMultiaddrs())
}
