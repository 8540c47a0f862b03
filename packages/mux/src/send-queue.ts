import { FRAME_BODY_BYTES_MAX, MESSAGE_CHARGE_BYTES } from './config.ts'
import { DATA, HEADER_BYTES, PART, encodeEnd, writeHeader } from './frame.ts'

/**
 * The sending half of a channel, without the stream: messages waiting, what the peer still grants, and how both become writes.
 * Control frames go ahead of every message; END goes behind.
 */
export class SendQueue {
  readonly #bytesMax: number
  readonly #fragmentMax: number
  #messages: Uint8Array[] = []
  #head = 0
  /** Bytes of the message at the head that are written already. */
  #offset = 0
  #charge = 0
  #full = false
  #credit: number
  #control: Uint8Array[] = []
  #end: 'open' | 'queued' | 'written' = 'open'

  /**
   * @param credit what the peer granted first, which is its window, in bytes.
   * @param bytesMax charge at which the queue counts as full.
   */
  constructor(credit: number, bytesMax: number) {
    this.#credit = credit
    this.#bytesMax = bytesMax
    // A quarter of the window: as soon as half of it is granted again, at least one part can go.
    this.#fragmentMax = Math.min(FRAME_BODY_BYTES_MAX, Math.floor(credit / 4))
  }

  /** What is queued, in bytes with the charge per message. */
  get charge(): number {
    return this.#charge
  }

  /** Payload bytes held. */
  get bytes(): number {
    return this.#charge - (this.#messages.length - this.#head) * MESSAGE_CHARGE_BYTES
  }

  /** True from the moment the limit is reached until the queue has fallen to half of it. */
  get full(): boolean {
    return this.#full
  }

  /** Whether another message would take the queue to more than twice its limit, beyond the first message. */
  overflows(length: number): boolean {
    return this.#charge > 0 && this.#charge + length + MESSAGE_CHARGE_BYTES > 2 * this.#bytesMax && this.#full
  }

  /** Whether anything waits: a message, an END, or a control frame. */
  get waiting(): boolean {
    return this.#head < this.#messages.length || this.#end === 'queued' || this.#control.length > 0
  }

  get endWritten(): boolean {
    return this.#end === 'written'
  }

  push(message: Uint8Array): void {
    this.#messages.push(message)
    this.#charge += message.length + MESSAGE_CHARGE_BYTES
    if (this.#charge >= this.#bytesMax) this.#full = true
  }

  pushControl(frame: Uint8Array): void {
    this.#control.push(frame)
  }

  pushEnd(): void {
    if (this.#end === 'open') this.#end = 'queued'
  }

  grant(bytes: number): void {
    this.#credit += bytes
  }

  get credit(): number {
    return this.#credit
  }

  clear(): void {
    this.#messages = []
    this.#control = []
    this.#head = 0
    this.#offset = 0
    this.#charge = 0
    this.#full = false
  }

  /**
   * The next write, about `batchBytes` long, or `undefined` when nothing may go now. It is a fresh buffer each time, because a
   * transport may hold on to it. Messages are never cut to fit the batch, only into parts of 64 KiB.
   */
  compose(batchBytes: number): Uint8Array | undefined {
    const { total, messagesDone } = this.#plan(batchBytes)
    const withEnd = this.#end === 'queued' && messagesDone
    const end = withEnd ? encodeEnd('finished') : undefined
    let length = total + (end?.length ?? 0)
    for (const frame of this.#control) length += frame.length
    if (length === 0) return undefined
    const batch = new Uint8Array(length)
    let at = 0
    for (const frame of this.#control) {
      batch.set(frame, at)
      at += frame.length
    }
    this.#control = []
    const dataEnd = at + total
    while (at < dataEnd) at = this.#writeFragment(batch, at)
    if (end !== undefined) {
      batch.set(end, at)
      this.#end = 'written'
    }
    this.#compact()
    return batch
  }

  /** How many bytes of data frames fit the credit and the batch, and whether they empty the queue. */
  #plan(batchBytes: number): { total: number; messagesDone: boolean } {
    let credit = this.#credit
    let offset = this.#offset
    let index = this.#head
    let total = 0
    while (total < batchBytes) {
      const message = this.#messages[index]
      if (message === undefined) break
      const body = Math.min(this.#fragmentMax, message.length - offset)
      const cost = body + (offset === 0 ? MESSAGE_CHARGE_BYTES : 0)
      if (cost > credit) break
      credit -= cost
      total += HEADER_BYTES + body
      offset += body
      if (offset === message.length) {
        index++
        offset = 0
      }
    }
    return { total, messagesDone: index === this.#messages.length }
  }

  #writeFragment(batch: Uint8Array, at: number): number {
    const message = this.#messages[this.#head] as Uint8Array
    const remaining = message.length - this.#offset
    const body = Math.min(this.#fragmentMax, remaining)
    const start = writeHeader(batch, at, body === remaining ? DATA : PART, body)
    batch.set(body === message.length ? message : message.subarray(this.#offset, this.#offset + body), start)
    this.#credit -= body + (this.#offset === 0 ? MESSAGE_CHARGE_BYTES : 0)
    this.#offset += body
    if (this.#offset === message.length) {
      this.#messages[this.#head] = EMPTY
      this.#head++
      this.#offset = 0
      this.#charge -= message.length + MESSAGE_CHARGE_BYTES
    }
    return start + body
  }

  #compact(): void {
    if (this.#charge <= this.#bytesMax / 2) this.#full = false
    if (this.#head === this.#messages.length) {
      this.#messages = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
      this.#messages.splice(0, this.#head)
      this.#head = 0
    }
  }
}

const EMPTY = new Uint8Array(0)
