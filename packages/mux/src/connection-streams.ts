import type { Connection, Stream } from '@libp2p/interface'
import type { Timers } from '@starling/ports'
import { StreamLimitError } from './errors.ts'
import { releaseLater } from './retire-stream.ts'
import { isGone } from './stream-head.ts'

/** The limits on streams, of {@link MuxConfig}. */
export interface StreamLimits {
  readonly inboundStreamsMax: number
  readonly inboundStreamsPerPeerMax: number
  readonly inboundStreamsTotalMax: number
  readonly outboundStreamsMax: number
  readonly openingStreamsMax: number
  readonly queuedOpensMax: number
  readonly closeTimeoutMs: number
}

/** The limit that one inbound stream is beyond: of its connection, of its peer, or over all peers. */
export type InboundLimit = 'connection' | 'peer' | 'total'

interface Entry {
  inbound: number
  outbound: number
  /** Outbound streams that the other end has not answered; it may hold as many parked. */
  opening: number
  /** Who waits for a place, in order. */
  readonly queue: Set<(place: OutboundPlace) => void>
  readonly streams: Set<Stream>
  readonly onClose: () => void
}

/** A place among the outbound streams of a connection, held from before the stream is opened until it is closed. */
export interface OutboundPlace {
  /** Ties the place to its stream: it is free when the stream is closed at both ends. */
  bind(stream: Stream): void
  /** The other end has given its verdict. Idempotent. */
  answered(): void
  /** Frees a place that got no stream. Idempotent. */
  release(): void
}

/**
 * Our own count of streams per connection. The transports hang or reset without a word at their limits, so this end stays
 * below them and lets further opens wait; and a connection that closes takes its streams along here, because over QUIC not
 * every stream is told.
 */
export class ConnectionStreams {
  readonly #limits: StreamLimits
  readonly #timers: Timers
  readonly #entries = new Map<Connection, Entry>()
  /** Inbound streams within the limits, by peer. */
  readonly #peers = new Map<string, number>()
  #admitted = 0
  #inbound = 0
  #outbound = 0
  #queued = 0

  constructor(limits: StreamLimits, timers: Timers) {
    this.#limits = limits
    this.#timers = timers
  }

  get inbound(): number {
    return this.#inbound
  }

  get outbound(): number {
    return this.#outbound
  }

  /** Opens that wait for a place. */
  get queued(): number {
    return this.#queued
  }

  /** Every stream that is not closed yet. */
  streams(): Stream[] {
    return [...this.#entries.values()].flatMap(entry => [...entry.streams])
  }

  /**
   * Gives the caller a place, now or when its turn comes: first come, first served.
   *
   * @returns gives up waiting. Harmless once the place was given.
   * @throws StreamLimitError when as many wait already as may.
   */
  request(connection: Connection, granted: (place: OutboundPlace) => void): () => void {
    const entry = this.#entry(connection)
    if (this.#hasPlace(entry)) {
      granted(this.#place(connection, entry))
      return () => {}
    }
    if (entry.queue.size >= this.#limits.queuedOpensMax) {
      throw new StreamLimitError(connection.remotePeer.toString(), this.#limits.outboundStreamsMax)
    }
    entry.queue.add(granted)
    this.#queued++
    return () => {
      if (!entry.queue.delete(granted)) return
      this.#queued--
      this.#drop(connection, entry)
    }
  }

  /** Counts an inbound stream. Returns the limit it is beyond, if any; it is tracked all the same until it is closed. */
  addInbound(connection: Connection, stream: Stream): InboundLimit | undefined {
    const entry = this.#entry(connection)
    const peer = connection.remotePeer.toString()
    entry.inbound++
    this.#inbound++
    const over = this.#inboundLimit(entry, peer)
    if (over === undefined) this.#admit(peer, 1)
    this.#track(connection, entry, stream, () => {
      entry.inbound--
      this.#inbound--
      if (over === undefined) this.#admit(peer, -1)
      if (connection.multiplexer === 'quic') releaseLater(stream, this.#timers, this.#limits.closeTimeoutMs)
      this.#drop(connection, entry)
    })
    return over
  }

  #inboundLimit(entry: Entry, peer: string): InboundLimit | undefined {
    if (entry.inbound > this.#limits.inboundStreamsMax) return 'connection'
    if ((this.#peers.get(peer) ?? 0) >= this.#limits.inboundStreamsPerPeerMax) return 'peer'
    return this.#admitted >= this.#limits.inboundStreamsTotalMax ? 'total' : undefined
  }

  #admit(peer: string, change: 1 | -1): void {
    this.#admitted += change
    const count = (this.#peers.get(peer) ?? 0) + change
    if (count === 0) this.#peers.delete(peer)
    else this.#peers.set(peer, count)
  }

  #hasPlace(entry: Entry): boolean {
    const { outboundStreamsMax, openingStreamsMax } = this.#limits
    return entry.outbound < outboundStreamsMax && entry.opening < openingStreamsMax
  }

  #place(connection: Connection, entry: Entry): OutboundPlace {
    entry.outbound++
    entry.opening++
    this.#outbound++
    let opening = true
    let held = true
    const answered = (): void => {
      if (!opening) return
      opening = false
      entry.opening--
      this.#next(connection, entry)
    }
    const release = (): void => {
      if (!held) return
      held = false
      entry.outbound--
      this.#outbound--
      answered()
      this.#next(connection, entry)
      this.#drop(connection, entry)
    }
    return { bind: stream => this.#track(connection, entry, stream, release), answered, release }
  }

  #next(connection: Connection, entry: Entry): void {
    // With the connection they all give up by themselves.
    if (connection.status !== 'open') return
    for (const granted of entry.queue) {
      if (!this.#hasPlace(entry)) return
      entry.queue.delete(granted)
      this.#queued--
      granted(this.#place(connection, entry))
    }
  }

  #entry(connection: Connection): Entry {
    const known = this.#entries.get(connection)
    if (known !== undefined) return known
    const streams = new Set<Stream>()
    const onClose = (): void => {
      for (const stream of streams) stream.abort(new Error('the connection closed'))
    }
    const entry: Entry = { inbound: 0, outbound: 0, opening: 0, queue: new Set(), streams, onClose }
    this.#entries.set(connection, entry)
    connection.addEventListener('close', onClose)
    return entry
  }

  #track(connection: Connection, entry: Entry, stream: Stream, release: () => void): void {
    if (isGone(stream)) {
      release()
      return
    }
    entry.streams.add(stream)
    const onClose = (): void => {
      entry.streams.delete(stream)
      release()
    }
    stream.addEventListener('close', onClose, { once: true })
    // A connection that went away while the stream was being opened fires its event no more.
    if (connection.status !== 'open' && connection.status !== 'closing')
      stream.abort(new Error('the connection closed'))
  }

  #drop(connection: Connection, entry: Entry): void {
    if (entry.inbound > 0 || entry.outbound > 0 || entry.queue.size > 0 || entry.streams.size > 0) return
    connection.removeEventListener('close', entry.onClose)
    this.#entries.delete(connection)
  }
}
