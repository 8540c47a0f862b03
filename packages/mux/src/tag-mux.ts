import {
  serviceCapabilities,
  type Connection,
  type PeerId,
  type Startable,
  type Stream
} from '@libp2p/interface'
import { Acceptor } from './acceptor.ts'
import { BatchBuffers } from './batch-buffers.ts'
import { Channel } from './channel.ts'
import { PROTOCOL, checkWindow, muxConfig, type MuxConfig, type MuxInit } from './config.ts'
import { ConnectionStreams } from './connection-streams.ts'
import { Counters } from './counters.ts'
import { ChannelTruncatedError, MuxStoppedError, NotConnectedError, StreamLimitError } from './errors.ts'
import { OpenAttempt } from './opener.ts'
import { Registry } from './registry.ts'
import { retireStream } from './retire-stream.ts'
import { MUX_FIGURES } from './metrics.ts'
import { encodeTag } from './tag.ts'
import type {
  ChannelHandler,
  FramedChannel,
  HandleChannelOptions,
  HandleOptions,
  Mux,
  MuxComponents,
  MuxRegistration,
  MuxStats,
  OpenChannelOptions,
  OpenOptions,
  RawHandler,
  StreamInfo
} from './types.ts'
import type { Timers } from '@starling/ports'
import { guardedLog } from '@starling/ports/guarded'
import { registerFigures } from '@starling/ports/metrics'
import { systemTimers } from '@starling/ports/system'

/** The multiplexer: hands inbound streams to handlers by tag, opens outbound ones, and keeps the account of both. */
export class TagMux implements Mux, Startable {
  readonly [Symbol.toStringTag] = '@starling/mux'
  readonly #components: MuxComponents
  readonly #config: MuxConfig
  readonly #timers: Timers
  readonly #registry = new Registry()
  readonly #counters = new Counters()
  readonly #streams: ConnectionStreams
  readonly #channels = new Set<Channel>()
  readonly #attempts = new Set<OpenAttempt>()
  readonly #buffers = new BatchBuffers()
  readonly #acceptor: Acceptor
  #running = false

