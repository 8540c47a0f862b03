import { BodyBuffer } from './body-buffer.ts'
import { FRAME_BODY_BYTES_MAX } from './config.ts'
import { FrameError } from './errors.ts'
import type { ChannelEndReason } from './types.ts'

/** Frame types as they are on the wire. 0 is none of them, so that zeroed memory is no frame. */
export const DATA = 1
export const PART = 2
export const CREDIT = 3
export const END = 4
export const END_ACK = 5

/** A type byte and a 24-bit body length. */
export const HEADER_BYTES = 4

/** A whole CREDIT frame: what travels with the preamble and with the status byte. */
export const CREDIT_FRAME_BYTES = 8

/** A whole END frame. */
export const END_FRAME_BYTES = 5

/** Reasons of an END by their number on the wire. 0 is the good end. */
const END_REASONS: readonly ('finished' | ChannelEndReason)[] = [
  'finished',
  'aborted',
  'malformed',
  'overrun',
  'handlerFailed',
  'closing',
  'stalled'
]

/** Why a direction ended; `finished` means that every message has been sent. */
export type EndReason = 'finished' | ChannelEndReason

/** Where a decoder hands over what it finds. Both may throw to stop it. */
export interface FrameSink {
  /** A header has been read and is well-formed. Nothing has been allocated for the body yet. */
  header(type: number, length: number): void
  /** A whole frame. `body` is lent: until this returns, unless it is kept with the decoder's `bodies`. */
  frame(type: number, body: Uint8Array): void
}

/**
 * Cuts a byte stream into frames, whatever pieces it comes in. A body within one piece is a view of it; one that spans pieces
 * is copied once, into a buffer that serves for the next such body too. Holds at most one body of 64 KiB.
 */
export class FrameDecoder {
  /** What bodies that span pieces lie in. */
  readonly bodies: BodyBuffer = new BodyBuffer()
  readonly #sink: FrameSink
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerFilled = 0
  #body: Uint8Array | undefined
  #bodyFilled = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /**
   * Takes the next piece, whose bytes must not change afterwards.
   *
   * @throws FrameError on bytes that are no frame, and whatever the sink throws. It must not be called again after that.
   */
  push(chunk: Uint8Array): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#body !== undefined) {
        offset = this.#fillBody(this.#body, chunk, offset)
        continue
      }
      if (this.#headerFilled > 0 || chunk.length - offset < HEADER_BYTES) {
        offset = this.#fillHeader(chunk, offset)
        if (this.#headerFilled < HEADER_BYTES) return
        this.#headerFilled = 0
        offset = this.#open(this.#header, 0, chunk, offset)
      } else {
        offset = this.#open(chunk, offset, chunk, offset + HEADER_BYTES)
      }
    }
  }

  #fillHeader(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(HEADER_BYTES - this.#headerFilled, chunk.length - offset)
    this.#header.set(chunk.subarray(offset, offset + taken), this.#headerFilled)
    this.#headerFilled += taken
    return offset + taken
  }

  /** Reads the header at `at` of `source`; hands the body over if `chunk` holds all of it, else starts collecting it. */
  #open(source: Uint8Array, at: number, chunk: Uint8Array, offset: number): number {
    const type = source[at] as number
    const length =
      ((source[at + 1] as number) << 16) | ((source[at + 2] as number) << 8) | (source[at + 3] as number)
    checkHeader(type, length)
    this.#sink.header(type, length)
    if (chunk.length - offset >= length) {
      this.#sink.frame(type, chunk.subarray(offset, offset + length))
      return offset + length
    }
    this.#header[0] = type
    this.#body = this.bodies.lend(length)
    this.#bodyFilled = 0
    return this.#fillBody(this.#body, chunk, offset)
  }

  #fillBody(body: Uint8Array, chunk: Uint8Array, offset: number): number {
    const taken = Math.min(body.length - this.#bodyFilled, chunk.length - offset)
    body.set(chunk.subarray(offset, offset + taken), this.#bodyFilled)
    this.#bodyFilled += taken
    if (this.#bodyFilled === body.length) {
      this.#body = undefined
      this.#sink.frame(this.#header[0] as number, body)
    }
    return offset + taken
  }
}

/** The rules a header obeys by itself, before anything is allocated. */
function checkHeader(type: number, length: number): void {
  switch (type) {
    case DATA:
      if (length > FRAME_BODY_BYTES_MAX) throw new FrameError(`a DATA frame of ${length} bytes is too long`)
      return
    case PART:
      // An empty part would cost its sender nothing and us time.
      if (length === 0 || length > FRAME_BODY_BYTES_MAX) {
        throw new FrameError(`a PART frame of ${length} bytes is too short or too long`)
      }
      return
    case CREDIT:
      if (length !== 4) throw new FrameError(`a CREDIT frame has 4 bytes, not ${length}`)
      return
    case END:
      if (length !== 1) throw new FrameError(`an END frame has 1 byte, not ${length}`)
      return
    case END_ACK:
      if (length !== 0) throw new FrameError(`an END_ACK frame has no body, not ${length} bytes`)
      return
    default:
      throw new FrameError(`there is no frame type ${type}`)
  }
}

/** Writes a header at `offset` and returns where the body begins. */
export function writeHeader(target: Uint8Array, offset: number, type: number, length: number): number {
  target[offset] = type
  target[offset + 1] = length >>> 16
  target[offset + 2] = length >>> 8
  target[offset + 3] = length
  return offset + HEADER_BYTES
}

/** A whole CREDIT frame granting `bytes`, 1 to 2^32 − 1. */
export function encodeCredit(bytes: number): Uint8Array {
  const frame = new Uint8Array(CREDIT_FRAME_BYTES)
  new DataView(frame.buffer).setUint32(writeHeader(frame, 0, CREDIT, 4), bytes)
  return frame
}

/** The grant in the body of a CREDIT frame. Throws FrameError on a grant of nothing. */
export function decodeCredit(body: Uint8Array): number {
  const bytes = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0)
  if (bytes === 0) throw new FrameError('a CREDIT frame grants nothing')
  return bytes
}

/** A whole END frame. */
export function encodeEnd(reason: EndReason): Uint8Array {
  const frame = new Uint8Array(END_FRAME_BYTES)
  frame[writeHeader(frame, 0, END, 1)] = Math.max(END_REASONS.indexOf(reason), 0)
  return frame
}

/** The reason in the body of an END frame; one this version does not know counts as `aborted`. */
export function decodeEnd(body: Uint8Array): EndReason {
  return END_REASONS[body[0] as number] ?? 'aborted'
}

/** A whole END_ACK frame. */
export function encodeEndAck(): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES)
  writeHeader(frame, 0, END_ACK, 0)
  return frame
}
