import type { FramedChannel } from '@starling/peers'

/** Bytes on their way in a channel beyond which its sender is told to wait. As the multiplexer's first window. */
const WINDOW_BYTES = 256 * 1024
/** Of one message: as the multiplexer's. */
const MESSAGE_BYTES_MAX = 1024 * 1024 - 16

type Arrived = { readonly type: 'message'; readonly bytes: Uint8Array } | { readonly type: 'end' }

/** Carries what one end of a channel does to the other end, in order, if it gets there at all. */
export type Carry = (bytes: number, deliver: (other: SimChannel) => void) => void

/** One end of a framed channel: whole messages in order, with credits, ends that are acknowledged, and no drop of anything. */
export class SimChannel implements FramedChannel {
  readonly tag: string
  readonly peer: string
  readonly messageBytesMax: number = MESSAGE_BYTES_MAX
  readonly closed: Promise<void>
  readonly #carry: Carry
  readonly #left: () => void
  readonly #resolveClosed: () => void
  readonly #arrived: Arrived[] = []
  readonly #waiters = new Set<() => void>()
  #wake: (() => void) | undefined
  #outstanding = 0
  #ended = false
  #endAcknowledged = false
  #peerEnded = false
  #broken: Error | undefined

  /** @param left called once when nothing more can be sent or received. */
  constructor(tag: string, peer: string, carry: Carry, left: () => void) {
    this.tag = tag
    this.peer = peer
    this.#carry = carry
    this.#left = left
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
  }

  send(message: Uint8Array): boolean {
    if (this.#broken !== undefined) throw this.#broken
    if (this.#ended) throw new Error('the channel was ended')
    if (message.length > MESSAGE_BYTES_MAX) throw new RangeError('the message is too long')
    const bytes = message.slice()
    this.#outstanding += bytes.length
    this.#carry(bytes.length, other => other.#arrive({ type: 'message', bytes }))
    return this.#outstanding < WINDOW_BYTES
  }

  async drained(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#until(() => this.#outstanding < WINDOW_BYTES, options.signal)
  }

  async end(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (!this.#ended && this.#broken === undefined) {
      this.#ended = true
      this.#carry(1, other => other.#arrive({ type: 'end' }))
    }
    await this.#until(() => this.#endAcknowledged, options.signal)
  }

  abort(reason: Error): void {
    if (this.#broken !== undefined) return
    this.#carry(1, other => other.break(new Error('the peer aborted the channel')))
    this.#arrived.length = 0
    this.break(reason)
  }

  /** Nothing more comes or goes. What has arrived is still there to be read. */
  break(reason: Error): void {
    if (this.#broken !== undefined) return
    this.#broken = reason
    this.#finish()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = this.#arrived.shift()
      if (next?.type === 'end') {
        this.#peerEnded = true
        this.#carry(1, other => other.#endWasRead())
        this.#closeWhenDone()
        return
      }
      if (next?.type === 'message') {
        yield next.bytes
        // Asking for more says that this one has been dealt with.
        this.#carry(1, other => other.#credit(next.bytes.length))
        continue
      }
      if (this.#broken !== undefined) throw this.#broken
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  #arrive(what: Arrived): void {
    if (this.#broken !== undefined) return
    this.#arrived.push(what)
    this.#wake?.()
  }

  #credit(bytes: number): void {
    this.#outstanding -= bytes
    this.#notify()
  }

  #endWasRead(): void {
    this.#endAcknowledged = true
    this.#notify()
    this.#closeWhenDone()
  }

  #closeWhenDone(): void {
    if (this.#peerEnded && this.#endAcknowledged) this.#finish()
  }

  #finish(): void {
    this.#left()
    this.#resolveClosed()
    this.#wake?.()
    this.#notify()
  }

  async #until(holds: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      if (holds()) return
      if (this.#broken !== undefined) throw this.#broken
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiters.add(resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
      await promise
      this.#waiters.delete(resolve)
    }
  }

  #notify(): void {
    for (const waiter of this.#waiters) waiter()
  }
}
