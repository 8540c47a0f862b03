type Result = IteratorResult<Uint8Array, undefined>

/** Marks the peer's END in the queue. */
const END = Symbol('end')

/**
 * What one consumer sees of a channel: messages in order, then the end or the failure. Asking for the next message says that
 * the one before has been dealt with.
 */
export class ChannelInbox {
  readonly #queue: (Uint8Array | typeof END)[] = []
  readonly #onDealtWith: (message: Uint8Array) => void
  readonly #onEnd: () => void
  #inHand: Uint8Array | undefined
  #asking: PromiseWithResolvers<Result> | undefined
  #failure: Error | undefined
  #atEnd = false

  /**
   * @param onDealtWith called for each message the consumer is done with.
   * @param onEnd called once the peer's END has come and everything before it has been dealt with.
   */
  constructor(onDealtWith: (message: Uint8Array) => void, onEnd: () => void) {
    this.#onDealtWith = onDealtWith
    this.#onEnd = onEnd
  }

  deliver(message: Uint8Array): void {
    this.#queue.push(message)
    this.#answer()
  }

  end(): void {
    this.#queue.push(END)
    if (this.#inHand === undefined) this.#answer()
    this.#reachEnd()
  }

  /** Nothing more comes; what has come is still the consumer's, unless it is dropped. */
  fail(failure: Error, drop: boolean): void {
    if (this.#atEnd) return
    this.#failure = failure
    if (drop) this.#queue.length = 0
    this.#answer()
  }

  iterator(): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.#putDown()
        return { done: true, value: undefined }
      }
    }
  }

  #next(): Promise<Result> {
    if (this.#asking !== undefined)
      return Promise.reject(new TypeError('a channel has one consumer at a time'))
    this.#putDown()
    this.#asking = Promise.withResolvers<Result>()
    const { promise } = this.#asking
    this.#answer()
    return promise
  }

  #putDown(): void {
    const message = this.#inHand
    this.#inHand = undefined
    if (message !== undefined) this.#onDealtWith(message)
    this.#reachEnd()
  }

  /** Everything before the END has been dealt with, whether or not anybody asks for more. */
  #reachEnd(): void {
    if (this.#atEnd || this.#inHand !== undefined || this.#queue[0] !== END) return
    this.#queue.shift()
    this.#atEnd = true
    this.#onEnd()
    this.#answer()
  }

  /** Settles a waiting `next` if there is something to settle it with. */
  #answer(): void {
    const asking = this.#asking
    if (asking === undefined) return
    const [message] = this.#queue
    if (message instanceof Uint8Array) {
      this.#queue.shift()
      this.#inHand = message
      asking.resolve({ done: false, value: message })
    } else if (this.#atEnd) asking.resolve({ done: true, value: undefined })
    else if (message === undefined && this.#failure !== undefined) asking.reject(this.#failure)
    else return
    this.#asking = undefined
  }
}
