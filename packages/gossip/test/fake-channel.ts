import { GOSSIP_TAG, type FramedChannel, type PeerKey } from '../src/index.ts'

/** Runs a task after a delay of virtual time. */
export type Later = (delayMs: number, task: () => void) => void

/** One end of a channel in memory: ordered, delayed, with a bounded queue and credit for what was not read yet. */
export class FakeChannel implements FramedChannel {
  /** Frames that vanish: what a node took and forgot when it crashed, or a session lost when it was replaced. */
  static lost: ((to: PeerKey, message: Uint8Array) => boolean) | undefined
  readonly tag = GOSSIP_TAG
  readonly peer: PeerKey
  readonly messageBytesMax = 1_048_448
  readonly queueBytesMax = 65_536
  readonly closed: Promise<void>
  readonly received: Uint8Array[] = []
  other: FakeChannel | undefined
  /** A reader that does not come back for more: what it has not taken keeps its credit. */
  stalled = false
  readonly #later: Later
  readonly #delayMs: () => number
  #unread = 0
  #sentEnd = false
  #gotEnd = false
  #error: Error | undefined
  #waiting: (() => void) | undefined
  #drain: (() => void)[] = []
  #acknowledged: (() => void)[] = []
  #close: () => void = () => undefined

  constructor(peer: PeerKey, later: Later, delayMs: () => number) {
    this.peer = peer
    this.#later = later
    this.#delayMs = delayMs
    this.closed = new Promise(resolve => (this.#close = resolve))
  }

  /** Whether this end can neither send nor receive any more. */
  get over(): boolean {
    return this.#error !== undefined || (this.#sentEnd && this.#gotEnd)
  }

  send(message: Uint8Array): boolean {
    if (this.#sentEnd || this.#error !== undefined) throw new Error('the channel has ended')
    if (message.length > this.messageBytesMax) throw new RangeError('too large')
    const other = this.other as FakeChannel
    if (FakeChannel.lost?.(this.peer, message) === true) return true
    other.#unread += message.length
    this.#later(this.#delayMs(), () => {
      other.received.push(message)
      other.#wake()
    })
    return other.#unread < this.queueBytesMax
  }

  drained(options: { signal?: AbortSignal } = {}): Promise<void> {
    if ((this.other as FakeChannel).#unread < this.queueBytesMax) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#drain.push(() => (this.#error === undefined ? resolve() : reject(this.#error)))
      options.signal?.addEventListener('abort', () => reject(new Error('gave up')))
    })
  }

  end(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    return new Promise((resolve, reject) => {
      options.signal?.addEventListener('abort', () => reject(new Error('gave up')))
      this.#acknowledged.push(() => (this.#error === undefined ? resolve() : reject(this.#error)))
      if (this.#sentEnd) return
      this.#sentEnd = true
      this.#later(this.#delayMs(), () => {
        const other = this.other as FakeChannel
        other.#gotEnd = true
        other.#wake()
      })
    })
  }

  abort(reason: Error): void {
    if (this.#error !== undefined) return
    this.fail(reason)
    this.#later(this.#delayMs(), () => this.other?.fail(new Error('the channel was truncated')))
  }

  /** Ends this end as a broken connection does. */
  fail(error: Error): void {
    if (this.#error !== undefined) return
    this.#error = error
    for (const settle of [...this.#drain.splice(0), ...this.#acknowledged.splice(0)]) settle()
    this.#close()
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error
      const message = this.stalled ? undefined : this.received.shift()
      if (message !== undefined) {
        yield message
        this.#unread -= message.length
        const other = this.other as FakeChannel
        if (this.#unread < this.queueBytesMax / 2) for (const resolve of other.#drain.splice(0)) resolve()
        continue
      }
      if (this.#gotEnd) {
        const other = this.other as FakeChannel
        this.#later(this.#delayMs(), () => {
          for (const resolve of other.#acknowledged.splice(0)) resolve()
        })
        if (this.#sentEnd) this.#close()
        return
      }
      await new Promise<void>(resolve => (this.#waiting = resolve))
    }
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.()
  }
}
