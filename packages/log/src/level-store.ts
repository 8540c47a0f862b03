import { checkBatch, checkName } from './check-batch.ts'
import { CommitQueue } from './commit-queue.ts'
import type { StoreLimits } from './config.ts'
import { StoreClosedError, StoreDamagedError, StorePoisonedError, type Damage } from './errors.ts'
import type { Guard } from './guard.ts'
import type { Level } from './level.ts'
import { newLogState, type LogState } from './log-state.ts'
import { MemoryLog, createMemoryMedium, memoryContents, type MemoryMedium } from './memory-log.ts'
import { toOpenError } from './open-error.ts'
import { readLog, type LogReading } from './read-log.ts'
import type { StoreReading } from './read-store.ts'
import type { SideMark } from './side-mark.ts'
import type { Durability, LogBatch, RecoveredLog, ReplicaLog, Store, StoreStats } from './types.ts'

/** What an opened folder consists of. */
export interface StoreParts {
  readonly directory: string
  readonly level: Level
  readonly guard: Guard
  readonly mark: SideMark
  readonly reading: StoreReading
  readonly durability: Durability
  readonly limits: StoreLimits
}

/** A store on a folder. It is made by `openStore`, which has done everything that can be refused. */
export class LevelStore implements Store {
  readonly directory: string
  readonly #parts: StoreParts
  readonly #queue: CommitQueue
  readonly #states: Map<string, LogState>
  readonly #open: Map<string, ReplicaLog | undefined> = new Map()
  readonly #medium: MemoryMedium = createMemoryMedium()
  readonly #reading: Set<Promise<unknown>> = new Set()
  #closing: Promise<void> | undefined

  constructor(parts: StoreParts) {
    this.directory = parts.directory
    this.#parts = parts
    this.#states = new Map(parts.reading.logs)
    this.#queue = new CommitQueue(parts.level, parts.reading.state, parts.limits, value =>
      parts.mark.note(value)
    )
  }

  get poisoned(): StorePoisonedError | undefined {
    return this.#queue.poisoned
  }

  /** Stops the store as a failed write does. */
  poison(cause: unknown): void {
    this.#queue.poison(cause)
  }

  stats(): StoreStats {
    return { logs: this.#open.size, ...this.#queue.counters }
  }

  async openLog(name: string, options?: { readonly durability?: Durability }): Promise<ReplicaLog> {
    const bytes = checkName(name, this.#parts.limits)
    const durability = checkDurability(options?.durability ?? this.#parts.durability)
    if (this.#closing !== undefined) throw new StoreClosedError('the store')
    if (this.poisoned !== undefined) throw new StorePoisonedError({ cause: this.poisoned.cause })
    if (this.#open.has(name)) {
      throw new TypeError(`the log ${JSON.stringify(name)} is already open; close it before opening it again`)
    }
    if (this.#open.size >= this.#parts.limits.logsMax) {
      throw new RangeError(`a store has at most ${this.#parts.limits.logsMax} open logs`)
    }
    // The name is taken before anything is awaited, so that two openings cannot both get it.
    this.#open.set(name, undefined)
    const opening = this.#openNamed(name, bytes, durability)
    this.#reading.add(opening)
    try {
      const log = await opening
      this.#open.set(name, log)
      return log
    } catch (error) {
      this.#open.delete(name)
      throw toOpenError(this.directory, error)
    } finally {
      this.#reading.delete(opening)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #openNamed(name: string, bytes: Uint8Array, durability: Durability): Promise<ReplicaLog> {
    const release = (): void => void this.#open.delete(name)
    if (durability === 'memory') {
      return new MemoryLog(name, memoryContents(this.#medium, name), this.#parts.limits, release)
    }
    const state = this.#stateOf(name, bytes)
    const reading = await readLog(this.#parts.level, state, this.#parts.limits.quarantineRowsMax)
    const recovered = this.#recovered(name, state, reading)
    if (recovered.damaged !== undefined) {
      state.found = reading.sum
      state.repairs = reading.repairs
    }
    state.rows = reading.sum.count
    return new LevelLog(name, durability, recovered, state, this.#queue, this.#parts.limits, release)
  }

  #stateOf(name: string, bytes: Uint8Array): LogState {
    const known = this.#states.get(name)
    if (known !== undefined) return known
    const { state } = this.#parts.reading
    const fresh = newLogState(bytes, state.damagedAt > 0n ? state.clockMark : 0n)
    this.#states.set(name, fresh)
    return fresh
  }

  /** Joins what the rows and what the whole store say about one log. */
  #recovered(name: string, log: LogState, reading: LogReading): RecoveredLog {
    const { state, damage: ofStore } = this.#parts.reading
    const damage: Damage[] = [...reading.damage]
    if (state.damagedAt > 0n && log.batch <= state.damagedAt) {
      damage.push(
        ...(ofStore.length > 0 ? ofStore : [{ type: 'damagedEarlier', batch: state.damagedAt } as const])
      )
      // The newest meta row may be among what was lost, so only the whole store's mark is surely not too low.
      if (state.clockMark > log.clockMark) log.clockMark = state.clockMark
    }
    return {
      rows: reading.rows,
      clockMark: log.clockMark,
      quarantined: reading.quarantined,
      damaged: damage.length > 0 ? new StoreDamagedError(name, damage) : undefined
    }
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
    await Promise.allSettled(this.#reading)
    await step(() => this.#queue.close())
    for (const log of this.#open.values()) if (log !== undefined) await step(() => log.close())
    await step(() => this.#parts.mark.close())
    await step(() => this.#parts.level.close())
    await step(() => this.#parts.guard.release())
    if (failures.length > 0) throw failures[0]
  }
}

class LevelLog implements ReplicaLog {
  readonly name: string
  readonly durability: Durability
  readonly #state: LogState
  readonly #queue: CommitQueue
  readonly #limits: StoreLimits
  readonly #release: () => void
  #recovered: RecoveredLog
  #last: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(
    name: string,
    durability: Durability,
    recovered: RecoveredLog,
    state: LogState,
    queue: CommitQueue,
    limits: StoreLimits,
    release: () => void
  ) {
    this.name = name
    this.durability = durability
    this.#recovered = recovered
    this.#state = state
    this.#queue = queue
    this.#limits = limits
    this.#release = release
  }

  get recovered(): RecoveredLog {
    return this.#recovered
  }

  append(batch: LogBatch): Promise<void> {
    if (this.#closing !== undefined) {
      return Promise.reject(new StoreClosedError(`the log ${JSON.stringify(this.name)}`))
    }
    let bytes: number
    try {
      bytes = checkBatch(batch, this.#limits)
    } catch (error) {
      return Promise.reject(error)
    }
    const done = this.#queue.append(this.#state, batch, bytes, this.durability === 'sync')
    // One that is refused at once says nothing about those before it.
    const before = this.#last
    this.#last = done.catch(() => before)
    return done
  }

  releaseRecovered(): void {
    this.#recovered = { ...this.#recovered, rows: [] }
  }

  close(): Promise<void> {
    this.#closing ??= this.#last.then(this.#release)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Refuses a durability that does not exist. */
export function checkDurability(durability: Durability): Durability {
  if (durability !== 'sync' && durability !== 'async' && durability !== 'memory') {
    throw new TypeError(`durability is 'sync', 'async' or 'memory', got ${String(durability)}`)
  }
  return durability
}
