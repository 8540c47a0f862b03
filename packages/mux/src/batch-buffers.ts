import { unzeroed } from './bytes.ts'
import { FRAME_BODY_BYTES_MAX, JOINED_BATCH_BYTES } from './config.ts'

/** Length of one buffer, in bytes: a batch ends with the body that completes it, and control frames go before. */
export const BATCH_BUFFER_BYTES: number = JOINED_BATCH_BYTES + FRAME_BODY_BYTES_MAX + 4096

/** How many are kept for later: what a few busy channels need at a time, 1.3 MiB. */
const SPARE_MAX = 4

/** Buffers for large batches, used again and again by the channels of a mux. */
export class BatchBuffers {
  readonly #spare: Uint8Array[] = []

  take(): Uint8Array {
    return this.#spare.pop() ?? unzeroed(BATCH_BUFFER_BYTES)
  }

  /** Gives one back of which nobody will read again. */
  giveBack(buffer: Uint8Array): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(buffer)
  }
}
