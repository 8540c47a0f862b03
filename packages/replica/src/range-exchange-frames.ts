import { ByteReader, ByteWriter, DecodeError, varintLength } from '@starling/codec'
import { REPLICA_ID_BYTES, replicaIdBytes, replicaIdOf, type ReplicaId } from '@starling/ormap'
import { FRAME_TYPES_END } from '@starling/reconcile'
import type { Incoming } from './exchange-state.ts'

/** First byte of a session's frames. Lower ones are the comparison's own. */
const FRAME = {
  hello: FRAME_TYPES_END,
  known: FRAME_TYPES_END + 1,
  entries: FRAME_TYPES_END + 2,
  part: FRAME_TYPES_END + 3,
  found: FRAME_TYPES_END + 4,
  end: FRAME_TYPES_END + 5
} as const

/** The number of the format; rises with every change. */
const SESSION_FORMAT = 2

/** Bytes of a digest of what a side knows. */
export const KNOWN_DIGEST_BYTES = 16

const HELLO_HELD = 1
const KNOWN_FROM_HELD = 1
const ENTRIES_BACK = 1
const PART_FIRST = 1
const PART_BACK = 2
const PART_ANSWERS = 4
const COUNT_LEFT_OUT = 1

/** Bytes that a frame has beside one entry in it, at most, answers not counted. */
export const ENTRY_OVERHEAD_BYTES = 16

/** Bytes that a frame has beside what a side knows. */
export const KNOWN_OVERHEAD_BYTES = 2

/** One frame of a session. Bytes are views on it. */
export type SessionFrame =
  /** A frame of the comparison, as it is. */
  | { readonly type: 'comparison'; readonly bytes: Uint8Array }
  /** First, both ways: the digest of what the sender knows, and of what it remembers the other side to have known. */
  | { readonly type: 'hello'; readonly known: Uint8Array; readonly held: Uint8Array | undefined }
  /** What the sender knows, as the difference to what the other side holds, or to nothing. */
  | { readonly type: 'known'; readonly fromHeld: boolean; readonly difference: Uint8Array }
  | { readonly type: 'entries'; readonly back: boolean; readonly entries: readonly Incoming[] }
  /** A part of an entry that is long or has answers. The parts of one follow each other, live items before evidence. */
  | { readonly type: 'part'; readonly back: boolean; readonly first: boolean; readonly entry: Incoming }
  /** Everything that the sender found, or that goes back, has been sent: so many entries, and whether any was left out. */
  | { readonly type: 'found' | 'end'; readonly count: number; readonly leftOut: boolean }

export function encodeHello(known: Uint8Array, held: Uint8Array | undefined): Uint8Array {
  const writer = new ByteWriter(3 + 2 * KNOWN_DIGEST_BYTES).u8(FRAME.hello).u8(SESSION_FORMAT)
  writer.u8(held === undefined ? 0 : HELLO_HELD).raw(known)
  return (held === undefined ? writer : writer.raw(held)).finish()
}

export function encodeKnownFrame(fromHeld: boolean, difference: Uint8Array): Uint8Array {
  const flags = fromHeld ? KNOWN_FROM_HELD : 0
  return new ByteWriter(2 + difference.length).u8(FRAME.known).u8(flags).raw(difference).finish()
}

/** How a frame of whole entries begins; the entries follow, each with its length. */
export function entriesHead(back: boolean): Uint8Array {
  return Uint8Array.of(FRAME.entries, back ? ENTRIES_BACK : 0)
}

export function encodePart(
  entry: Uint8Array,
  how: { readonly first: boolean; readonly back: boolean; readonly answered: readonly ReplicaId[] }
): Uint8Array {
  const { first, back, answered } = how
  const answers = answered.length > 0
  const writer = new ByteWriter(entry.length + answeredBytes(answered) + 2).u8(FRAME.part)
  writer.u8((first ? PART_FIRST : 0) | (back ? PART_BACK : 0) | (answers ? PART_ANSWERS : 0))
  if (answers) {
    writer.varint(answered.length)
    for (const replica of answered) writer.raw(replicaIdBytes(replica))
  }
  return writer.raw(entry).finish()
}

