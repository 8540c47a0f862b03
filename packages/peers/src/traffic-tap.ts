import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface'

/**
 * Notices whether anything arrives on any stream of a connection, without taking part in it.
 *
 * It listens only while the session channel is quieter than it should be, and on each stream until its first bytes. A stream
 * without a listener is not touched: its bytes are being kept for somebody. If the last other listener goes while we listen,
 * the bytes are put back, so that whoever listens next gets every one of them in order.
 */
export class TrafficTap {
  readonly #connection: Pick<Connection, 'streams'>
  readonly #heard: () => void
  readonly #taps = new Map<Stream, (event: StreamMessageEvent) => void>()

  constructor(connection: Pick<Connection, 'streams'>, heard: () => void) {
    this.#connection = connection
    this.#heard = heard
  }

  /** Listens on every stream that is being read. */
  arm(): void {
    for (const stream of this.#connection.streams) {
      if (this.#taps.has(stream) || stream.listenerCount('message') === 0) continue
      const onMessage = (event: StreamMessageEvent): void => {
        this.disarm()
        if (stream.listenerCount('message') === 0) putBack(stream, event)
        this.#heard()
      }
      this.#taps.set(stream, onMessage)
      stream.addEventListener('message', onMessage)
    }
  }

  /** Stops listening. */
  disarm(): void {
    for (const [stream, onMessage] of this.#taps) stream.removeEventListener('message', onMessage)
    this.#taps.clear()
  }
}

function putBack(stream: Stream, event: StreamMessageEvent): void {
  try {
    stream.unshift(event.data)
  } catch {
    // A stream that closed meanwhile takes nothing back, and has nobody to read it.
  }
}
