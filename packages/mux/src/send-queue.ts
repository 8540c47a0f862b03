import { unzeroed } from './bytes.ts'
import {
  BY_REFERENCE_BYTES,
  FIRST_GRANT_BYTES,
  FRAME_BODY_BYTES_MAX,
  MESSAGE_CHARGE_BYTES
} from './config.ts'
import { DATA, END_FRAME_BYTES, HEADER_BYTES, PART, encodeEnd, writeHeader } from './frame.ts'

/** A batch: how many fragments are in it, how many of its bytes are copied, and whether it ends with END. */
interface Plan {
  readonly fragments: number
  readonly copied: number
  readonly ends: boolean
}

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
   * @param window the peer's, in bytes; of a large one the peer has granted only the beginning.
   * @param bytesMax charge at which the queue counts as full.
   */
  constructor(window: number, bytesMax: number) {
    this.#credit = Math.min(window, FIRST_GRANT_BYTES)
    this.#bytesMax = bytesMax
    // A quarter of the window: as soon as half of it is granted again, at least one part can go.
    this.#fragmentMax = Math.min(FRAME_BODY_BYTES_MAX, Math.floor(window / 4))
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
   * The next batch, about `batchBytes` long, or `undefined` when nothing may go now: buffers to be written one after another.
   * Small frames are copied together into a fresh buffer, because a transport may hold on to it; large bodies go as they are.
   * Messages are never cut to fit the batch, only into parts of 64 KiB.
   */
  compose(batchBytes: number): readonly Uint8Array[] | undefined {
    const plan = this.#plan(batchBytes, BY_REFERENCE_BYTES)
    if (plan.copied === 0) return undefined
    const buffer = unzeroed(plan.copied)
    const batch: Uint8Array[] = []
    let written = 0
    const end = this.#write(plan, buffer, (body, at) => {
      if (body.length < BY_REFERENCE_BYTES) return false
      batch.push(buffer.subarray(written, at), body)
      written = at
      return true
    })
    if (written < end) batch.push(buffer.subarray(written, end))
    return batch
  }

  /** The same in one buffer, which `allocate` gives: the length is what is needed, and what it returns may be longer. */
  composeJoined(batchBytes: number, allocate: (length: number) => Uint8Array): Uint8Array | undefined {
    const plan = this.#plan(batchBytes, Infinity)
    if (plan.copied === 0) return undefined
    const buffer = allocate(plan.copied)
    const end = this.#write(plan, buffer, () => false)
    return buffer.length === end ? buffer : buffer.subarray(0, end)
  }

  /**
   * What fits the credit and the batch.
   *
   * @param byReference bodies from this length on are not copied.
   */
  #plan(batchBytes: number, byReference: number): Plan {
    let credit = this.#credit
    let offset = this.#offset
    let index = this.#head
    let bytes = 0
    let copied = 0
    let fragments = 0
    while (bytes < batchBytes) {
      const message = this.#messages[index]
      if (message === undefined) break
      const body = Math.min(this.#fragmentMax, message.length - offset)
      const cost = body + (offset === 0 ? MESSAGE_CHARGE_BYTES : 0)
      if (cost > credit) break
      credit -= cost
      fragments++
      bytes += HEADER_BYTES + body
      copied += HEADER_BYTES + (body < byReference ? body : 0)
      offset += body
      if (offset === message.length) {
        index++
        offset = 0
      }
    }
    const ends = this.#end === 'queued' && index === this.#messages.length
    if (ends) copied += END_FRAME_BYTES
    for (const frame of this.#control) copied += frame.length
    return { fragments, copied, ends }
  }

  /** Carries a plan out: writes what is copied to `buffer`, and returns where that ends. `refer` may take a body out of it. */
  #write(plan: Plan, buffer: Uint8Array, refer: (body: Uint8Array, at: number) => boolean): number {
    let at = 0
    for (const frame of this.#control) {
      buffer.set(frame, at)
      at += frame.length
    }
    if (at > 0) this.#control = []
    for (let i = 0; i < plan.fragments; i++) {
      const { type, body } = this.#take()
      at = writeHeader(buffer, at, type, body.length)
      if (refer(body, at)) continue
      buffer.set(body, at)
      at += body.length
    }
    if (plan.ends) {
      buffer.set(encodeEnd('finished'), at)
      at += END_FRAME_BYTES
      this.#end = 'written'
    }
    this.#compact()
    return at
  }

  /** Takes the next fragment, which the plan says may go. */
  #take(): { readonly type: number; readonly body: Uint8Array } {
    const message = this.#messages[this.#head] as Uint8Array
    const remaining = message.length - this.#offset
    const length = Math.min(this.#fragmentMax, remaining)
    const body = length === message.length ? message : message.subarray(this.#offset, this.#offset + length)
    this.#credit -= length + (this.#offset === 0 ? MESSAGE_CHARGE_BYTES : 0)
    this.#offset += length
    if (length === remaining) {
      this.#messages[this.#head] = EMPTY
      this.#head++
      this.#offset = 0
      this.#charge -= message.length + MESSAGE_CHARGE_BYTES
    }
    return { type: length === remaining ? DATA : PART, body }
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
