import type { FramedChannel, PeerKey } from '../src/index.ts'
import type { FakeTime } from './fake-time.ts'

/** What a message costs a window beside its bytes. */
const CHARGE_BYTES = 128

/** What a channel needs of its network. */
export interface FakeLine {
  readonly time: FakeTime
  readonly windowBytes: number
  readonly queueBytes: number
  readonly latencyMs: () => number
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

type Item = { readonly type: 'message'; readonly bytes: Uint8Array } | { readonly type: 'end' }

/** One end of a channel: a bounded queue, a window of credit, and an iterator that grants it. */
export class FakeChannel implements FramedChannel {
  readonly self: PeerKey
  readonly peer: PeerKey
  readonly messageBytesMax: number
  readonly closed: Promise<void>
  other: FakeChannel | undefined
  /** The reason this end was aborted with, by us. */
  abortReason: Error | undefined
  /** The most bytes that lay here unread. */
  unreadPeak = 0
  sentMessages = 0
  readonly #network: FakeLine
  readonly #queue: Item[] = []
  readonly #inbox: Item[] = []
  #queuedBytes = 0
  #unread = 0
  #credit: number
  #owed = 0
  #arrivesMs = 0
  #error: Error | undefined
  #sentEnd = false
  #ackedEnd = false
  #gotEnd = false
  #waiter: Deferred<IteratorResult<Uint8Array>> | undefined
  #drain: Deferred<void> | undefined
  #ack: Deferred<void> = Promise.withResolvers()
  readonly #closed: Deferred<void> = Promise.withResolvers()

  constructor(network: FakeLine, self: PeerKey, peer: PeerKey) {
    this.#network = network
    this.self = self
    this.peer = peer
    this.#credit = network.windowBytes
    this.messageBytesMax = network.windowBytes - CHARGE_BYTES
    this.closed = this.#closed.promise
    this.#ack.promise.catch(() => {})
  }

  get open(): boolean {
    return this.#error === undefined && !(this.#ackedEnd && this.#gotEnd)
  }

  joins(a: PeerKey, b: PeerKey): boolean {
    return (this.self === a && this.peer === b) || (this.self === b && this.peer === a)
  }

  send(message: Uint8Array): boolean {
    if (this.#error !== undefined || this.#sentEnd) throw new Error('the channel is closed')
    if (message.length > this.messageBytesMax) throw new RangeError('too large')
    this.#queue.push({ type: 'message', bytes: message.slice() })
    this.#queuedBytes += message.length + CHARGE_BYTES
    if (this.#queuedBytes > 2 * this.#network.queueBytes + this.messageBytesMax)
      throw new Error('false was not heeded')
    this.sentMessages++
    this.#flush()
    return this.#queuedBytes < this.#network.queueBytes
  }

  async drained(): Promise<void> {
    if (this.#error !== undefined) throw new Error('the channel is closed')
    if (this.#queuedBytes < this.#network.queueBytes) return
    this.#drain ??= Promise.withResolvers()
    await this.#drain.promise
  }

  end(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(new Error('the channel is closed'))
    if (!this.#sentEnd) {
      this.#sentEnd = true
      this.#queue.push({ type: 'end' })
      this.#flush()
    }
    return this.#ack.promise
  }

  abort(reason: Error): void {
    if (!this.open) return
    this.abortReason = reason
    this.#fail(reason)
    this.#later(() => this.other?.cut())
  }

  /** What the other end's abort, or a lost connection, does here. */
  cut(): void {
    if (this.open) this.#fail(new Error('the channel ended without END'))
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next(), return: async () => ({ done: true, value: undefined }) }
  }

  #next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#owed > 0) {
      const grant = this.#owed
      this.#owed = 0
      this.#unread -= grant
      this.#later(() => this.other?.granted(grant))
    }
    if (this.#error !== undefined) return Promise.reject(this.#error)
    const item = this.#inbox.shift()
    if (item === undefined) {
      if (this.#gotEnd) return Promise.resolve({ done: true, value: undefined })
      if (this.#waiter !== undefined) throw new Error('two consumers')
      this.#waiter = Promise.withResolvers()
      return this.#waiter.promise
    }
    return Promise.resolve(this.#take(item))
  }

  #take(item: Item): IteratorResult<Uint8Array> {
    if (item.type === 'message') {
      this.#owed = item.bytes.length + CHARGE_BYTES
      return { done: false, value: item.bytes }
    }
    this.#gotEnd = true
    this.#later(() => this.other?.acknowledged())
    if (this.#ackedEnd) this.#closed.resolve()
    return { done: true, value: undefined }
  }

  granted(bytes: number): void {
    this.#credit += bytes
    this.#flush()
  }

  acknowledged(): void {
    this.#ackedEnd = true
    this.#ack.resolve()
    if (this.#gotEnd) this.#closed.resolve()
  }

  receive(item: Item): void {
    if (this.#error !== undefined) return
    if (item.type === 'message') {
      this.#unread += item.bytes.length + CHARGE_BYTES
      this.unreadPeak = Math.max(this.unreadPeak, this.#unread)
    }
    const waiter = this.#waiter
    this.#waiter = undefined
    if (waiter === undefined) this.#inbox.push(item)
    else waiter.resolve(this.#take(item))
  }

  #flush(): void {
    for (let item = this.#queue[0]; item !== undefined; item = this.#queue[0]) {
      if (item.type === 'message') {
        const charge = item.bytes.length + CHARGE_BYTES
        if (charge > this.#credit) break
        this.#credit -= charge
        this.#queuedBytes -= charge
      }
      this.#queue.shift()
      const sent = item
      this.#later(() => this.other?.receive(sent))
    }
    if (this.#queuedBytes < this.#network.queueBytes / 2) {
      this.#drain?.resolve()
      this.#drain = undefined
    }
  }

  /** After one latency, and never before what was sent earlier. */
  #later(run: () => void): void {
    const now = this.#network.time.monotonicMs()
    this.#arrivesMs = Math.max(this.#arrivesMs, now + this.#network.latencyMs())
    this.#network.time.schedule(this.#arrivesMs - now, run)
  }

  #fail(error: Error): void {
    this.#error = error
    this.#queue.length = 0
    this.#inbox.length = 0
    this.#waiter?.reject(error)
    this.#drain?.reject(new Error('the channel is closed'))
    this.#ack.reject(new Error('the channel is closed'))
    this.#closed.resolve()
  }
}
