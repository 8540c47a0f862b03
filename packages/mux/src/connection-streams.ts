import type { Connection, Stream } from '@libp2p/interface'
import { StreamLimitError } from './errors.ts'
import { isGone } from './stream-head.ts'

interface Entry {
  inbound: number
  outbound: number
  readonly streams: Set<Stream>
  readonly onClose: () => void
}

/** A place among the outbound streams of a connection, held from before the stream is opened until it is closed. */
export interface OutboundSlot {
  /** Ties the slot to its stream: it is free when the stream is closed at both ends. */
  bind(stream: Stream): void
  /** Frees a slot that got no stream. Idempotent. */
  release(): void
}

/**
 * Our own count of streams per connection. The transports hang or reset without a word at their limits, so this end stays
 * below them; and a connection that closes takes its streams along here, because over QUIC not every stream is told.
 */
export class ConnectionStreams {
  readonly #inboundMax: number
  readonly #outboundMax: number
  readonly #entries = new Map<Connection, Entry>()
  #inbound = 0
  #outbound = 0

  constructor(limits: { readonly inboundStreamsMax: number; readonly outboundStreamsMax: number }) {
    this.#inboundMax = limits.inboundStreamsMax
    this.#outboundMax = limits.outboundStreamsMax
  }

  get inbound(): number {
    return this.#inbound
  }

  get outbound(): number {
    return this.#outbound
  }

  /** Every stream that is not closed yet. */
  streams(): Stream[] {
    return [...this.#entries.values()].flatMap(entry => [...entry.streams])
  }

  /** Throws StreamLimitError when the connection has no place left. */
  reserve(connection: Connection): OutboundSlot {
    const entry = this.#entry(connection)
    if (entry.outbound >= this.#outboundMax) {
      throw new StreamLimitError(connection.remotePeer.toString(), this.#outboundMax)
    }
    entry.outbound++
    this.#outbound++
    let held = true
    const release = (): void => {
      if (!held) return
      held = false
      entry.outbound--
      this.#outbound--
      this.#drop(connection, entry)
    }
    return { bind: stream => this.#track(connection, entry, stream, release), release }
  }

  /** Counts an inbound stream; returns false when it is one too many (it is counted all the same until it is closed). */
  addInbound(connection: Connection, stream: Stream): boolean {
    const entry = this.#entry(connection)
    entry.inbound++
    this.#inbound++
    const within = entry.inbound <= this.#inboundMax
    this.#track(connection, entry, stream, () => {
      entry.inbound--
      this.#inbound--
      this.#drop(connection, entry)
    })
    return within
  }

  #entry(connection: Connection): Entry {
    const known = this.#entries.get(connection)
    if (known !== undefined) return known
    const streams = new Set<Stream>()
    const onClose = (): void => {
      for (const stream of streams) stream.abort(new Error('the connection closed'))
    }
    const entry: Entry = { inbound: 0, outbound: 0, streams, onClose }
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
    if (entry.inbound > 0 || entry.outbound > 0 || entry.streams.size > 0) return
    connection.removeEventListener('close', entry.onClose)
    this.#entries.delete(connection)
  }
}
