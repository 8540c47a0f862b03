import type { BodyBuffer } from './body-buffer.ts'
import { ReceiveQueue } from './receive-queue.ts'
import type { MessageConsumer } from './types.ts'

type Result = IteratorResult<Uint8Array, undefined>

interface Taker {
  readonly onMessage: MessageConsumer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * What one consumer sees of a channel: messages in order, then the end or the failure. An iterating consumer asks for each
 * message, and asking for the next, or leaving the loop, says that the one in hand has been dealt with. A taking one is called
 * with each, and has dealt with it when it has returned.
 */
export class Inbox {
  readonly queue: ReceiveQueue
  readonly #bodies: BodyBuffer
  readonly #onPutDown: () => void
  #state: 'open' | 'ended' = 'open'
  #failure: Error | undefined
  /** Length of the message the consumer is dealing with. */
  #inHand: number | undefined
  /** The iterating consumer that waits for a message. */
  #asking: PromiseWithResolvers<Result> | undefined
  #taker: Taker | undefined

  /**
   * @param bodies what lent messages may lie in.
   * @param onPutDown called when a message has been dealt with.
   */
  constructor(windowBytes: number, bodies: BodyBuffer, onPutDown: () => void) {
    this.queue = new ReceiveQueue(windowBytes)
    this.#bodies = bodies
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
        if (this.#taker === undefined) this.#putDown()
        return { done: true, value: undefined }
      }
    }
  }

  /** Calls `onMessage` with each message. Resolves at the end, rejects with the failure or with what `onMessage` throws. */
  consume(onMessage: MessageConsumer): Promise<void> {
    if (typeof onMessage !== 'function') return Promise.reject(new TypeError('a consumer must be a function'))
    if (this.#busy) return Promise.reject(secondConsumer())
    this.#putDown()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#taker = { onMessage, resolve, reject }
    this.#pump()
    return promise
  }

  /** Takes a message that is only lent: it is kept when the consumer cannot deal with it at once. */
  deliver(message: Uint8Array): void {
    const asking = this.#takeAsking()
    if (asking !== undefined) {
      this.#inHand = message.length
      asking.resolve({ done: false, value: this.#bodies.keep(message) })
    } else if (this.#taker !== undefined && this.idle) {
      if (this.#give(this.#taker, message)) this.queue.keptUp()
      else this.#bodies.letGo()
      if (this.queue.size > 0 || this.#over) this.#pump()
    } else {
      this.queue.enqueue(this.#bodies.keep(message))
    }
  }

  /** No message will follow, and none is missing. */
  end(): void {
    this.#state = 'ended'
    this.#takeAsking()?.resolve({ done: true, value: undefined })
    this.#pump()
  }

  /** Nothing more comes. What was delivered is still the consumer's; an end that came before stays a good end. */
  fail(error: Error): void {
    this.#failure = error
    this.#takeAsking()?.reject(error)
    this.#pump()
  }

  /** Throws away what the consumer has not asked for. With messages missing there is no good end any more. */
  drop(): void {
    if (this.#state === 'ended' && this.queue.size > 0) this.#state = 'open'
    this.queue.clear()
  }

  get #over(): boolean {
    return this.#state === 'ended' || this.#failure !== undefined
  }

  get #busy(): boolean {
    return this.#asking !== undefined || this.#taker !== undefined
  }

  #next(): Promise<Result> {
    if (this.#busy) return Promise.reject(secondConsumer())
    this.#putDown()
    const message = this.queue.shift()
    if (message !== undefined) {
      this.#inHand = message.length
      return Promise.resolve({ done: false, value: message })
    }
    if (this.#state === 'ended') return Promise.resolve({ done: true, value: undefined })
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    this.#asking = Promise.withResolvers()
    return this.#asking.promise
  }

  /** Gives the taker what waits, as long as it deals with each at once, and at the end tells it so. */
  #pump(): void {
    while (this.#taker !== undefined && this.#inHand === undefined) {
      const message = this.queue.shift()
      if (message !== undefined) this.#give(this.#taker, message)
      else if (this.#over) this.#dismiss(this.#failure)
      else return
    }
  }

  /** Calls the taker with one message. False when it is still dealing with it. */
  #give(taker: Taker, message: Uint8Array): boolean {
    this.#inHand = message.length
    let answer: unknown
    try {
      answer = taker.onMessage(message)
    } catch (error) {
      this.#putDown()
      this.#quit(error)
      return true
    }
    if (!isThenable(answer)) {
      this.#putDown()
      return true
    }
    Promise.resolve(answer).then(
      () => {
        this.#putDown()
        this.#pump()
      },
      (error: unknown) => {
        this.#putDown()
        this.#quit(error)
      }
    )
    return false
  }

  /** The taker will have no more messages. An end that came before a failure stays a good end. */
  #dismiss(failure: Error | undefined): void {
    if (this.#state === 'ended' || failure === undefined) this.#takeTaker()?.resolve()
    else this.#takeTaker()?.reject(failure)
  }

  /** The taker has thrown: it gets no more, and the channel is as after a loop that was left. */
  #quit(error: unknown): void {
    this.#takeTaker()?.reject(error)
  }

  #putDown(): void {
    if (this.#inHand === undefined) return
    this.queue.consume(this.#inHand)
    this.#inHand = undefined
    this.#onPutDown()
  }

  #takeAsking(): PromiseWithResolvers<Result> | undefined {
    const asking = this.#asking
    this.#asking = undefined
    return asking
  }

  #takeTaker(): Taker | undefined {
    const taker = this.#taker
    this.#taker = undefined
    return taker
  }
}

function secondConsumer(): TypeError {
  return new TypeError('a channel has one consumer; wait for its message before asking for the next')
}

function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return typeof answer === 'object' && answer !== null && 'then' in answer
}
