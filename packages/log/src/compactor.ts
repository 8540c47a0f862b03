import { DELETED_ROWS_MAX, DISK_LIVE_MIN, DISK_RATIO_MAX } from './config.ts'
import type { Level } from './level.ts'

/** What the compactor has to know of the store, as it is when asked. */
export interface LiveSize {
  readonly bytesLive: number
  readonly rowsLive: number
}

/**
 * Keeps the files small without anyone asking: LevelDB alone lets overwritten rows stand until it happens to rewrite the
 * files they are in. One compaction at a time, beside the writes, and none begins once the store closes.
 */
export class Compactor {
  readonly #level: Level
  readonly #live: LiveSize
  readonly #counters: { compactions: number }
  #onDisk = 0
  /** Given to the database since `#onDisk` was measured. */
  #since = 0
  /** What has to be given to it before measuring is worth it again. */
  #patience = 0
  #deleted = 0
  #running: Promise<void> | undefined
  #closed = false

  constructor(level: Level, live: LiveSize, counters: { compactions: number }) {
    this.#level = level
    this.#live = live
    this.#counters = counters
    this.#running = this.#check()
  }

  /** Bytes of the files as last measured, and what was written since. */
  get bytesOnDisk(): number {
    return this.#onDisk + this.#since
  }

  /** Notes what a write gave to the database. */
  wrote(bytes: number, rowsDeleted: number): void {
    this.#since += bytes
    this.#deleted += rowsDeleted
    if (this.#running !== undefined || this.#closed || this.#since < this.#patience) return
    if (this.#due()) this.#running = this.#check()
  }

  /** Resolves when no compaction runs. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Begins nothing more, and waits for the one that runs. */
  close(): Promise<void> {
    this.#closed = true
    return this.idle()
  }

  #due(): boolean {
    if (this.bytesOnDisk > this.#limit()) return true
    return this.#deleted > DELETED_ROWS_MAX && this.#deleted > this.#live.rowsLive / 4
  }

  #limit(): number {
    return Math.max(this.#live.bytesLive, DISK_LIVE_MIN) * DISK_RATIO_MAX
  }

  async #check(): Promise<void> {
    try {
      do await this.#checkOnce()
      while (!this.#closed && this.#since >= this.#patience && this.#due())
    } catch {
      // Measuring failed, which costs nobody a write; a failed compaction makes the next write fail.
      this.#patience = this.#limit()
    }
    this.#running = undefined
  }

  async #checkOnce(): Promise<void> {
    await this.#measure()
    if (!this.#closed && this.#due()) {
      this.#deleted = 0
      await this.#level.compact()
      this.#counters.compactions++
      await this.#measure()
    }
    // When that was all there is to gain, compacting again has to wait until there may be more.
    this.#patience = this.#limit() / (this.#onDisk > this.#limit() ? 2 : 16)
  }

  async #measure(): Promise<void> {
    const before = this.#since
    this.#onDisk = await this.#level.bytesOnDisk()
    this.#since -= before
  }
}
