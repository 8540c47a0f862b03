import { ByteReader } from '@starling/codec'
import { INFINITY_BOUND, readBound, START_BOUND, type Bound } from './bound.ts'
import { FRAME_BYTES_MAX, LIST_ITEMS_MAX, SALT_BYTES, SLICE_DIGEST_BYTES } from './config.ts'
import { ITEM_HASH_BYTES, WIRE_FINGERPRINT_BYTES } from './fingerprint.ts'
import { Flags } from './flags.ts'
import {
  FLAG_EMPTY,
  FLAG_ORDERED,
  FLAG_SLICE,
  FLAG_TRUNCATED,
  FRAME_TYPES,
  RECORD_KINDS,
  type Frame,
  type RangeContent,
  type RangeRecord,
  type Slice
} from './frame.ts'

/**
 * Reads a frame. The only form accepted is the one that is written. Records are read when they are asked for, so that a frame
 * of many costs no more memory than one of few.
 *
 * @throws DecodeError when it is anything else, for records while they are read.
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = new ByteReader(bytes)
  if (bytes.length > FRAME_BYTES_MAX) reader.fail('tooLong', `frame of ${bytes.length} bytes`)
  const frame = readFrame(reader)
  if (frame.type !== 'ranges') reader.end()
  return frame
}

function readFrame(reader: ByteReader): Frame {
  const type = reader.u8()
  switch (type) {
    case FRAME_TYPES.open: {
      const flags = readFlagByte(reader, FLAG_ORDERED | FLAG_EMPTY)
      const salt = reader.raw(SALT_BYTES)
      const fingerprint = (flags & FLAG_EMPTY) === 0 ? reader.raw(WIRE_FINGERPRINT_BYTES) : undefined
      return { type: 'open', ordered: (flags & FLAG_ORDERED) !== 0, salt, fingerprint }
    }
    case FRAME_TYPES.ranges: {
      const flags = readFlagByte(reader, FLAG_TRUNCATED | FLAG_SLICE)
      const slice = (flags & FLAG_SLICE) === 0 ? undefined : readSlice(reader)
      return {
        type: 'ranges',
        truncated: (flags & FLAG_TRUNCATED) !== 0,
        slice,
        records: readRecords(reader)
      }
    }
    case FRAME_TYPES.equal:
      return { type: 'equal', salt: reader.raw(SALT_BYTES), digest: reader.raw(SLICE_DIGEST_BYTES) }
    case FRAME_TYPES.done:
      return { type: 'done', truncated: readFlagByte(reader, FLAG_TRUNCATED) !== 0 }
    case FRAME_TYPES.collision:
      return { type: 'collision' }
    default:
      return reader.fail('unknownType', `frame ${type}`, 0)
  }
}

function readSlice(reader: ByteReader): Slice {
  // A bound by itself is one after the beginning, but for the beginning, which has no bytes.
  const lower = reader.bytes(INFINITY_BOUND.length - 1)
  if (lower.at(-1) === 0) reader.fail('notShortest', 'zero at the end of a bound')
  const upper = readBound(reader, lower)
  const salt = reader.raw(SALT_BYTES)
  return {
    lower,
    upper,
    salt,
    fingerprint: reader.raw(WIRE_FINGERPRINT_BYTES),
    digest: reader.raw(SLICE_DIGEST_BYTES)
  }
}

function* readRecords(reader: ByteReader): Generator<RangeRecord, void, undefined> {
  let lower: Bound = START_BOUND
  let skipped = false
  do {
    const upper = readBound(reader, lower)
    const kind = reader.u8()
    if (kind === RECORD_KINDS.skip) {
      // Two skips in a row are one, and one at the end says nothing.
      if (skipped || reader.remaining === 0) reader.fail('notShortest', 'skip')
      skipped = true
    } else {
      yield { lower, upper, ...readContent(reader, kind) }
      skipped = false
    }
    lower = upper
  } while (reader.remaining > 0)
}

function readContent(reader: ByteReader, kind: number): RangeContent {
  switch (kind) {
    case RECORD_KINDS.fingerprint:
      return { type: 'fingerprint', fingerprint: reader.raw(WIRE_FINGERPRINT_BYTES) }
    case RECORD_KINDS.list: {
      const prefixes = new Uint32Array(readListCount(reader, 4))
      for (let i = 0; i < prefixes.length; i++) prefixes[i] = reader.u32()
      return { type: 'list', prefixes }
    }
    case RECORD_KINDS.answer: {
      const lacks = Flags.read(reader)
      const extra = reader.varint()
      const common = lacks.total < lacks.count ? reader.raw(WIRE_FINGERPRINT_BYTES) : undefined
      return { type: 'answer', lacks, extra, common }
    }
    case RECORD_KINDS.confirm:
      return { type: 'confirm', hashes: reader.raw(readListCount(reader, ITEM_HASH_BYTES) * ITEM_HASH_BYTES) }
    case RECORD_KINDS.confirmed:
      return { type: 'confirmed', lacks: Flags.read(reader), extra: reader.varint() }
    default:
      return reader.fail('unknownType', `record ${kind}`)
  }
}

/**
 * How many items of a list follow, of `bytesEach`. Nothing is allocated for what is only claimed; and numbers in a set can be
 * chosen to collide, so that a set of as many as fit into a frame would take seconds.
 */
function readListCount(reader: ByteReader, bytesEach: number): number {
  const start = reader.offset
  const count = reader.varint()
  if (count > LIST_ITEMS_MAX) reader.fail('tooLong', `${count} items, at most ${LIST_ITEMS_MAX}`, start)
  if (count * bytesEach > reader.remaining) reader.fail('truncated', `${count} times ${bytesEach} bytes`)
  return count
}

function readFlagByte(reader: ByteReader, allowed: number): number {
  const flags = reader.u8()
  if ((flags & ~allowed) !== 0) reader.fail('unknownType', `flags ${flags}`)
  return flags
}