/** Bytes that a list of answering replicas takes. */
export function answeredBytes(answered: readonly ReplicaId[]): number {
  return answered.length === 0 ? 0 : varintLength(answered.length) + answered.length * REPLICA_ID_BYTES
}

export function encodeCount(type: 'found' | 'end', count: number, leftOut: boolean): Uint8Array {
  return new ByteWriter(12)
    .u8(FRAME[type])
    .u8(leftOut ? COUNT_LEFT_OUT : 0)
    .varint(count)
    .finish()
}

/** Refuses anything but one whole frame. @throws DecodeError */
export function decodeSessionFrame(bytes: Uint8Array): SessionFrame {
  const reader = new ByteReader(bytes)
  const type = reader.u8()
  if (type < FRAME_TYPES_END) return { type: 'comparison', bytes }
  switch (type) {
    case FRAME.hello: {
      if (reader.u8() !== SESSION_FORMAT) reader.fail('unknownType', 'another format of the session')
      const flags = readFlags(reader, HELLO_HELD)
      const known = reader.raw(KNOWN_DIGEST_BYTES)
      const held = (flags & HELLO_HELD) === 0 ? undefined : reader.raw(KNOWN_DIGEST_BYTES)
      reader.end()
      return { type: 'hello', known, held }
    }
    case FRAME.known: {
      const fromHeld = readFlags(reader, KNOWN_FROM_HELD) !== 0
      return { type: 'known', fromHeld, difference: reader.rest() }
    }
    case FRAME.entries: {
      const back = readFlags(reader, ENTRIES_BACK) !== 0
      return { type: 'entries', back, entries: readEntries(reader) }
    }
    case FRAME.part:
      return readPart(reader)
    case FRAME.found:
    case FRAME.end: {
      const leftOut = readFlags(reader, COUNT_LEFT_OUT) !== 0
      const count = reader.varint()
      reader.end()
      return { type: type === FRAME.found ? 'found' : 'end', count, leftOut }
    }
    default:
      throw new DecodeError('unknownType', 0, `frame type ${type}`)
  }
}

function readPart(reader: ByteReader): SessionFrame {
  const flags = readFlags(reader, PART_FIRST | PART_BACK | PART_ANSWERS)
  const answered: ReplicaId[] = []
  if ((flags & PART_ANSWERS) !== 0) {
    const start = reader.offset
    const count = reader.varint()
    if (count === 0) reader.fail('notShortest', 'no answers', start)
    if (count * REPLICA_ID_BYTES > reader.remaining) reader.fail('truncated', `${count} answers`, start)
    for (let i = 0; i < count; i++) answered.push(replicaIdOf(reader.raw(REPLICA_ID_BYTES)))
  }
  const entry = { bytes: reader.rest(), answered }
  return { type: 'part', first: (flags & PART_FIRST) !== 0, back: (flags & PART_BACK) !== 0, entry }
}

/** Length-prefixed entries up to the end. Each takes at least one byte, so their number is bounded by the frame. */
function readEntries(reader: ByteReader): readonly Incoming[] {
  const entries: Incoming[] = []
  do {
    const bytes = reader.bytes(reader.remaining)
    if (bytes.length === 0) reader.fail('invalid', 'an entry without bytes')
    entries.push({ bytes, answered: NO_ANSWERS })
  } while (reader.remaining > 0)
  return entries
}

const NO_ANSWERS: readonly ReplicaId[] = []

function readFlags(reader: ByteReader, allowed: number): number {
  const flags = reader.u8()
  if ((flags & ~allowed) !== 0) reader.fail('unknownType', `flags ${flags}`)
  return flags
}
