import { ByteReader, ByteWriter } from '@starling/codec'
import type { HostContact } from './host-finder.ts'

/**
 * What a node says of the topics it hosts, on a broadcast that reaches every node:
 *
 * ```
 * announcement = 01 count:varint tag:16{count} peer:text count:varint address:text{count}
 * ```
 */
const ANNOUNCEMENT = 1

/** Bytes of a topic's tag. */
export const HOST_TAG_BYTES = 16

/** Topics in one announcement. Guess: 4 KiB of tags. */
export const HOST_TAGS_MAX = 256

/** Addresses of one host, and bytes of each, and of a peer id. Guesses. */
const ADDRESSES_MAX = 16
const TEXT_BYTES_MAX = 256

export interface Announcement {
  readonly tags: readonly Uint8Array[]
  readonly contact: HostContact
}

/** More addresses than a reader takes are left out. */
export function encodeAnnouncement(
  tags: readonly Uint8Array[],
  { peer, addresses }: HostContact
): Uint8Array {
  const writer = new ByteWriter(64 + tags.length * HOST_TAG_BYTES).u8(ANNOUNCEMENT).varint(tags.length)
  for (const tag of tags) writer.raw(tag)
  const few = addresses.slice(0, ADDRESSES_MAX)
  writer.string(peer).varint(few.length)
  for (const address of few) writer.string(address)
  return writer.finish()
}

/** Throws DecodeError. Tags are views. */
export function decodeAnnouncement(bytes: Uint8Array): Announcement {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== ANNOUNCEMENT) reader.fail('unknownType', 'no announcement')
  const tags = Array.from({ length: readCount(reader, HOST_TAGS_MAX) }, () => reader.raw(HOST_TAG_BYTES))
  const peer = reader.string(TEXT_BYTES_MAX)
  const addresses = Array.from({ length: readCount(reader, ADDRESSES_MAX) }, () =>
    reader.string(TEXT_BYTES_MAX)
  )
  reader.end()
  return { tags, contact: { peer, addresses } }
}

function readCount(reader: ByteReader, max: number): number {
  const count = reader.varint()
  if (count > max) reader.fail('tooLong', `${count}, at most ${max}`)
  return count
}
