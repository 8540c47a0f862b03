import { compact } from './bytes.ts'
import { MESSAGE_CHARGE_BYTES } from './config.ts'
import { PART } from './frame.ts'

/**
 * The receiving half of a channel, without the stream: what the peer may still send, the message being put together, and the
 * messages that wait for the consumer. Everything it holds is covered by the window, which is what bounds memory: the
 * transport does not.
 */
export class ReceiveQueue {
  readonly #window: number
  /** What the peer may still send, bytes. */
  #allowance: number
  /** What the consumer has dealt with and the peer has not been told, bytes. */
  #consumed = 0
  #messages: Uint8Array[] = []
  #head = 0
  #bytes = 0
  #partial: Uint8Array | undefined
  #partialLength = 0

  constructor(window: number) {
    this.#window = window
    this.#allowance = window
  }

  get size(): number {
    return this.#messages.length - this.#head
  }

  /** Payload bytes held, of whole messages and of the one being put together. */
  get bytes(): number {
    return this.#bytes + this.#partialLength
  }

  /** Whether a message has begun and not ended. */
  get midMessage(): boolean {
    return this.#partial !== undefined
  }

  /** Takes the cost of a frame from the allowance, before its body is allocated. False when the peer was not granted that much. */
  admit(length: number): boolean {
    const cost = length + (this.midMessage ? 0 : MESSAGE_CHARGE_BYTES)
    if (cost > this.#allowance) return false
    this.#allowance -= cost
    return true
  }

  /** Adds the body of an admitted frame; returns the message when this frame ends one. */
  take(type: number, body: Uint8Array): Uint8Array | undefined {
    if (type === PART) {
      this.#append(body)
      return undefined
    }
    if (this.#partial === undefined) return compact(body)
    this.#append(body)
    const message = compact(this.#partial.subarray(0, this.#partialLength))
    this.#partial = undefined
    this.#partialLength = 0
    return message
  }

  enqueue(message: Uint8Array): void {
    this.#messages.push(message)
    this.#bytes += message.length
  }

  shift(): Uint8Array | undefined {
    const message = this.#messages[this.#head]
    if (message === undefined) return undefined
    this.#messages[this.#head] = EMPTY
    this.#head++
    this.#bytes -= message.length
    if (this.#head === this.#messages.length) {
      this.#messages = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
      this.#messages.splice(0, this.#head)
      this.#head = 0
    }
    return message
  }

  /** Notes that the consumer has dealt with a message of `length` bytes. */
  consume(length: number): void {
    this.#consumed += length + MESSAGE_CHARGE_BYTES
  }

  /**
   * What to grant the peer now, 0 for nothing: all that was dealt with, once it is half the window. Also when only the rest of
   * an unfinished message is missing: the consumer can do nothing until the peer may send it, and both would wait for ever.
   */
  grant(): number {
    const unblocks = this.midMessage && this.size === 0
    if (this.#consumed < this.#window / 2 && !unblocks) return 0
    const bytes = this.#consumed
    this.#consumed = 0
    this.#allowance += bytes
    return bytes
  }

  clear(): void {
    this.#messages = []
    this.#head = 0
    this.#bytes = 0
    this.#partial = undefined
    this.#partialLength = 0
  }

  /** Grows by doubling, so that a message in many tiny parts costs no object for each. The allowance bounds the length. */
  #append(body: Uint8Array): void {
    const length = this.#partialLength + body.length
    if (this.#partial === undefined || this.#partial.length < length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#partialLength))
      if (this.#partial !== undefined) grown.set(this.#partial.subarray(0, this.#partialLength))
      this.#partial = grown
    }
    this.#partial.set(body, this.#partialLength)
    this.#partialLength = length
  }
}

const EMPTY = new Uint8Array(0)
