import { orAbort } from './deadline.ts'
import type { FramedChannel } from './ports.ts'
import type { SyncExchange } from './types.ts'

/** What an exchange stands on. */
export interface RoundExchangeInit {
  readonly channel: FramedChannel
  /** The channel's messages after the handshake. */
  readonly messages: AsyncIterator<Uint8Array>
  readonly pendingSendsMax: number
  /** Fires when the round has failed. */
  readonly signal: AbortSignal
  /** The channel failed: fails the round with the error that it returns. */
  readonly lost: (cause: unknown) => Error
  /** Something was sent or received. */
  readonly moved: () => void
}

/**
 * The exchange that a protocol sees: the channel of its round. It keeps no message: the next is asked of the channel when the
 * protocol asks for it, so everything else stays in the channel, within its window.
 */
export class RoundExchange implements SyncExchange {
  readonly #init: RoundExchangeInit
  #pending = 0
  #turn: Promise<void> = Promise.resolve()
  #asked: Promise<IteratorResult<Uint8Array>> | undefined
  #finished = false
  #inputEnded = false

  constructor(init: RoundExchangeInit) {
    this.#init = init
  }

  get messageBytesMax(): number {
    return this.#init.channel.messageBytesMax
  }

  async send(message: Uint8Array): Promise<void> {
    const { signal, pendingSendsMax } = this.#init
    if (this.#finished) throw new TypeError('the round is over: send nothing after reconcile has returned')
    signal.throwIfAborted()
    if (message.length > this.messageBytesMax) {
      throw new RangeError(
        `a message of this exchange has at most ${this.messageBytesMax} bytes, got ${message.length}`
      )
    }
    if (this.#pending >= pendingSendsMax) {
      throw new RangeError(`at most ${pendingSendsMax} sends may wait; await each before the next`)
    }
    this.#pending++
    try {
      await this.#write(message)
    } finally {
      this.#pending--
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        if (this.#finished) return { done: true, value: undefined }
        if (this.#asked !== undefined) {
          throw new TypeError('an exchange has one consumer: await each message before the next')
        }
        return await this.#next()
      },
      // A loop left early says nothing: a later one goes on with the next message.
      return: async () => ({ done: true, value: undefined })
    }
  }

  /** The protocol has returned: what still comes in is dropped, up to so many messages. */
  async finish(strayMessagesMax: number): Promise<void> {
    this.#finished = true
    await this.#asked?.catch(() => {})
    for (let strays = 0; !this.#inputEnded; strays++) {
      if (strays > strayMessagesMax)
        throw this.#init.lost(new RangeError(`more than ${strayMessagesMax} messages too many`))
      await this.#next()
    }
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#inputEnded) return { done: true, value: undefined }
    const { messages, signal, lost, moved } = this.#init
    const asked = orAbort(messages.next(), signal)
    this.#asked = asked
    try {
      const result = await asked
      moved()
      if (result.done === true) this.#inputEnded = true
      return result
    } catch (error) {
      throw lost(error)
    } finally {
      this.#asked = undefined
    }
  }

  /** Messages go out in call order, each after there was room for the one before. */
  #write(message: Uint8Array): Promise<void> {
    const { channel, signal, lost, moved } = this.#init
    const turn = this.#turn.then(async () => {
      signal.throwIfAborted()
      try {
        if (!channel.send(message)) await orAbort(channel.drained(), signal)
      } catch (error) {
        throw lost(error)
      }
      moved()
    })
    this.#turn = turn.catch(() => {})
    return turn
  }
}
