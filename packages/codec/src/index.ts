/**
 * The one way bytes are read and written, on the wire and on disk: a bounded reader and writer whose methods come in pairs.
 * It frames nothing by itself and knows no message; each package writes its own messages with it.
 *
 * @example
 * ```ts
 * import { ByteReader, ByteWriter } from '@starling/codec'
 *
 * const bytes = new ByteWriter().u8(1).varint(300).string('flag').finish()
 *
 * const reader = new ByteReader(bytes)
 * const message = { type: reader.u8(), count: reader.varint(1000), name: reader.string(1024) }
 * reader.end()
 * ```
 *
 * @packageDocumentation
 */
export { compareBytes, equalBytes } from './compare.ts'
export { DecodeError, IllFormedTextError, type DecodeReason } from './errors.ts'
export { ByteReader } from './reader.ts'
export { decodeUtf8, encodeUtf8 } from './utf8.ts'
export { ByteWriter, varintLength } from './writer.ts'
