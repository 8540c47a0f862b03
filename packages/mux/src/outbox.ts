import type { Stream } from '@libp2p/interface'
import type { Timers } from '@starling/ports'
import { BatchWriter } from './batch-writer.ts'
import type { BatchBuffers } from './batch-buffers.ts'
import { BATCH_BYTES, JOINED_BATCH_BYTES } from './config.ts'
import { encodeCredit, encodeEndAck } from './frame.ts'
import { SendQueue } from './send-queue.ts'
import { Waiters } from './waiters.ts'
import { Watchdog } from './watchdog.ts'

/** What an outbox is made of. */
export interface OutboxInit {
  readonly stream: Stream
  /** The peer's window, bytes. */
  readonly creditBytes: number
  readonly queueBytesMax: number
  readonly stallTimeoutMs: number
  readonly timers: Timers
  /** Given when the transport takes one write at a time and is done with its bytes when it drains. */
  readonly buffers: BatchBuffers | undefined
  /** The stream refused a write. */
  readonly failed: (error: Error) => void
  /** Something waited a whole `stallTimeoutMs` and nothing moved. */
  readonly stalled: () => void
}

/** Everything on its way to the peer: the queue, the writer that empties it, who waits for room, and the watchdog. */
export class Outbox {
  readonly #queue: SendQueue
  readonly #writer: BatchWriter
  readonly #watchdog: Watchdog
  readonly #waiters = new Waiters()
  #endUnacknowledged = false

  constructor(init: OutboxInit) {
    this.#queue = new SendQueue(init.creditBytes, init.queueBytesMax)
    const source = {
      compose: () => this.#composed(() => this.#queue.compose(BATCH_BYTES)),
      composeJoined: (allocate: (length: number) => Uint8Array) =>
        this.#composed(() => this.#queue.composeJoined(JOINED_BATCH_BYTES, allocate)),
      failed: init.failed
    }
    this.#writer = new BatchWriter(init.stream, source, init.timers, init.buffers)
    const waiting = (): boolean => this.#queue.waiting || this.#endUnacknowledged
    this.#watchdog = new Watchdog(init.timers, init.stallTimeoutMs, waiting, init.stalled)
  }

  get bytes(): number {
    return this.#queue.bytes
  }

  get full(): boolean {
    return this.#queue.full
  }

  /** Whether the queue could take a message of `length` bytes. */
  overflows(length: number): boolean {
    return this.#queue.overflows(length)
  }

  /** What the peer still grants, bytes. */
  get credit(): number {
    return this.#queue.credit
  }

  /** Whether END has been handed to the stream. */
  get endWritten(): boolean {
    return this.#queue.endWritten
  }

  push(message: Uint8Array): void {
    this.#queue.push(message)
    this.#kick()
  }

  pushCredit(bytes: number): void {
    this.#queue.pushControl(encodeCredit(bytes))
    this.#kick()
  }

  pushEndAck(): void {
    this.#queue.pushControl(encodeEndAck())
    this.#kick()
  }

  pushEnd(): void {
    this.#queue.pushEnd()
    this.#endUnacknowledged = true
    this.#kick()
  }

  endAcknowledged(): void {
    this.#endUnacknowledged = false
    this.#watchdog.moved()
  }

  /** The peer grants more. It is used at the end of the event that brought it: once per event, not per frame. */
  grant(bytes: number): void {
    this.#queue.grant(bytes)
    this.#watchdog.moved()
  }

  /** An event from the peer has been dealt with: a new turn of the event loop, perhaps with new credit. */
  turn(): void {
    this.#writer.turn()
    if (this.#queue.waiting) this.#kick()
  }

  /** Resolves when there is room again; rejects when `stop` is called first. */
  room(signal: AbortSignal | undefined): Promise<void> {
    return this.#queue.full ? this.#waiters.wait(signal) : Promise.resolve()
  }

  /** Hands what is left to the stream, even one that is busy. For the last control frames. */
  flush(): void {
    this.#writer.flush()
  }

  /** Stops writing and drops what waits. */
  stop(error: () => Error): void {
    this.#writer.stop()
    this.#watchdog.stop()
    this.#queue.clear()
    this.#waiters.reject(error)
  }

  #kick(): void {
    this.#writer.kick(this.#queue.charge)
    this.#watchdog.arm()
  }

  #composed<T>(compose: () => T | undefined): T | undefined {
    const { credit } = this.#queue
    const batch = compose()
    // Credits and acknowledgements of the other direction are no progress of this one.
    if (this.#queue.credit < credit) this.#watchdog.moved()
    if (batch !== undefined && !this.#queue.full) this.#waiters.resolve()
    return batch
  }
}
