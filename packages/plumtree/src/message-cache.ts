import type { PlumtreeConfig } from './config.ts'
import { OldestKeys } from './oldest-keys.ts'
import type { MessageId, PeerKey } from './types.ts'

/** A payload that can still be supplied to a peer that asks for it. */
export interface CachedMessage {
  readonly id: MessageId
  readonly origin: string
  readonly sequence: number
  /** Hops it travelled to reach this node; 0 for an own broadcast. */
  readonly round: number
  readonly payload: Uint8Array
  readonly receivedMs: number
  /** When it was last fresh to anybody: received, or, kept back while isolated, first sent. */
  freshMs: number
  /** The neighbour it came from; undefined for an own broadcast. */
  from: PeerKey | undefined
  /** When it arrived, or would have arrived over the best link known since; undefined where that says nothing about speed. */
  arrivalMs: number | undefined
  /** An own broadcast of which no copy has left this node. */
  unsent: boolean
}

/** Payloads by id, bounded by count, bytes and age. Unsent broadcasts have bounds of their own and do not age. */
export class MessageCache {
  readonly #config: PlumtreeConfig
  readonly #entries = new Map<MessageId, CachedMessage>()
  readonly #oldest = new OldestKeys(this.#entries)
  readonly #unsent = new Map<MessageId, CachedMessage>()
  readonly #oldestUnsent = new OldestKeys(this.#unsent)
  #bytes = 0
  #unsentBytes = 0
  #unsentDropped = 0

  constructor(config: PlumtreeConfig) {
    this.#config = config
  }

  /** Payloads held, the unsent ones included. */
  get count(): number {
    return this.#entries.size + this.#unsent.size
  }

  get bytes(): number {
    return this.#bytes + this.#unsentBytes
  }

  get unsentCount(): number {
    return this.#unsent.size
  }

  /** Own broadcasts given up because too many waited for a link. */
  get unsentDropped(): number {
    return this.#unsentDropped
  }

  get(id: MessageId): CachedMessage | undefined {
    return this.#entries.get(id) ?? this.#unsent.get(id)
  }

  put(entry: CachedMessage): void {
    if (entry.unsent) {
      this.#unsent.set(entry.id, entry)
      this.#unsentBytes += entry.payload.length
      while (
        this.#unsent.size > this.#config.unsentCountMax ||
        this.#unsentBytes > this.#config.unsentBytesMax
      ) {
        this.#removeUnsent(this.#oldestUnsent.next())
        this.#unsentDropped++
      }
      return
    }
    this.#entries.set(entry.id, entry)
    this.#bytes += entry.payload.length
    while (this.#entries.size > this.#config.cacheCountMax || this.#bytes > this.#config.cacheBytesMax) {
      this.#remove(this.#oldest.next())
    }
  }

  /** A first copy of an unsent broadcast leaves: from now on it ages like the others. */
  markSent(entry: CachedMessage, nowMs: number): void {
    if (!entry.unsent) return
    this.#removeUnsent(entry.id)
    entry.unsent = false
    entry.freshMs = nowMs
    this.put(entry)
  }

  /** Everything fresh since `sinceMs`, oldest first, without the unsent. */
  recent(sinceMs: number): CachedMessage[] {
    return [...this.#entries.values()].filter(entry => entry.freshMs >= sinceMs)
  }

  /** Own broadcasts of which no copy has left, oldest first. */
  unsent(): CachedMessage[] {
    return [...this.#unsent.values()]
  }

  /** Drops what is too old; returns when the next payload will be, or undefined when none can age. */
  expire(nowMs: number): number | undefined {
    for (const entry of this.#entries.values()) {
      const untilMs = entry.freshMs + this.#config.cacheAgeMs
      if (nowMs < untilMs) return untilMs
      this.#remove(entry.id)
    }
    return undefined
  }

  clear(): void {
    this.#entries.clear()
    this.#unsent.clear()
    this.#bytes = 0
    this.#unsentBytes = 0
  }

  #remove(id: MessageId | undefined): void {
    this.#bytes -= take(this.#entries, id)
  }

  #removeUnsent(id: MessageId | undefined): void {
    this.#unsentBytes -= take(this.#unsent, id)
  }
}

/** Removes an entry; returns the bytes it held. */
function take(entries: Map<MessageId, CachedMessage>, id: MessageId | undefined): number {
  const entry = id === undefined ? undefined : entries.get(id)
  if (entry === undefined) return 0
  entries.delete(entry.id)
  return entry.payload.length
}
