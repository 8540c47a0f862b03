import { ByteReader, ByteWriter } from '@starling/codec'
import { DEFAULT_CONFIG, PEER_KEY_BYTES_MAX, SAMPLES_MAX, SPARE_HOPS_MAX } from './config.ts'
import type { Message, PeerInfo, WalkKind } from './types.ts'
import { ACTIVE_LIST_MAX, LINK_IDS_MAX } from './validate.ts'

/** First byte of each message. Numbers are never used again for something else. */
const TYPES = {
  join: 1,
  forwardJoin: 2,
  neighbor: 3,
  neighborReply: 4,
  disconnect: 5,
  replaced: 6,
  shuffle: 7,
  shuffleReply: 8
} as const

const WALKS: readonly WalkKind[] = ['replace', 'split', 'open']

const FLAG_HIGH = 1
const FLAG_SPLIT = 2
const FLAG_REPLACES = 4
const FLAG_SWAP = 8

const { dataBytesMax, entriesMax, activeRandomWalkLength } = DEFAULT_CONFIG

/** Longest walk any node may ask for: settings differ between nodes, walks must not. */
const TTL_MAX: number = activeRandomWalkLength * 2

/**
 * Largest encoded message: a shuffle that is full in every field. A frame that is longer need not be decoded.
 */
export const MESSAGE_BYTES_MAX: number = 64 + (entriesMax + 2) * (PEER_KEY_BYTES_MAX + dataBytesMax + 4)

/**
 * A message as bytes.
 *
 * @throws RangeError for fields beyond their limits; a machine with the default limits makes none.
 */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new ByteWriter().u8(TYPES[message.type])
  switch (message.type) {
    case 'join':
      writer.u32(message.requestId).bytes(message.data)
      break
    case 'forwardJoin':
      writePeer(writer, message.peer)
      writer.u8(WALKS.indexOf(message.walk)).u8(message.ttl).u8(message.spareHops)
      break
    case 'neighbor': {
      const { split, replaces, swap } = message
      const flags =
        (message.priority === 'high' ? FLAG_HIGH : 0) |
        (split === undefined ? 0 : FLAG_SPLIT) |
        (replaces === undefined ? 0 : FLAG_REPLACES) |
        (swap === undefined ? 0 : FLAG_SWAP)
      writer.u32(message.requestId).u8(flags).bytes(message.data).u8(message.active.length)
      for (const peer of message.active) writer.string(peer)
      if (split !== undefined) writer.string(split)
      if (replaces !== undefined) writer.string(replaces)
      if (swap !== undefined) writer.u32(swap)
      break
    }
    case 'neighborReply':
      writer
        .u32(message.requestId)
        .u8(message.accepted ? 1 : 0)
        .bytes(message.data)
      writePeers(writer, message.samples)
      break
    case 'disconnect':
      writeIds(writer, message.links)
      writer.u8(message.alive ? 1 : 0)
      writePeers(writer, message.samples)
      break
    case 'replaced':
      writeIds(writer, message.links)
      writePeer(writer, message.by)
      writer.u8(message.role === 'request' ? 1 : 0)
      break
    case 'shuffle':
      writer.u32(message.shuffleId)
      writePeer(writer, message.origin)
      writer.u8(message.ttl).u32(message.link)
      writePeers(writer, message.entries)
      writeOptionalPeer(writer, message.swap)
      break
    case 'shuffleReply':
      writer.u32(message.shuffleId).bytes(message.data)
      writePeers(writer, message.entries)
      writeOptionalPeer(writer, message.swap)
      break
  }
  return writer.finish()
}

