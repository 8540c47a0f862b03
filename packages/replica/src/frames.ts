import { ByteReader, ByteWriter, DecodeError, varintLength } from '@starling/codec'
import { WIRE_FINGERPRINT_BYTES } from '@starling/reconcile/fingerprint'

/** First byte of a broadcast message. */
const BROADCAST_VERSION = 1

/** First byte of a reconciliation's frame. */
const FRAME = { hello: 1, entries: 2, end: 3, part: 4 } as const

/** Version of the reconciliation, in its first frame. */
const EXCHANGE_VERSION = 1

/** Bytes a message takes beside a single entry, at most: its type and flag, or its type and the entry's length. */
export const MESSAGE_OVERHEAD_BYTES = 9

/** One frame of a reconciliation. Entries are views on the frame. */
export type Frame =
  | { readonly type: 'hello'; readonly fingerprint: Uint8Array }
  | { readonly type: 'entries'; readonly entries: readonly Uint8Array[] }
  /** A part of an entry that is too long for one frame. Its parts follow each other, live items before evidence. */
  | { readonly type: 'part'; readonly first: boolean; readonly entry: Uint8Array }
  /** `sent` is the number of entries and parts in all frames before: a lost frame is noticed. */
  | { readonly type: 'end'; readonly sent: number }

export function encodeHello(fingerprint: Uint8Array): Uint8Array {
  return new ByteWriter().u8(FRAME.hello).u8(EXCHANGE_VERSION).raw(fingerprint).finish()
}

export function encodeEnd(sent: number): Uint8Array {
  return new ByteWriter().u8(FRAME.end).varint(sent).finish()
}

export function encodePart(first: boolean, entry: Uint8Array): Uint8Array {
  return new ByteWriter(entry.length + 2)
    .u8(FRAME.part)
    .u8(first ? 1 : 0)
    .raw(entry)
    .finish()
}

/** Refuses anything but one whole frame. @throws DecodeError */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = new ByteReader(bytes)
  const type = reader.u8()
  switch (type) {
    case FRAME.hello: {
      if (reader.u8() !== EXCHANGE_VERSION)
        reader.fail('unknownType', 'another version of the reconciliation')
      const fingerprint = reader.raw(WIRE_FINGERPRINT_BYTES)
      reader.end()
      return { type: 'hello', fingerprint }
    }
    case FRAME.entries:
      return { type: 'entries', entries: readEntries(reader) }
    case FRAME.part: {
      const first = reader.u8()
      if (first > 1) reader.fail('outOfRange', 'a flag is 0 or 1')
      return { type: 'part', first: first === 1, entry: reader.rest() }
    }
    case FRAME.end: {
      const sent = reader.varint()
      reader.end()
      return { type: 'end', sent }
    }
    default:
      throw new DecodeError('unknownType', 0, `frame type ${type}`)
  }
}

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
  readonly #type: number
  readonly #bytesMax: number
  readonly #writer = new ByteWriter(1024)
  #count = 0

  /** @param bytesMax bytes of one message; an entry that does not fit alone has been refused before. */
  constructor(kind: 'broadcast' | 'frame', bytesMax: number) {
    this.#type = kind === 'broadcast' ? BROADCAST_VERSION : FRAME.entries
    this.#bytesMax = bytesMax
  }

  /** Entries in the message that is being filled. */
  get count(): number {
    return this.#count
  }

  /** Adds an entry; returns the message before it when the entry did not fit into it any more. */
  add(entry: Uint8Array): Uint8Array | undefined {
    const full = this.#count > 0 && this.#writer.length + packedBytes(entry) > this.#bytesMax
    const message = full ? this.flush() : undefined
    if (this.#count === 0) this.#writer.u8(this.#type)
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
