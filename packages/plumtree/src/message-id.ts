import type { Hash } from '@starling/ports'
import type { MessageId } from './types.ts'

/** Bytes of an id. Two payloads under one id cost about 2^64 hash computations to find. */
export const MESSAGE_ID_BYTES = 16
/** Bytes a gossip message takes besides its payload, at most. */
export const GOSSIP_OVERHEAD_BYTES = 48
/** Bytes of an origin. */
export const ORIGIN_BYTES = 8

/**
 * The id of a broadcast: it binds origin, sequence and payload, so that no peer can occupy the id of somebody else's
 * message with other bytes, and equal payloads broadcast twice stay two messages.
 *
 * @param origin sixteen lowercase hex digits.
 * @param sequence a safe integer of at least 0.
 */
export function messageId(hash: Hash, origin: string, sequence: number, payload: Uint8Array): MessageId {
  const bytes = new Uint8Array(ORIGIN_BYTES + 8 + payload.length)
  unhexInto(bytes, origin)
  const view = new DataView(bytes.buffer)
  view.setUint32(ORIGIN_BYTES, Math.floor(sequence / 2 ** 32))
  view.setUint32(ORIGIN_BYTES + 4, sequence >>> 0)
  bytes.set(payload, ORIGIN_BYTES + 8)
  return hex(hash(bytes).subarray(0, MESSAGE_ID_BYTES))
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lowercase hex digits, two for each byte. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

/** The bytes of an even number of lowercase hex digits. */
export function unhex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2)
  unhexInto(bytes, text)
  return bytes
}

/** By character codes: parsing each pair as a number takes seven times as long (measured). */
function unhexInto(bytes: Uint8Array, text: string): void {
  for (let i = 0; 2 * i < text.length; i++) {
    bytes[i] = (digit(text.charCodeAt(2 * i)) << 4) | digit(text.charCodeAt(2 * i + 1))
  }
}

/** '0' to '9' have 48 to 57, 'a' to 'f' 97 to 102. */
function digit(code: number): number {
  return code <= 57 ? code - 48 : code - 87
}
