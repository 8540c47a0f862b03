import { ByteReader, ByteWriter, DecodeError, type DecodeReason } from '@starling/codec'
import { GOSSIP_OVERHEAD_BYTES, hex, MESSAGE_ID_BYTES, ORIGIN_BYTES, unhex } from './message-id.ts'
import { ROUND_MAX } from './tree.ts'
import type { Announcement, Message, MessageId } from './types.ts'

/** What a decoder accepts; the fields of the same names of `PlumtreeConfig`. */
export interface MessageLimits {
  readonly payloadBytesMax: number
  readonly announcementsMax: number
  readonly graftIdsMax: number
}

/** A message, or why the bytes are none. */
export type DecodedMessage =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly reason: DecodeReason }

const GOSSIP = 1
const IHAVE = 2
const GRAFT = 3
const PRUNE = 4
const UNAVAILABLE = 5

const HELD_MS_MAX = 3_600_000

/**
 * The bytes of a message: one byte for its type, then its fields; see the package's README for the layout. The machine
 * never makes a message that this refuses.
 */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.type) {
    case 'gossip':
      return new ByteWriter(GOSSIP_OVERHEAD_BYTES + message.payload.length)
        .u8(GOSSIP)
        .raw(unhex(message.id))
        .raw(unhex(message.origin))
        .varint(message.sequence)
        .varint(message.round)
        .bytes(message.payload)
        .finish()
    case 'ihave': {
      const writer = new ByteWriter(4 + 20 * message.announcements.length)
      writer.u8(IHAVE).varint(message.announcements.length)
      for (const { id, heldMs } of message.announcements) {
        writer.raw(unhex(id)).varint(Math.min(HELD_MS_MAX, Math.round(heldMs)))
      }
      return writer.finish()
    }
    case 'graft':
      return writeIds(new ByteWriter().u8(GRAFT).u8(message.eager ? 1 : 0), message.ids)
    case 'prune':
      return new ByteWriter(1).u8(PRUNE).finish()
    case 'unavailable':
      return writeIds(new ByteWriter().u8(UNAVAILABLE), message.ids)
  }
}

/** Reads one message. Never throws for what a peer can send; the payload is a copy. */
export function decodeMessage(bytes: Uint8Array, limits: MessageLimits): DecodedMessage {
  try {
    const reader = new ByteReader(bytes)
    const message = readMessage(reader, limits)
    reader.end()
    return { ok: true, message }
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, reason: error.reason }
    throw error
  }
}

function readMessage(reader: ByteReader, limits: MessageLimits): Message {
  const type = reader.u8()
  switch (type) {
    case GOSSIP:
      return {
        type: 'gossip',
        id: readId(reader),
        origin: hex(reader.raw(ORIGIN_BYTES)),
        sequence: reader.varint(),
        round: reader.varint(ROUND_MAX),
        payload: reader.bytes(limits.payloadBytesMax).slice()
      }
    case IHAVE: {
      const count = readCount(reader, limits.announcementsMax)
      const announcements: Announcement[] = []
      for (let i = 0; i < count; i++) {
        announcements.push({ id: readId(reader), heldMs: reader.varint(HELD_MS_MAX) })
      }
      return { type: 'ihave', announcements }
    }
    case GRAFT: {
      const eager = reader.u8()
      if (eager > 1) reader.fail('invalid', 'the flag of a graft is 0 or 1')
      return { type: 'graft', eager: eager === 1, ids: readIds(reader, limits.graftIdsMax) }
    }
    case PRUNE:
      return { type: 'prune' }
    case UNAVAILABLE:
      return { type: 'unavailable', ids: readIds(reader, limits.graftIdsMax) }
    default:
      return reader.fail('unknownType', `no message has type ${type}`, 0)
  }
}

function writeIds(writer: ByteWriter, ids: readonly MessageId[]): Uint8Array {
  writer.varint(ids.length)
  for (const id of ids) writer.raw(unhex(id))
  return writer.finish()
}

function readIds(reader: ByteReader, countMax: number): MessageId[] {
  const count = readCount(reader, countMax)
  const ids: MessageId[] = []
  for (let i = 0; i < count; i++) ids.push(readId(reader))
  return ids
}

function readCount(reader: ByteReader, countMax: number): number {
  const at = reader.offset
  const count = reader.varint()
  if (count > countMax) reader.fail('tooLong', `${count} ids, at most ${countMax}`, at)
  return count
}

function readId(reader: ByteReader): MessageId {
  return hex(reader.raw(MESSAGE_ID_BYTES))
}
