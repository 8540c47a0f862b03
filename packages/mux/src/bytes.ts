import type { StreamMessageEvent } from '@libp2p/interface'

/**
 * Visits the pieces of a `message` event as plain arrays until `visit` returns false. Transports hand over Node buffers, whose
 * `slice` does not copy; a view of the base type has none of these surprises.
 */
export function eachPiece(event: StreamMessageEvent, visit: (piece: Uint8Array) => boolean): void {
  const { data } = event
  if (data instanceof Uint8Array) {
    visit(plain(data))
    return
  }
  for (const piece of data) if (!visit(plain(piece))) return
}

function plain(piece: Uint8Array): Uint8Array {
  return piece.constructor === Uint8Array
    ? piece
    : new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
}

/** An array that is not zeroed first. Whoever asks for one writes all of it before anybody else sees it. */
export function unzeroed(length: number): Uint8Array {
  return length < UNZEROED_BYTES_MIN
    ? new Uint8Array(length)
    : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer, 0, length)
}

/** Below, zeroing costs less than the detour. */
const UNZEROED_BYTES_MIN = 4096

/** Collects exactly `length` bytes from pieces. */
export class ByteCollector {
  readonly #bytes: Uint8Array
  #filled = 0

  constructor(length: number) {
    this.#bytes = new Uint8Array(length)
  }

  /** Takes what is missing from `piece` and returns how many bytes that was. */
  push(piece: Uint8Array): number {
    const taken = Math.min(this.#bytes.length - this.#filled, piece.length)
    this.#bytes.set(piece.subarray(0, taken), this.#filled)
    this.#filled += taken
    return taken
  }

  /** The bytes when all have come. */
  get complete(): Uint8Array | undefined {
    return this.#filled === this.#bytes.length ? this.#bytes : undefined
  }
}
