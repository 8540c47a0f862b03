import { unzeroed } from './bytes.ts'

/** Length of the blocks into which small messages are copied together, in bytes. Source: Node's own pool for small buffers. */
const BLOCK_BYTES = 8192

/**
 * Up to here a message that is kept is copied into a block, in bytes. Half of what one read over QUIC allocates (4 KiB, natively
 * and unseen by the engine), so what is kept costs at most twice its length.
 */
const SMALL_BYTES_MAX = 2048

/**
 * Where a decoder puts bodies together that come in several pieces: one buffer, used again and again. What it hands out is
 * lent until the next body. Who wants to have it for longer either makes it its own with `keep` or calls `letGo`.
 */
export class BodyBuffer {
  #buffer: Uint8Array = EMPTY
  #block: Uint8Array = EMPTY
  #blockFilled = 0

  /** Room for a body of `length` bytes, over what was there before. */
  lend(length: number): Uint8Array {
    if (this.#buffer.length < length) this.#buffer = unzeroed(length)
    return this.#buffer.length === length ? this.#buffer : this.#buffer.subarray(0, length)
  }

  /** The next body goes elsewhere: what was lent stays as it is. */
  letGo(): void {
    this.#buffer = EMPTY
  }

  /**
   * The same bytes for good: those that were lent, or a view of a piece. They are copied when they are a small part of a larger
   * buffer, because keeping the view would keep all of it alive. Small ones always are, whatever their buffer says of its length,
   * and go into a block together, which costs a fraction of an allocation for each.
   */
  keep(bytes: Uint8Array): Uint8Array {
    if (bytes.length <= SMALL_BYTES_MAX) return this.#copySmall(bytes)
    if (bytes.buffer.byteLength > 2 * bytes.length) return bytes.slice()
    if (bytes.buffer === this.#buffer.buffer) this.letGo()
    return bytes
  }

  #copySmall(bytes: Uint8Array): Uint8Array {
    if (this.#block.length - this.#blockFilled < bytes.length) {
      this.#block = unzeroed(BLOCK_BYTES)
      this.#blockFilled = 0
    }
    const copy = this.#block.subarray(this.#blockFilled, this.#blockFilled + bytes.length)
    copy.set(bytes)
    this.#blockFilled += bytes.length
    return copy
  }
}

const EMPTY = new Uint8Array(0)
