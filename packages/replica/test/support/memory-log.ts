import type { LogBatch, LogPort, LogRow, RecoveredRow } from '../../src/index.ts'

/** What is on the imagined disk: one row per kind and key. */
export type Disk = Map<string, RecoveredRow>

interface PendingAppend {
  readonly batch: LogBatch
  resolve(): void
  reject(error: Error): void
}

/**
 * A log in memory. In `auto` mode an append is durable in the next turn; in `manual` mode the test decides when and how each
 * ends. It checks what a real log relies on: one append at a time is not required, but every row must say what it replaces.
 */
export class MemoryLog implements LogPort {
  readonly disk: Disk
  recovered: LogPort['recovered']
  readonly batches: LogBatch[] = []
  readonly pending: PendingAppend[] = []
  closed = false
  destroyed = false
  /** How often it was recovered; and errors that its next recoveries end with. */
  recoveries = 0
  readonly recoveryFaults: Error[] = []
  /** The recovery says that the disk was what it should be. */
  proven = true
  #failed = false
  #written = false
  #mark: bigint
  readonly #mode: 'auto' | 'manual'

  constructor(mode: 'auto' | 'manual' = 'auto', disk: Disk = new Map(), mark = 0n) {
    this.#mode = mode
    this.disk = disk
    this.#mark = mark
    this.recovered = { rows: [...disk.values()], clockMark: mark, quarantined: [] }
  }

  /** The greatest clock mark on the disk. */
  get mark(): bigint {
    return this.#mark
  }

  append(batch: LogBatch): Promise<void> {
    if (this.closed || this.#failed) return Promise.reject(new Error('closed'))
    this.batches.push(batch)
    const appended = new Promise<void>((resolve, reject) => {
      this.pending.push({
        batch,
        resolve: () => {
          this.#write(batch)
          resolve()
        },
        reject
      })
    })
    if (this.#mode === 'auto') this.succeed()
    return appended
  }

  /** The oldest append becomes durable. */
  succeed(): void {
    this.#next().resolve()
  }

  /** The oldest append fails; whether it reached the disk is the test's choice. */
  fail(tookEffect: boolean): void {
    const { batch, reject } = this.#next()
    if (tookEffect) this.#write(batch)
    this.#failed = true
    reject(new Error('EIO'))
    for (const { reject: fail } of this.pending.splice(0)) fail(new Error('EIO before'))
  }

  async recover(
    restore: Parameters<NonNullable<LogPort['recover']>>[0]
  ): ReturnType<NonNullable<LogPort['recover']>> {
    if (!this.#failed) throw new TypeError('nothing has failed')
    const fault = this.recoveryFaults.shift()
    if (fault !== undefined) throw fault
    this.recoveries++
    const found = { rows: [...this.disk.values()], clockMark: this.#mark, quarantined: [] }
    let rowsRestored = 0
    for (const batch of restore(found) ?? []) {
      await Promise.resolve()
      this.#write(batch)
      rowsRestored += batch.rows.length
    }
    this.#failed = false
    return { found, rowsRestored, proven: this.proven }
  }

  async destroy(): Promise<void> {
    this.disk.clear()
    this.destroyed = true
  }

  /** The oldest append reaches the disk, and nobody is told: the process dies in between. */
  writeSilently(): void {
    this.#write(this.#next().batch)
  }

  /** The log as the next process finds it. What was damaged is reported until something is written. */
  reopen(mode: 'auto' | 'manual' = 'auto'): MemoryLog {
    const log = new MemoryLog(mode, new Map(this.disk), this.#mark)
    return this.#written ? log : log.damaged(this.recovered.quarantined)
  }

  /** The log with rows that it does not trust. */
  damaged(quarantined: LogPort['recovered']['quarantined']): this {
    this.recovered = { ...this.recovered, quarantined }
    return this
  }

  async close(): Promise<void> {
    this.closed = true
  }

  #next(): PendingAppend {
    const next = this.pending.shift()
    if (next === undefined) throw new Error('no append is pending')
    return next
  }

  #write({ rows, clockMark }: LogBatch): void {
    if (clockMark > this.#mark) this.#mark = clockMark
    if (rows.length > 0) this.#written = true
    for (const row of rows) this.#writeRow(row)
  }

  #writeRow({ kind, key, value, hash, replaces }: LogRow): void {
    const at = `${kind}:${Buffer.from(key).toString('hex')}`
    const before = this.disk.get(at)
    if (!Buffer.from(before?.hash ?? []).equals(Buffer.from(replaces ?? []))) {
      throw new Error(`the row ${at} does not replace what it says`)
    }
    if (value === undefined || hash === undefined) this.disk.delete(at)
    else this.disk.set(at, { kind, key: key.slice(), value: value.slice(), hash: hash.slice() })
  }
}
