import { ByteReader, ByteWriter, DecodeError, varintLength } from '@starling/codec'

/** First byte of a broadcast message. */
const BROADCAST_VERSION = 1

/** Bytes a message takes beside a single entry, at most: its type, and the entry's length. */
export const MESSAGE_OVERHEAD_BYTES = 9

/** The entries of a broadcast message, as views on it; `undefined` when it is none, or longer than `bytesMax`. */
export function readBroadcast(bytes: Uint8Array, bytesMax: number): readonly Uint8Array[] | undefined {
  if (bytes.length > bytesMax) return undefined
  try {
    const reader = new ByteReader(bytes)
    return reader.u8() === BROADCAST_VERSION ? readEntries(reader) : undefined
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** Gathers encoded entries into messages of at most so many bytes. */
export class EntryPacker {
  readonly #head: Uint8Array
  readonly #bytesMax: number
  readonly #writer = new ByteWriter(1024)
  #count = 0

  /**
   * @param head how each message begins: as a broadcast, or with these bytes.
   * @param bytesMax bytes of one message; an entry that does not fit alone makes a longer one.
   */
  constructor(head: 'broadcast' | Uint8Array, bytesMax: number) {
    this.#head = head === 'broadcast' ? Uint8Array.of(BROADCAST_VERSION) : head
    this.#bytesMax = bytesMax
  }

  /** Adds an entry; returns the message before it when the entry did not fit into it any more. */
  add(entry: Uint8Array): Uint8Array | undefined {
    const full = this.#count > 0 && this.#writer.length + packedBytes(entry) > this.#bytesMax
    const message = full ? this.flush() : undefined
    if (this.#count === 0) this.#writer.raw(this.#head)
    this.#writer.bytes(entry)
    this.#count++
    return message
  }

  /** The last message, if there is one. */
  flush(): Uint8Array | undefined {
    if (this.#count === 0) return undefined
    this.#count = 0
    return this.#writer.finish()
  }
}

/** Bytes that an entry takes in a message. */
function packedBytes(entry: Uint8Array): number {
  return varintLength(entry.length) + entry.length
}

/** Length-prefixed entries up to the end. Each takes at least one byte, so their number is bounded by the message. */
function readEntries(reader: ByteReader): readonly Uint8Array[] {
  const entries: Uint8Array[] = []
  while (reader.remaining > 0) {
    const entry = reader.bytes(reader.remaining)
    if (entry.length === 0) reader.fail('invalid', 'an entry without bytes')
    entries.push(entry)
  }
  if (entries.length === 0) reader.fail('truncated', 'no entry')
  return entries
}
