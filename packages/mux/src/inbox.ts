import { ReceiveQueue } from './receive-queue.ts'

type Result = IteratorResult<Uint8Array, undefined>

/**
 * What one consumer sees of a channel: messages in order, then the end or the failure. Asking for the next message, or
 * leaving the loop, says that the one in hand has been dealt with.
 */
export class Inbox {
  readonly queue: ReceiveQueue
  readonly #onPutDown: () => void
  #state: 'open' | 'ended' = 'open'
  #failure: Error | undefined
  /** Length of the message the consumer is dealing with. */
  #inHand: number | undefined
  #consumer: PromiseWithResolvers<Result> | undefined

  /** @param onPutDown called when a message has been dealt with. */
  constructor(windowBytes: number, onPutDown: () => void) {
    this.queue = new ReceiveQueue(windowBytes)
    this.#onPutDown = onPutDown
  }

  get bytes(): number {
    return this.queue.bytes + (this.#inHand ?? 0)
  }

  get ended(): boolean {
    return this.#state === 'ended'
  }

  /** Whether every message so far has been dealt with. */
  get idle(): boolean {
    return this.queue.size === 0 && this.#inHand === undefined
  }

  iterator(): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.#next(),
      // Leaving a loop leaves the channel alone: a later loop goes on where this one stopped.
      return: async () => {
        this.#putDown()
        return { done: true, value: undefined }
      }
    }
  }

  deliver(message: Uint8Array): void {
    const consumer = this.#takeConsumer()
    if (consumer === undefined) {
      this.queue.enqueue(message)
      return
    }
    this.#inHand = message.length
    consumer.resolve({ done: false, value: message })
  }

  /** No message will follow, and none is missing. */
  end(): void {
    this.#state = 'ended'
    this.#takeConsumer()?.resolve({ done: true, value: undefined })
  }

  /** Nothing more comes. What was delivered is still the consumer's; an end that came before stays a good end. */
  fail(error: Error): void {
    this.#failure = error
    this.#takeConsumer()?.reject(error)
  }

  /** Throws away what the consumer has not asked for. With messages missing there is no good end any more. */
  drop(): void {
    if (this.#state === 'ended' && this.queue.size > 0) this.#state = 'open'
    this.queue.clear()
  }

  #next(): Promise<Result> {
    if (this.#consumer !== undefined) {
      return Promise.reject(
        new TypeError('a channel has one consumer; wait for its message before asking for the next')
      )
    }
    this.#putDown()
    const message = this.queue.shift()
    if (message !== undefined) {
      this.#inHand = message.length
      return Promise.resolve({ done: false, value: message })
    }
    if (this.#state === 'ended') return Promise.resolve({ done: true, value: undefined })
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    this.#consumer = Promise.withResolvers()
    return this.#consumer.promise
  }

  #putDown(): void {
    if (this.#inHand === undefined) return
    this.queue.consume(this.#inHand)
    this.#inHand = undefined
    this.#onPutDown()
  }

  #takeConsumer(): PromiseWithResolvers<Result> | undefined {
    const consumer = this.#consumer
    this.#consumer = undefined
    return consumer
  }
}