  constructor(components: MuxComponents, init: MuxInit) {
    // What libp2p's container reads; the imported symbol cannot name a class member here.
    Object.defineProperty(this, serviceCapabilities, { value: ['@starling/mux'] })
    this.#components = components
    this.#config = muxConfig(init)
    this.#timers = components.timers ?? systemTimers
    this.#streams = new ConnectionStreams(this.#config, this.#timers)
    this.#acceptor = new Acceptor({
      config: this.#config,
      timers: this.#timers,
      registry: this.#registry,
      streams: this.#streams,
      counters: this.#counters,
      makeChannel: (stream, info, windowBytes, creditBytes) =>
        this.#makeChannel(stream, info, windowBytes, creditBytes),
      log: components.logger === undefined ? undefined : guardedLog(components.logger, 'starling:mux')
    })
    if (components.metrics !== undefined) registerFigures(components.metrics, () => this.stats(), MUX_FIGURES)
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    this.#acceptor.open()
    await this.#components.registrar.handle(
      PROTOCOL,
      (stream, connection) => this.#acceptor.accept(stream, connection),
      {
        maxInboundStreams: this.#config.transportStreamsMax,
        maxOutboundStreams: this.#config.transportStreamsMax,
        // A relayed connection that is cut after a few kilobytes would cut every channel on it.
        runOnLimitedConnection: false
      }
    )
  }

  /**
   * Refuses what comes with `closing`, ends every channel and stream, and waits until they are closed or `closeTimeoutMs` is
   * over. Registrations stay for the next start.
   */
  async stop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    this.#acceptor.close()
    const reason = new MuxStoppedError()
    for (const attempt of this.#attempts) attempt.giveUp(reason)
    for (const channel of this.#channels) channel.fail(reason, 'closing')
    const streams = this.#streams.streams()
    const closed = streams.map(
      stream => new Promise(resolve => stream.addEventListener('close', resolve, { once: true }))
    )
    for (const stream of streams) retireStream(stream, this.#timers, this.#config.closeTimeoutMs, reason)
    await Promise.all(closed)
    await this.#components.registrar.unhandle(PROTOCOL)
  }

  handle(tags: string | readonly string[], handler: RawHandler, options?: HandleOptions): MuxRegistration {
    return this.#registry.addRaw(tags, handler, options)
  }

  handleChannel(
    tags: string | readonly string[],
    handler: ChannelHandler,
    options: HandleChannelOptions = {}
  ): MuxRegistration {
    return this.#registry.addChannel(tags, handler, options, this.#config.windowBytes)
  }

  async open(target: Connection | PeerId, tag: string, options: OpenOptions = {}): Promise<Stream> {
    const tagBytes = encodeTag(tag, options.internal)
    return this.#attempt(target, tag, tagBytes, undefined, options.signal, stream => stream)
  }

  async openChannel(
    target: Connection | PeerId,
    tag: string,
    options: OpenChannelOptions = {}
  ): Promise<FramedChannel> {
    const tagBytes = encodeTag(tag, options.internal)
    const windowBytes = checkWindow(options.windowBytes ?? this.#config.windowBytes)
    return this.#attempt(
      target,
      tag,
      tagBytes,
      windowBytes,
      options.signal,
      (stream, creditBytes, connection) =>
        this.#makeChannel(
          stream,
          { tag, peer: connection.remotePeer.toString(), connection },
          windowBytes,
          creditBytes
        )
    )
  }

  stats(): MuxStats {
    let sending = 0
    let receiving = 0
    for (const channel of this.#channels) {
      const bytes = channel.bytesBuffered
      sending += bytes.sending
      receiving += bytes.receiving
    }
    const { opened, received, accepted, abandoned, handlersFailed, channelsTruncated } = this.#counters
    const { peak, refused, limited, refusedByPeer, traffic } = this.#counters
    return {
      streams: { inbound: this.#streams.inbound, outbound: this.#streams.outbound },
      channels: this.#channels.size,
      parked: this.#acceptor.parked,
      queued: this.#streams.queued,
      peak: { ...peak },
      opened,
      received,
      accepted,
      abandoned,
      refused: { ...refused },
      limited: { ...limited },
      refusedByPeer: { ...refusedByPeer },
      handlersFailed,
      channelsTruncated,
      traffic,
      bytesBuffered: { sending, receiving }
    }
  }

  #attempt<T>(
    target: Connection | PeerId,
    tag: string,
    tagBytes: Uint8Array,
    windowBytes: number | undefined,
    signal: AbortSignal | undefined,
    make: (stream: Stream, creditBytes: number, connection: Connection) => T
  ): Promise<T> {
    signal?.throwIfAborted()
    if (!this.#running) throw new MuxStoppedError()
    const connection = this.#connection(target)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const attempt: OpenAttempt = new OpenAttempt(
      { config: this.#config, timers: this.#timers, streams: this.#streams, counters: this.#counters },
      {
        connection,
        tag,
        tagBytes,
        windowBytes,
        signal,
        // Made here and not after an await: whoever takes the stream must be listening when the event is over.
        accepted: (stream, creditBytes) => resolve(make(stream, creditBytes, connection)),
        failed: reject,
        settled: () => this.#attempts.delete(attempt)
      }
    )
    try {
      attempt.start()
    } catch (error) {
      if (error instanceof StreamLimitError) this.#counters.limited.queue++
      throw error
    }
    this.#attempts.add(attempt)
    return promise
  }

  #makeChannel(stream: Stream, info: StreamInfo, windowBytes: number, creditBytes: number): Channel {
    const { queueBytesMax, closeTimeoutMs, stallTimeoutMs } = this.#config
    const { tag, peer, connection } = info
    const channel = new Channel({
      stream,
      tag,
      peer,
      windowBytes,
      creditBytes,
      queueBytesMax,
      closeTimeoutMs,
      stallTimeoutMs,
      timers: this.#timers,
      traffic: this.#counters.trafficOf(tag),
      // Its streams take one write at a time, and drain when the native side has copied it (measured on libp2p-quic 2.1.1).
      buffers: connection.multiplexer === 'quic' ? this.#buffers : undefined
    })
    this.#channels.add(channel)
    this.#counters.reached('channels', this.#channels.size)
    void channel.closed.then(() => {
      this.#channels.delete(channel)
      if (channel.failure instanceof ChannelTruncatedError) this.#counters.channelsTruncated++
    })
    return channel
  }

  #connection(target: Connection | PeerId): Connection {
    if (isConnection(target)) {
      if (target.status === 'open') return target
      throw new NotConnectedError(target.remotePeer.toString())
    }
    const usable = this.#components.connectionManager
      .getConnections(target)
      .filter(connection => connection.status === 'open' && connection.limits === undefined)
    const connection = usable.find(connection => connection.direct) ?? usable[0]
    if (connection === undefined) throw new NotConnectedError(target.toString())
    return connection
  }
}

function isConnection(target: Connection | PeerId): target is Connection {
  return 'newStream' in target
}
