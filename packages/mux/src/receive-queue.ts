import { FIRST_GRANT_BYTES, GRANTS_PER_WINDOW, MESSAGE_CHARGE_BYTES } from './config.ts'
import { PART } from './frame.ts'

/**
 * The receiving half of a channel, without the stream: what the peer may still send, the message being put together, and the
 * messages that wait for the consumer. Everything it holds is covered by the window, which is what bounds memory: the
 * transport does not. The window begins small and doubles up to its limit while the consumer keeps up, or when one message
 * needs more.
 */
export class ReceiveQueue {
  readonly #windowMax: number
  #window: number
  /** Whether the consumer has asked for a message and found none since the last grant. */
  #keptUp = false
  /** What the peer may still send, bytes. */
  #allowance: number
  /** What the consumer has dealt with and the peer has not been told, bytes. */
  #consumed = 0
  #messages: Uint8Array[] = []
  #head = 0
  #bytes = 0
  #partial: Uint8Array | undefined
  #partialLength = 0

  /** @param windowMax what the peer may have unread at most, in bytes. */
  constructor(windowMax: number) {
    this.#windowMax = windowMax
    this.#window = Math.min(windowMax, FIRST_GRANT_BYTES)
    this.#allowance = this.#window
  }

  /** What the peer may have unread at present, bytes. */
  get window(): number {
    return this.#window
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

  /** Adds the body of an admitted frame, which is copied unless it is a whole message; returns the message when this frame ends one. */
  take(type: number, body: Uint8Array): Uint8Array | undefined {
    if (type === PART) {
      this.#append(body)
      return undefined
    }
    if (this.#partial === undefined) return body
    this.#append(body)
    const message = this.#partial.subarray(0, this.#partialLength)
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
    if (message === undefined) {
      this.keptUp()
      return undefined
    }
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

  /** Notes that the consumer has dealt with everything that came, and waits. */
  keptUp(): void {
    this.#keptUp = true
  }

  /** Notes that the consumer has dealt with a message of `length` bytes. */
  consume(length: number): void {
    this.#consumed += length + MESSAGE_CHARGE_BYTES
  }

  /**
   * What to grant the peer now, 0 for nothing: all that was dealt with, once it is a quarter of the window. Also when only the
   * rest of an unfinished message is missing: the consumer can do nothing until the peer may send it, and both would wait for
   * ever. And the growth of the window.
   */
  grant(): number {
    const due = this.#consumed >= this.#window / GRANTS_PER_WINDOW
    const unblocks = this.midMessage && this.size === 0
    // At least half of the window stays free for the rest of a message, so a part always fits.
    const needed = this.midMessage && this.#partialLength + MESSAGE_CHARGE_BYTES > this.#window / 2
    let bytes = 0
    if (due || unblocks) {
      bytes = this.#consumed
      this.#consumed = 0
    }
    if (needed || (due && this.#keptUp)) bytes += this.#grow()
    if (due) this.#keptUp = false
    this.#allowance += bytes
    return bytes
  }

  #grow(): number {
    const growth = Math.min(this.#window, this.#windowMax - this.#window)
    this.#window += growth
    return growth
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
