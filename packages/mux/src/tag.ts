import { RESERVED_PREFIX, TAG_BYTES_MAX } from './config.ts'

const encoder = new TextEncoder()

/**
 * The bytes of a tag on the wire: its UTF-8 form, 1 to 255 bytes.
 *
 * @throws TypeError when it is empty, longer, not well-formed text, or reserved and `internal` is not true.
 */
export function encodeTag(tag: string, internal: boolean | undefined): Uint8Array {
  if (typeof tag !== 'string') throw new TypeError(`a tag must be a string, got ${typeof tag}`)
  if (!tag.isWellFormed()) throw new TypeError('a tag must be well-formed text, without lone surrogates')
  const bytes = encoder.encode(tag)
  if (bytes.length === 0 || bytes.length > TAG_BYTES_MAX) {
    throw new TypeError(`a tag must have 1 to ${TAG_BYTES_MAX} bytes in UTF-8, got ${bytes.length}`)
  }
  if (tag.startsWith(RESERVED_PREFIX) && internal !== true) {
    throw new TypeError(`tags starting with "${RESERVED_PREFIX}" are reserved; choose another prefix`)
  }
  return bytes
}

/**
 * A map key that is equal exactly when the bytes are: one character per byte. Decoding as UTF-8 instead would let different
 * ill-formed tags collide.
 */
export function tagKey(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/** A tag that came from outside, safe for a log line: everything but printable ASCII is escaped. */
export function printableTag(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c && byte !== 0x22
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return `"${text}"`
}
