import { DecodeError } from './errors.ts'
import { ByteReader } from './reader.ts'
import { viewOf } from './utf8.ts'
import { ByteWriter } from './writer.ts'

/** Bytes of the longest varint. */
const LENGTH_BYTES_MAX = 8

const NO_BYTES = new Uint8Array(0)

/**
 * A frame: a varint with the number of bytes, then the bytes.
 *
 * @param bytesMax how many bytes its receiver takes.
 * @throws RangeError when `payload` is longer than that.
 */
export function encodeFrame(payload: Uint8Array, bytesMax: number): Uint8Array<ArrayBuffer> {
  if (payload.length > bytesMax) {
    throw new RangeError(`a frame carries at most ${bytesMax} bytes, got ${payload.length}`)
  }
  return new ByteWriter(payload.length + LENGTH_BYTES_MAX).bytes(payload).finish()
}

/**
 * Finds the frames in a stream that arrives in chunks cut anywhere. Holds at most one unfinished frame, and for it no more than
 * twice the bytes that have arrived: a length alone makes it allocate nothing.
 *
 * After an error the rest of the stream means nothing: the decoder refuses it with the same error.
 */
export class FrameDecoder {
  readonly #bytesMax: number
  /** The bytes of a length that is not complete yet, and how many they are. */
  readonly #head = new Uint8Array(LENGTH_BYTES_MAX)
  #headBytes = 0
  /** How long the frame in {@link FrameDecoder.#body} will be; undefined between frames. */
  #length: number | undefined
  #body = NO_BYTES
  #bodyBytes = 0
  /** Where the unfinished frame starts in the stream. */
  #offset = 0
  #failure: DecodeError | undefined

  /** @param bytesMax how many bytes a frame may carry. A longer one is refused by its length, before any of it is kept. */
  constructor(bytesMax: number) {
    if (!Number.isSafeInteger(bytesMax) || bytesMax < 0) {
      throw new RangeError(`bytesMax must be an integer from 0 to 2^53 - 1, got ${bytesMax}`)
    }
    this.#bytesMax = bytesMax
  }

  /** Bytes held of a frame that is not complete. */
  get pending(): number {
    return this.#headBytes + this.#bodyBytes
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param onFrame is called with each frame that they complete, in order, before this returns. What it is given may be a view
   *   on `chunk`: copy what outlives the call. If it throws, the rest of the chunk is lost, and the decoder of no more use.
   * @throws DecodeError `notShortest`, `outOfRange` (not a length) or `tooLong` (over the limit), after the frames before it;
   *   its offset counts from the start of the stream.
   */
  push(chunk: Uint8Array, onFrame: (payload: Uint8Array) => void): void {
    if (this.#failure !== undefined) throw this.#failure
    let at = 0
    while (at < chunk.length) {
      if (this.#length === undefined) {
        this.#addLengthByte(chunk[at++] as number)
        if (this.#length === undefined) continue
      }
      const part = viewOf(chunk, at, Math.min(this.#length - this.#bodyBytes, chunk.length - at))
      at += part.length
      if (part.length === this.#length) onFrame(this.#finish(part))
      else if (this.#keep(part, this.#length)) onFrame(this.#finish(this.#body))
    }
  }

  /**
   * Ends the stream.
   *
   * @throws DecodeError `truncated` when it ends inside a frame, and the error of `push` again if there was one.
   */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#headBytes > 0)
      this.#fail(new DecodeError('truncated', this.#offset, 'the stream ends inside a frame'))
  }

  #addLengthByte(byte: number): void {
    this.#head[this.#headBytes++] = byte
    if (byte >= 0x80 && this.#headBytes < LENGTH_BYTES_MAX) return
    const length = this.#readLength()
    if (length > this.#bytesMax) {
      this.#fail(new DecodeError('tooLong', this.#offset, `${length} bytes, at most ${this.#bytesMax}`))
    }
    this.#length = length
  }

  #readLength(): number {
    try {
      return new ByteReader(viewOf(this.#head, 0, this.#headBytes)).varint()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#fail(new DecodeError(error.reason, this.#offset, 'the length of a frame'))
    }
  }

  /** Keeps a part of the body, and says whether it is whole now: then {@link FrameDecoder.#body} is exactly the body. */
  #keep(part: Uint8Array, length: number): boolean {
    const end = this.#bodyBytes + part.length
    if (end > this.#body.length) {
      const grown = new Uint8Array(Math.min(length, Math.max(end, this.#body.length * 2)))
      grown.set(this.#body)
      this.#body = grown
    }
    this.#body.set(part, this.#bodyBytes)
    this.#bodyBytes = end
    return end === length
  }

  #finish(payload: Uint8Array): Uint8Array {
    this.#offset += this.#headBytes + payload.length
    this.#headBytes = 0
    this.#length = undefined
    this.#body = NO_BYTES
    this.#bodyBytes = 0
    return payload
  }

  #fail(failure: DecodeError): never {
    this.#failure = failure
    throw failure
  }
}
