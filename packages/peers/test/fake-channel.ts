import type { FramedChannel } from '../src/index.ts'
import type { FakeConnection } from './fake-net.ts'

const END = Symbol('end')

/** One end of a channel in memory: ordered, with a delay, with END and its acknowledgement. */
export class FakeChannel implements FramedChannel {
  readonly tag: string
  readonly peer: string
  readonly messageBytesMax = 16_256
  readonly closed: Promise<void>
  readonly connection: FakeConnection
  other: FakeChannel | undefined
  readonly #inbox: (Uint8Array | typeof END)[] = []
  #wake: (() => void) | undefined
  #resolveClosed: () => void = () => {}
  #broken: Error | undefined
  #ended = false
  #peerEnded = false
  #acknowledge: () => void = () => {}
  readonly #acknowledged: Promise<void>
  #wasAcknowledged = false

  constructor(connection: FakeConnection, tag: string) {
    this.connection = connection
    this.tag = tag
    this.peer = connection.remotePeer.toString()
    const closed = Promise.withResolvers<void>()
    this.closed = closed.promise
    this.#resolveClosed = closed.resolve
    const acknowledged = Promise.withResolvers<void>()
    this.#acknowledged = acknowledged.promise
    this.#acknowledge = acknowledged.resolve
    connection.channels.add(this)
  }

  send(message: Uint8Array): boolean {
    if (this.#broken !== undefined || this.#ended) throw new Error('the channel is closed')
    const copy = message.slice()
    this.#carry(() => this.other?.receive(copy))
    return true
  }

  drained(): Promise<void> {
    return Promise.resolve()
  }

  end(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (!this.#ended && this.#broken === undefined) {
      this.#ended = true
      this.#carry(() => this.other?.receive(END))
    }
    const { signal } = options
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined && !this.#wasAcknowledged) reject(this.#broken)
      signal?.addEventListener('abort', () => reject(new Error('gave up')), { once: true })
      void this.#acknowledged.then(resolve)
      void this.closed.then(() => (this.#wasAcknowledged ? resolve() : reject(new Error('lost'))))
    })
  }

  /** What is queued either way is dropped. */
  abort(reason: Error): void {
    this.#inbox.length = 0
    this.#carry(() => this.other?.break(new Error('aborted by the peer')))
    this.break(reason)
  }

  receive(message: Uint8Array | typeof END): void {
    this.#inbox.push(message)
    this.#wake?.()
  }

  break(reason: Error): void {
    if (this.#broken !== undefined) return
    this.#broken = reason
    this.connection.channels.delete(this)
    this.#wake?.()
    this.#resolveClosed()
  }

  acknowledged(): void {
    this.#wasAcknowledged = true
    this.#acknowledge()
    this.#closeWhenDone()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = this.#inbox.shift()
      if (message === END) {
        this.#peerEnded = true
        this.#carry(() => this.other?.acknowledged())
        this.#closeWhenDone()
        return
      }
      if (message !== undefined) {
        yield message
        continue
      }
      if (this.#broken !== undefined) throw this.#broken
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  /** What is sent arrives after the connection's delay for this tag, in order, unless the connection is mute or gone. */
  #carry(deliver: () => void): void {
    this.connection.carry(this.tag, deliver)
  }

  #closeWhenDone(): void {
    if (!this.#peerEnded || !this.#wasAcknowledged) return
    this.connection.channels.delete(this)
    this.#resolveClosed()
  }
}
