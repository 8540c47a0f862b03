import type { Item } from '@starling/reconcile'
import { SKIPPED_REF, type ExchangeSession } from './exchange-state.ts'
import { EntryPacker } from './frames.ts'
import { orAbort } from './range-exchange-abort.ts'
import {
  answeredBytes,
  encodeCount,
  encodePart,
  ENTRY_OVERHEAD_BYTES,
  entriesHead
} from './range-exchange-frames.ts'
import { BACK_KEYS_MAX } from './range-exchange-limits.ts'

/** What an outbox needs. */
export interface OutboxInit {
  readonly session: Pick<ExchangeSession, 'keyOf' | 'encode'>
  /** Sends one frame and waits until there is room for another. Rejects when the session is over. */
  readonly send: (frame: Uint8Array) => Promise<void>
  readonly frameBytesTarget: number
  readonly frameBytesMax: number
}

/** One of the two lists of entries that a side sends, with its end. */
interface List {
  readonly type: 'found' | 'end'
  readonly packer: EntryPacker
  /** Entries sent. */
  count: number
  /** Something that belongs to it is not sent in this session. */
  leftOut: boolean
  /** Nothing more will be added. */
  closed: boolean
  /** Its end has been sent, or need not be. */
  told: boolean
}

/**
 * Everything that one side sends in a session, in the order in which the other side can use it: frames of the session itself,
 * then entries that go back, then entries that were found. Entries are encoded when it is their turn, so what waits is
 * references and keys.
 */
export class Outbox {
  readonly #init: OutboxInit
  readonly #frames: Uint8Array[] = []
  readonly #items: Iterator<Item>[] = []
  readonly #backKeys = new Set<string>()
  #back: string[] = []
  #backAt = 0
  readonly #found: List
  readonly #returned: List
  #wake: (() => void) | undefined
  #skipped = 0
  #tooLong = 0

  constructor(init: OutboxInit) {
    this.#init = init
    const list = (type: 'found' | 'end'): List => ({
      type,
      packer: new EntryPacker(entriesHead(type === 'end'), init.frameBytesTarget),
      count: 0,
      leftOut: false,
      closed: false,
      told: false
    })
    this.#found = list('found')
    this.#returned = list('end')
  }

  /** Entries sent so far that were found. */
  get foundSent(): number {
    return this.#found.count
  }

  /** Entries sent so far, either way. */
  get sent(): number {
    return this.#found.count + this.#returned.count
  }

  /** Items the other side lacks and this side does not have either: it refused them before. */
  get skipped(): number {
    return this.#skipped
  }

  /** Entries that no frame can hold. */
  get tooLong(): number {
    return this.#tooLong
  }

  /** Something that was to go back did not. */
  get leftOut(): boolean {
    return this.#returned.leftOut
  }

  /** Whether more may go back. */
  get takesBack(): boolean {
    return this.#backKeys.size < BACK_KEYS_MAX
  }

  /** A frame, to be sent before all entries that are added from now on. */
  frame(bytes: Uint8Array): void {
    this.#frames.push(bytes)
    this.#notify()
  }

  /** Items that the other side lacks. */
  found(items: Iterable<Item>): void {
    this.#items.push(items[Symbol.iterator]())
    this.#notify()
  }

  /** A key whose entry goes back, once in a session. */
  back(key: string): void {
    if (this.#backKeys.has(key)) {
      // Nobody honest sends an entry twice; what it brought the second time waits for the next session.
      this.#returned.leftOut = true
      return
    }
    this.#backKeys.add(key)
    this.#back.push(key)
    this.#notify()
  }

  /** Entries were dropped unread: what would have gone back did not. */
  leave(): void {
    this.#returned.leftOut = true
  }

  /** All items have been added. `some`: the other side knows of any, and waits for the end. */
  closeFound(some: boolean): void {
    this.#close(this.#found, some)
  }

  /** All keys have been added; `some` as before. */
  closeBack(some: boolean): void {
    this.#close(this.#returned, some)
  }

  /** Sends until everything is sent and both lists are closed. Rejects with the signal's reason, and as `send` does. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const frame = this.#next()
      if (frame !== undefined) await this.#init.send(frame)
      else if (this.#found.told && this.#returned.told) return
      else await orAbort(this.#changed(), signal)
    }
  }

  /** The next frame; none when there is nothing to be sent now. */
  #next(): Uint8Array | undefined {
    for (;;) {
      const frame = this.#frames.shift()
      if (frame !== undefined) return frame
      const more = this.#addNext()
      if (!more) break
    }
    return this.#flush(this.#returned) ?? this.#flush(this.#found)
  }

  /** Adds the next entry to its frame; frames that are full are ready to be sent. False when there is none. */
  #addNext(): boolean {
    const key = this.#nextBack()
    if (key !== undefined) {
      this.#add(this.#returned, key)
      return true
    }
    const item = this.#nextItem()
    if (item === undefined) return false
    if (item.ref === SKIPPED_REF) {
      this.#skipped++
      return true
    }
    const found = this.#init.session.keyOf(item.ref)
    if (found !== undefined) this.#add(this.#found, found)
    return true
  }

  #nextBack(): string | undefined {
    if (this.#backAt < this.#back.length) return this.#back[this.#backAt++]
    this.#back = []
    this.#backAt = 0
    return undefined
  }

  #nextItem(): Item | undefined {
    for (let first = this.#items[0]; first !== undefined; first = this.#items[0]) {
      const { done, value } = first.next()
      if (done !== true) return value
      this.#items.shift()
    }
    return undefined
  }

  #add(list: List, key: string): void {
    const { session, frameBytesMax } = this.#init
    const outgoing = session.encode(key, frameBytesMax - ENTRY_OVERHEAD_BYTES)
    const fits =
      outgoing !== undefined &&
      outgoing.parts.every(
        part => part.length + answeredBytes(outgoing.answered) + ENTRY_OVERHEAD_BYTES <= frameBytesMax
      )
    if (!fits) {
      this.#tooLong++
      list.leftOut = true
      return
    }
    const { parts, answered } = outgoing
    if (parts.length === 0) return
    list.count++
    if (parts.length === 1 && answered.length === 0) {
      const full = list.packer.add(parts[0] as Uint8Array)
      if (full !== undefined) this.#frames.push(full)
      return
    }
    for (const [i, part] of parts.entries()) {
      this.#frames.push(encodePart(part, { first: i === 0, back: list.type === 'end', answered }))
    }
  }

  /** What is left of a list that has nothing more to be sent now, and then its end. */
  #flush(list: List): Uint8Array | undefined {
    const frame = list.packer.flush()
    if (frame !== undefined || !list.closed || list.told) return frame
    list.told = true
    return encodeCount(list.type, list.count, list.leftOut)
  }

  #close(list: List, some: boolean): void {
    list.closed = true
    if (!some) list.told = true
    this.#notify()
  }

  #changed(): Promise<void> {
    return new Promise(resolve => (this.#wake = resolve))
  }

  #notify(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
