import { DELETED_ROWS_MAX, DISK_LIVE_MIN, DISK_LIVE_MIN_IDLE, DISK_RATIO_MAX } from './config.ts'
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
  /** Nothing was written since the last write was answered. */
  #idle = false
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
    this.#idle = false
    this.#consider()
  }

  /** Notes that nothing waits to be written: a good moment, and maybe the last one for long. */
  rest(): void {
    this.#idle = true
    this.#consider()
  }

  /** Begins nothing more, and waits for the one that runs. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  #consider(): void {
    if (this.#running === undefined && this.#worthALook()) this.#running = this.#check()
  }

  #worthALook(): boolean {
    if (this.#since < this.#patience) return false
    // While writes go on, the files are not measured for every one of them.
    return (this.#idle || this.#since > this.#limit() / 16) && this.#due()
  }

  #due(): boolean {
    if (this.#closed) return false
    if (this.bytesOnDisk > this.#limit()) return true
    return this.#deleted > DELETED_ROWS_MAX && this.#deleted > this.#live.rowsLive / 4
  }

  #limit(): number {
    const least = this.#idle ? DISK_LIVE_MIN_IDLE : DISK_LIVE_MIN
    return Math.max(this.#live.bytesLive, least) * DISK_RATIO_MAX
  }

  async #check(): Promise<void> {
    try {
      do await this.#checkOnce()
      while (this.#worthALook())
    } catch {
      // Measuring failed, which costs nobody a write; a failed compaction makes the next write fail.
      this.#patience = this.#limit()
    }
    this.#running = undefined
  }

  async #checkOnce(): Promise<void> {
    await this.#measure()
    if (this.#due()) {
      this.#deleted = 0
      const before = this.#since
      await this.#level.compact()
      this.#counters.compactions++
      const meanwhile = this.#since - before
      await this.#measure()
      // When that was all there is to gain, compacting again has to wait until there may be more.
      const enough = this.#onDisk - meanwhile <= this.#limit()
      this.#patience = enough ? 0 : this.#limit() / 2
    }
  }

  async #measure(): Promise<void> {
    const before = this.#since
    this.#onDisk = await this.#level.bytesOnDisk()
    this.#since -= before
  }
}