/**
 * The message in `bytes`. Nothing in it refers to `bytes` afterwards. Every list and field is bounded, and one message has
 * one encoding.
 *
 * @throws DecodeError, and nothing else, for bytes that are no message.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new ByteReader(bytes)
  const message = readMessage(reader)
  reader.end()
  return message
}

function readMessage(reader: ByteReader): Message {
  const type = reader.u8()
  switch (type) {
    case TYPES.join:
      return { type: 'join', requestId: reader.u32(), data: readData(reader) }
    case TYPES.forwardJoin:
      return {
        type: 'forwardJoin',
        peer: readPeer(reader),
        walk: WALKS[readAtMost(reader, WALKS.length - 1)] as WalkKind,
        ttl: readAtMost(reader, TTL_MAX),
        spareHops: readAtMost(reader, SPARE_HOPS_MAX)
      }
    case TYPES.neighbor:
      return readNeighbor(reader)
    case TYPES.neighborReply:
      return {
        type: 'neighborReply',
        requestId: reader.u32(),
        accepted: readFlag(reader),
        data: readData(reader),
        samples: readPeers(reader, SAMPLES_MAX)
      }
    case TYPES.disconnect:
      return {
        type: 'disconnect',
        links: readIds(reader),
        alive: readFlag(reader),
        samples: readPeers(reader, SAMPLES_MAX)
      }
    case TYPES.replaced:
      return {
        type: 'replaced',
        links: readIds(reader),
        by: readPeer(reader),
        role: readFlag(reader) ? 'request' : 'await'
      }
    case TYPES.shuffle:
      return {
        type: 'shuffle',
        shuffleId: reader.u32(),
        origin: readPeer(reader),
        ttl: readAtMost(reader, TTL_MAX),
        link: reader.u32(),
        entries: readPeers(reader, entriesMax),
        swap: readFlag(reader) ? readPeer(reader) : undefined
      }
    case TYPES.shuffleReply:
      return {
        type: 'shuffleReply',
        shuffleId: reader.u32(),
        data: readData(reader),
        entries: readPeers(reader, entriesMax),
        swap: readFlag(reader) ? readPeer(reader) : undefined
      }
    default:
      return reader.fail('unknownType', `message type ${type}`, 0)
  }
}

function readNeighbor(reader: ByteReader): Message {
  const requestId = reader.u32()
  const flags = readAtMost(reader, FLAG_HIGH | FLAG_SPLIT | FLAG_REPLACES | FLAG_SWAP)
  const data = readData(reader)
  const count = readAtMost(reader, ACTIVE_LIST_MAX)
  const active: string[] = []
  for (let i = 0; i < count; i++) active.push(readKey(reader))
  return {
    type: 'neighbor',
    requestId,
    priority: (flags & FLAG_HIGH) === 0 ? 'low' : 'high',
    data,
    active,
    split: (flags & FLAG_SPLIT) === 0 ? undefined : readKey(reader),
    replaces: (flags & FLAG_REPLACES) === 0 ? undefined : readKey(reader),
    swap: (flags & FLAG_SWAP) === 0 ? undefined : reader.u32()
  }
}

function writePeer(writer: ByteWriter, peer: PeerInfo): void {
  writer.string(peer.id).bytes(peer.data)
}

function readPeer(reader: ByteReader): PeerInfo {
  return { id: readKey(reader), data: readData(reader) }
}

function writePeers(writer: ByteWriter, peers: readonly PeerInfo[]): void {
  writer.u8(peers.length)
  for (const peer of peers) writePeer(writer, peer)
}

function readPeers(reader: ByteReader, max: number): PeerInfo[] {
  const count = readAtMost(reader, max)
  const peers: PeerInfo[] = []
  for (let i = 0; i < count; i++) peers.push(readPeer(reader))
  return peers
}

function writeOptionalPeer(writer: ByteWriter, peer: PeerInfo | undefined): void {
  writer.u8(peer === undefined ? 0 : 1)
  if (peer !== undefined) writePeer(writer, peer)
}

function writeIds(writer: ByteWriter, ids: readonly number[]): void {
  writer.u8(ids.length)
  for (const id of ids) writer.u32(id)
}

function readIds(reader: ByteReader): number[] {
  const count = readAtMost(reader, LINK_IDS_MAX)
  const ids: number[] = []
  for (let i = 0; i < count; i++) ids.push(reader.u32())
  return ids
}

function readKey(reader: ByteReader): string {
  const key = reader.string(PEER_KEY_BYTES_MAX)
  return key.length === 0 ? reader.fail('invalid', 'an empty peer id') : key
}

/** Copied: decoded messages outlive the frame they came in. */
function readData(reader: ByteReader): Uint8Array {
  return reader.bytes(dataBytesMax).slice()
}

function readFlag(reader: ByteReader): boolean {
  return readAtMost(reader, 1) === 1
}

function readAtMost(reader: ByteReader, max: number): number {
  const value = reader.u8()
  return value <= max ? value : reader.fail('outOfRange', `${value}, at most ${max}`)
}
