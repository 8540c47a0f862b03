import { ByteWriter } from '@starling/codec'
import { compareBounds, START_BOUND, writeBound, type Bound } from './bound.ts'
import { ITEM_HASH_BYTES } from './fingerprint.ts'
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

// Bound, kind and counts of a record at their longest; as much again for a skip before it, and for the head of the frame.
const RECORD_OVERHEAD_BYTES = 112

/** Encodes a frame that has no records. */
export function encodeFrame(frame: Exclude<Frame, { type: 'ranges' }>): Uint8Array {
  const writer = new ByteWriter()
  switch (frame.type) {
    case 'open': {
      const { ordered, salt, fingerprint } = frame
      writer
        .u8(FRAME_TYPES.open)
        .u8((ordered ? FLAG_ORDERED : 0) | (fingerprint === undefined ? FLAG_EMPTY : 0))
        .raw(salt)
      if (fingerprint !== undefined) writer.raw(fingerprint)
      break
    }
    case 'equal':
      writer.u8(FRAME_TYPES.equal).raw(frame.salt).raw(frame.digest)
      break
    case 'done':
      writer.u8(FRAME_TYPES.done).u8(frame.truncated ? FLAG_TRUNCATED : 0)
      break
    case 'collision':
      writer.u8(FRAME_TYPES.collision)
      break
  }
  return writer.finish()
}

/** Forms a frame of records in ascending order, up to a number of bytes. */
export class RangesWriter {
  readonly #records = new ByteWriter(1024)
  readonly #bytesMax: number
  #written: Bound = START_BOUND
  #count = 0
  #truncated = false

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Records written. */
  get count(): number {
    return this.#count
  }

  /** Whether a record did not fit. */
  get truncated(): boolean {
    return this.#truncated
  }

  /** Whether a record with so many bytes of content fits; once one does not, the frame counts as truncated. */
  fits(contentBytes: number): boolean {
    const fits = this.#records.length + 3 * RECORD_OVERHEAD_BYTES + contentBytes <= this.#bytesMax
    if (!fits) this.#truncated = true
    return fits
  }

  /** Adds a record that {@link fits}; its range must not begin before the last one ended. */
  add(record: RangeRecord): void {
    const writer = this.#records
    if (compareBounds(this.#written, record.lower) < 0) {
      writeBound(writer, record.lower, this.#written)
      writer.u8(RECORD_KINDS.skip)
    }
    writeBound(writer, record.upper, record.lower)
    writeContent(writer, record)
    this.#written = record.upper
    this.#count++
  }

  /** The frame. */
  finish(slice: Slice | undefined): Uint8Array {
    const writer = new ByteWriter(this.#records.length + RECORD_OVERHEAD_BYTES)
    writer
      .u8(FRAME_TYPES.ranges)
      .u8((this.#truncated ? FLAG_TRUNCATED : 0) | (slice === undefined ? 0 : FLAG_SLICE))
    if (slice !== undefined) {
      writer.bytes(slice.lower)
      writeBound(writer, slice.upper, slice.lower)
      writer.raw(slice.salt).raw(slice.fingerprint).raw(slice.digest)
    }
    return writer.raw(this.#records.finish()).finish()
  }
}

function writeContent(writer: ByteWriter, record: RangeContent): void {
  switch (record.type) {
    case 'fingerprint':
      writer.u8(RECORD_KINDS.fingerprint).raw(record.fingerprint)
      break
    case 'list':
      writer.u8(RECORD_KINDS.list).varint(record.prefixes.length)
      for (const prefix of record.prefixes) writer.u32(prefix)
      break
    case 'answer':
      writer.u8(RECORD_KINDS.answer)
      record.lacks.write(writer)
      writer.varint(record.extra)
      if (record.common !== undefined) writer.raw(record.common)
      break
    case 'confirm':
      writer
        .u8(RECORD_KINDS.confirm)
        .varint(record.hashes.length / ITEM_HASH_BYTES)
        .raw(record.hashes)
      break
    case 'confirmed':
      writer.u8(RECORD_KINDS.confirmed)
      record.lacks.write(writer)
      writer.varint(record.extra)
      break
  }
}
