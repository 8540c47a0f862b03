import type { SyncExchange } from './types.ts'

interface Slot {
  readonly payload: Uint8Array
  readonly dealtWith: () => void
}

interface Waiter {
  readonly resolve: (result: IteratorResult<Uint8Array>) => void
  readonly reject: (error: Error) => void
}

/**
 * The exchange that a protocol sees. It holds one received message at most: the next is handed over only when the protocol
 * asks for it, so everything else stays in the channel, within its window.
 */
export class RoundExchange implements SyncExchange {
  readonly messageBytesMax: number
  readonly #pendingMax: number
  readonly #send: (payload: Uint8Array) => Promise<void>
  #pending = 0
  /** Handed in and not asked for yet. */
  #slot: Slot | undefined
  /** With the protocol. */
  #current: Slot | undefined
  #waiter: Waiter | undefined
  #inputEnded = false
  #finished = false
  #error: Error | undefined

  constructor(messageBytesMax: number, pendingMax: number, send: (payload: Uint8Array) => Promise<void>) {
    this.messageBytesMax = messageBytesMax
    this.#pendingMax = pendingMax
    this.#send = send
  }

  async send(message: Uint8Array): Promise<void> {
    if (this.#error !== undefined) throw this.#error
    if (this.#finished) throw new TypeError('the round is over: send nothing after reconcile has returned')
    if (message.length > this.messageBytesMax) {
      throw new RangeError(
        `a message of this exchange has at most ${this.messageBytesMax} bytes, got ${message.length}`
      )
    }
    if (this.#pending >= this.#pendingMax) {
      throw new RangeError(`at most ${this.#pendingMax} sends may wait; await each before the next`)
    }
    this.#pending++
    try {
      await this.#send(message)
    } finally {
      this.#pending--
    }
    if (this.#error !== undefined) throw this.#error
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#next(),
      return: async () => {
        // A loop left early has dealt with its last message; a later loop goes on with the next.
        this.#release()
        return { done: true, value: undefined }
      }
    }
  }

  /** Resolves when the protocol has dealt with the message, or never will. One at a time. */
  deliver(payload: Uint8Array): Promise<void> {
    if (this.#finished || this.#error !== undefined) return Promise.resolve()
    return new Promise<void>(dealtWith => {
      const slot = { payload, dealtWith }
      const waiter = this.#waiter
      if (waiter === undefined) {
        this.#slot = slot
        return
      }
      this.#waiter = undefined
      this.#current = slot
      waiter.resolve({ done: false, value: payload })
    })
  }

  /** The peer sends nothing more in this round. */
  endOfInput(): void {
    this.#inputEnded = true
    this.#waiter?.resolve({ done: true, value: undefined })
    this.#waiter = undefined
  }

  /** The protocol has returned: what still comes in is dropped. */
  finish(): void {
    this.#finished = true
    this.#drop()
    this.endOfInput()
  }

  fail(error: Error): void {
    this.#error ??= error
    this.#drop()
    this.#waiter?.reject(this.#error)
    this.#waiter = undefined
  }

  #next(): Promise<IteratorResult<Uint8Array>> {
    this.#release()
    if (this.#error !== undefined) return Promise.reject(this.#error)
    const slot = this.#slot
    if (slot !== undefined) {
      this.#slot = undefined
      this.#current = slot
      return Promise.resolve({ done: false, value: slot.payload })
    }
    if (this.#inputEnded || this.#finished) return Promise.resolve({ done: true, value: undefined })
    if (this.#waiter !== undefined) {
      return Promise.reject(new TypeError('an exchange has one consumer: await each message before the next'))
    }
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject }
    })
  }

  #release(): void {
    this.#current?.dealtWith()
    this.#current = undefined
  }

  #drop(): void {
    this.#release()
    this.#slot?.dealtWith()
    this.#slot = undefined
  }
}
