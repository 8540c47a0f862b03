import { decodeMessage, encodeMessage, type SessionMessage } from './messages.ts'
import type { FramedChannel } from './ports.ts'

/** Why the session channel is over. */
export type ChannelEnd = { readonly type: 'end' } | { readonly type: 'broken'; readonly error: unknown }

export interface SessionChannelHandlers {
  readonly onMessage: (message: SessionMessage) => void
  /** The bytes are no message; nothing more is read. */
  readonly onMalformed: (error: unknown) => void
  /** The peer's END came, or the channel broke. Once. */
  readonly onEnd: (end: ChannelEnd) => void
}

/** Messages instead of bytes on the session channel. Never throws: what cannot be sent now is not sent. */
export class SessionChannel {
  readonly #channel: FramedChannel
  readonly #handlers: SessionChannelHandlers
  #full = false
  #ended = false
  #reading = true

  constructor(channel: FramedChannel, handlers: SessionChannelHandlers) {
    this.#channel = channel
    this.#handlers = handlers
    void this.#read()
  }

  /**
   * Sends, unless the queue is full or the channel over. Everything but heartbeats is at most five messages a connection, which
   * the queue always has room for; a heartbeat that finds no room is one that silence will count.
   */
  send(message: SessionMessage): void {
    if (this.#ended || (this.#full && message.type !== 'goodbye')) return
    try {
      if (this.#channel.send(encodeMessage(message))) return
      this.#full = true
      this.#channel.drained().then(
        () => {
          this.#full = false
        },
        () => {}
      )
    } catch {
      this.#ended = true
    }
  }

  /** END, acknowledged or not: resolves when it is, or when it never will be. */
  async end(signal: AbortSignal): Promise<void> {
    this.#ended = true
    await this.#channel.end({ signal }).catch(() => {})
  }

  abort(reason: Error): void {
    this.#ended = true
    this.#reading = false
    this.#channel.abort(reason)
  }

  async #read(): Promise<void> {
    try {
      for await (const bytes of this.#channel) {
        if (this.#reading) this.#deliver(bytes)
      }
      this.#handlers.onEnd({ type: 'end' })
    } catch (error) {
      this.#handlers.onEnd({ type: 'broken', error })
    }
  }

  #deliver(bytes: Uint8Array): void {
    let message: SessionMessage
    try {
      message = decodeMessage(bytes)
    } catch (error) {
      this.#reading = false
      this.#handlers.onMalformed(error)
      return
    }
    this.#handlers.onMessage(message)
  }
}
