import { DISK_BYTES_PER_BYTE, WRITE_OVERHEAD_BYTES, type StoreLimits } from './config.ts'
import { CommitQueue, type Counters } from './commit-queue.ts'
import { Compactor } from './compactor.ts'
import { StoreDamagedError, type Damage } from './errors.ts'
import type { Level } from './level.ts'
import { newLogState, type LogState } from './log-state.ts'
import type { StoreMedium } from './medium.ts'
import { toOpenError } from './open-error.ts'
import { readLog, type LogReading } from './read-log.ts'
import { readStore, readStoreRow, type StoreReading } from './read-store.ts'
import { SideMark } from './side-mark.ts'
import type { ProgressListener, RecoveredLog } from './types.ts'

/**
 * One opening of the database and all that hangs on it. A store begins with one; after a failed write it goes on with
 * another, and what the first had in memory is only good for comparing.
 */
export class Database {
  readonly level: Level
  readonly mark: SideMark
  readonly queue: CommitQueue
  readonly compactor: Compactor
  readonly reading: StoreReading
  readonly #limits: StoreLimits
  readonly #states: Map<string, LogState>
  #bytesLive = 0
  #closing: Promise<void> | undefined

  private constructor(
    level: Level,
    mark: SideMark,
    reading: StoreReading,
    limits: StoreLimits,
    counters: Counters
  ) {
    this.level = level
    this.mark = mark
    this.reading = reading
    this.#limits = limits
    this.#states = new Map(reading.logs)
    for (const state of this.#states.values()) this.#bytesLive += state.bytes
    this.compactor = new Compactor(level, this, counters)
    this.queue = new CommitQueue(level, reading.state, limits, counters, {
      synced: value => mark.note(value),
      wrote: (group, grown) => {
        this.#bytesLive += grown
        const bytes = group.bytes + group.deltas.size * WRITE_OVERHEAD_BYTES
        this.compactor.wrote(Math.ceil(bytes * DISK_BYTES_PER_BYTE), group.rowsDeleted)
      },
      rest: () => this.compactor.rest()
    })
  }

  /** Rejects with what `toOpenError` makes of it; nothing is left open then. */
  static async open(medium: StoreMedium, limits: StoreLimits, counters: Counters): Promise<Database> {
    const level = medium.level()
    let mark: SideMark | undefined
    let database: Database | undefined
    try {
      await level.open()
      const row = await readStoreRow(level, medium.directory)
      mark = await SideMark.open(await medium.openMark(), error => database?.queue.poison(error))
      database = new Database(level, mark, await readStore(level, row, mark.found), limits, counters)
      return database
    } catch (error) {
      await mark?.close().catch(() => {})
      await level.close().catch(() => {})
      throw toOpenError(medium.directory, error)
    }
  }

  /** Bytes of the rows of all logs. */
  get bytesLive(): number {
    return this.#bytesLive
  }

  /** Rows of all logs. */
  get rowsLive(): number {
    let rows = 0
    for (const log of this.#states.values()) rows += log.sum.count
    return rows
  }

  get states(): ReadonlyMap<string, LogState> {
    return this.#states
  }

  /** The state of a log, made when it is new. */
  stateOf(name: string, bytes: Uint8Array): LogState {
    const known = this.#states.get(name)
    if (known !== undefined) return known
    const { state } = this.reading
    const fresh = newLogState(bytes, state.damagedAt > 0n ? state.clockMark : 0n)
    this.#states.set(name, fresh)
    return fresh
  }

  /** Reads a log's rows and says what they amount to; the log's state is ready for appends afterwards. */
  async load(name: string, log: LogState, onProgress?: ProgressListener): Promise<RecoveredLog> {
    const reading = await readLog(this.level, log, this.#limits.quarantineRowsMax, onProgress)
    const recovered = this.#recovered(name, log, reading)
    if (recovered.damaged !== undefined) {
      log.found = reading.sum
      log.repairs = reading.repairs
    }
    this.#bytesLive += reading.bytes - log.bytes
    log.bytes = reading.bytes
    log.rows = reading.sum.count
    log.sizes = reading.sizes
    return recovered
  }

  /** Forgets a log that was destroyed. */
  forget(name: string): void {
    this.#states.delete(name)
  }

  /** Waits for what is queued and for a compaction that runs, then closes everything. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const failures: unknown[] = []
    for (const part of [this.queue, this.compactor, this.mark, this.level]) {
      try {
        await part.close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Joins what the rows and what the whole store say about one log. */
  #recovered(name: string, log: LogState, reading: LogReading): RecoveredLog {
    const { state, damage: ofStore } = this.reading
    const damage: Damage[] = [...reading.damage]
    if (state.damagedAt > 0n && log.batch <= state.damagedAt) {
      damage.push(
        ...(ofStore.length > 0 ? ofStore : [{ type: 'damagedEarlier', batch: state.damagedAt } as const])
      )
    }
    // The newest meta row may be among what was lost, and marks without rows are kept by the store's row alone.
    if (damage.length > 0 && state.clockMark > log.clockMark) log.clockMark = state.clockMark
    return {
      rows: reading.rows,
      clockMark: log.clockMark,
      quarantined: reading.quarantined,
      damaged: damage.length === 0 ? undefined : new StoreDamagedError(name, damage)
    }
  }
}
