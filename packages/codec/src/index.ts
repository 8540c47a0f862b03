/**
 * The one way bytes are read and written, on the wire and on disk: a bounded reader and writer whose methods come in pairs,
 * frames in a stream, and a strict CBOR profile (RFC 8949) for values. It knows no message; each package writes its own
 * messages with it. It is not a general CBOR library: it refuses most of CBOR.
 *
 * @example
 * ```ts
 * import { ByteReader, ByteWriter, decodeValue, encodeValue } from '@starling/codec'
 *
 * const bytes = new ByteWriter().u8(1).varint(300).string('flag').finish()
 *
 * const reader = new ByteReader(bytes)
 * const message = { type: reader.u8(), count: reader.varint(1000), name: reader.string(1024) }
 * reader.end()
 *
 * decodeValue(encodeValue({ on: true, ratio: 0.5 }))
 * ```
 *
 * @packageDocumentation
 */
export { checkValue } from './check-value.ts'
export { compareBytes, equalBytes } from './compare.ts'
export { VALUE_LIMITS, type ValueLimits } from './config.ts'
export { decodeValue } from './decode-value.ts'
export { encodeValue } from './encode-value.ts'
export {
  DecodeError,
  IllFormedTextError,
  UnencodableValueError,
  type DecodeReason,
  type UnencodableReason
} from './errors.ts'
export { encodeFrame, FrameDecoder } from './frames.ts'
export { ByteReader } from './reader.ts'
export { decodeUtf8, encodeUtf8 } from './utf8.ts'
export type { Value } from './value.ts'
export { ByteWriter, varintLength } from './writer.ts'
