import { checkName } from './check-batch.ts'
import type { Counters } from './commit-queue.ts'
import type { StoreLimits } from './config.ts'
import { Database } from './database.ts'
import { destroyRows } from './destroy-log.ts'
import { StoreClosedError, StorePoisonedError } from './errors.ts'
import { LevelLog } from './level-log.ts'
import type { StoreMedium } from './medium.ts'
import { MemoryLog, createMemoryMedium, memoryContents, type MemoryMedium } from './memory-log.ts'
import { isSystemError, toOpenError } from './open-error.ts'
import type {
  Durability,
  OpenLogOptions,
  ProgressListener,
  ReplicaLog,
  Store,
  StoreStats,
  StoreVerification
} from './types.ts'
import { verifyDatabase } from './verify-database.ts'

/** A store on a database. */
export class LevelStore implements Store {
  readonly directory: string
  readonly #medium: StoreMedium
  readonly #durability: Durability
  readonly #limits: StoreLimits
  readonly #counters: Counters
  readonly #open: Map<string, ReplicaLog | undefined> = new Map()
  readonly #memory: MemoryMedium = createMemoryMedium()
  /** What reads the database, or opens it again: closing has to wait for it. */
  readonly #busy: Set<Promise<unknown>> = new Set()
  #database: Database
  #reopening: Promise<Database> | undefined
  #recoveries = 0
  #closing: Promise<void> | undefined

  private constructor(
    medium: StoreMedium,
    durability: Durability,
    limits: StoreLimits,
    counters: Counters,
    database: Database
  ) {
    this.directory = medium.directory
    this.#medium = medium
    this.#durability = durability
    this.#limits = limits
    this.#counters = counters
    this.#database = database
  }

  /** Opens the database on the medium, which the store owns from then on; a medium that cannot be opened stays the caller's. */
  static async open(medium: StoreMedium, durability: Durability, limits: StoreLimits): Promise<LevelStore> {
    const counters: Counters = {
      appends: 0,
      writes: 0,
      rowsWritten: 0,
      bytesWritten: 0,
      queuedAppendsPeak: 0,
      queuedBytesPeak: 0,
      compactions: 0
    }
    const database = await Database.open(medium, limits, counters)
    return new LevelStore(medium, durability, limits, counters, database)
  }

  get poisoned(): StorePoisonedError | undefined {
    return this.#database.queue.poisoned
  }

  stats(): StoreStats {
    const { queue, compactor, bytesLive } = this.#database
    return {
      logs: this.#open.size,
      ...this.#counters,
      queuedAppends: queue.queuedAppends,
      queuedBytes: queue.queuedBytes,
      bytesLive,
      bytesOnDisk: compactor.bytesOnDisk,
      recoveries: this.#recoveries,
      poisoned: this.poisoned !== undefined
    }
  }

  async openLog(name: string, options: OpenLogOptions = {}): Promise<ReplicaLog> {
    const bytes = checkName(name, this.#limits)
    const durability = checkDurability(options.durability ?? this.#durability)
    this.#assertUsable()
    this.#assertFree(name)
    if (this.#open.size >= this.#limits.logsMax) {
      throw new RangeError(`a store has at most ${this.#limits.logsMax} open logs`)
    }
    const log = await this.#withName(name, async () => {
      const release = (): void => void this.#open.delete(name)
      const destroy = (): Promise<void> => this.destroyLog(name)
      if (durability === 'memory') {
        return new MemoryLog(name, memoryContents(this.#memory, name), this.#limits, { release, destroy })
      }
      const database = this.#database
      const state = database.stateOf(name, bytes)
      const { onProgress } = options
      const recovered = await database.load(name, state, onProgress)
      const host = {
        limits: this.#limits,
        onProgress,
        reopened: () => this.#reopened(),
        release,
        destroy
      }
      return new LevelLog(name, durability, { database, state, recovered }, host)
    })
    this.#open.set(name, log)
    return log
  }

  verify(options: { readonly onProgress?: ProgressListener } = {}): Promise<StoreVerification> {
    return this.#reading(() => verifyDatabase(this.#database, this.#limits, options.onProgress))
  }

  async destroyLog(name: string): Promise<void> {
    const bytes = checkName(name, this.#limits)
    this.#assertUsable()
    this.#assertFree(name)
    await this.#withName(name, async () => {
      this.#memory.logs.delete(name)
      const database = this.#database
      if (!database.states.has(name)) return
      const state = database.stateOf(name, bytes)
      await destroyRows(database, state, await database.load(name, state), this.#limits)
      database.forget(name)
    })
    this.#open.delete(name)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertUsable(): void {
    if (this.#closing !== undefined) throw new StoreClosedError('the store')
    if (this.poisoned !== undefined) throw new StorePoisonedError({ cause: this.poisoned.cause })
  }

  #assertFree(name: string): void {
    if (!this.#open.has(name)) return
    throw new TypeError(`the log ${JSON.stringify(name)} is already open; close it first`)
  }

  /** Takes the name before anything is awaited, so that two openings cannot both get it; gives it back on failure. */
  async #withName<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#open.set(name, undefined)
    try {
      return await this.#reading(work)
    } catch (error) {
      this.#open.delete(name)
      throw error
    }
  }

  /** Runs something that needs the database open, and keeps the database open for it. */
  async #reading<T>(work: () => Promise<T>): Promise<T> {
    this.#assertUsable()
    const running = work()
    this.#busy.add(running)
    try {
      return await running
    } catch (error) {
      throw isSystemError(error) ? toOpenError(this.directory, error) : error
    } finally {
      this.#busy.delete(running)
    }
  }

  /** The database, opened again if a write had failed. */
  #reopened(): Promise<Database> {
    if (this.#closing !== undefined) return Promise.reject(new StoreClosedError('the store'))
    if (this.poisoned === undefined) return Promise.resolve(this.#database)
    this.#reopening ??= this.#reopen().finally(() => (this.#reopening = undefined))
    return this.#reopening
  }

  async #reopen(): Promise<Database> {
    await Promise.allSettled(this.#busy)
    // It failed once; that it may not even close says nothing new.
    await this.#database.close().catch(() => {})
    this.#database = await Database.open(this.#medium, this.#limits, this.#counters)
    this.#recoveries++
    return this.#database
  }

  async #close(): Promise<void> {
    const failures: unknown[] = []
    const step = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        failures.push(error)
      }
    }
    await Promise.allSettled([...this.#busy, this.#reopening])
    await step(() => this.#database.queue.close())
    for (const log of this.#open.values()) if (log !== undefined) await step(() => log.close())
    await step(() => this.#database.close())
    await step(() => this.#medium.release())
    if (failures.length > 0) throw failures[0]
  }
}

/** Refuses a durability that does not exist. */
export function checkDurability(durability: Durability): Durability {
  if (durability !== 'sync' && durability !== 'async' && durability !== 'memory') {
    throw new TypeError(`durability is 'sync', 'async' or 'memory', got ${String(durability)}`)
  }
  return durability
}
