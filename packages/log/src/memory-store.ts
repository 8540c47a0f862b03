import { checkName } from './check-batch.ts'
import { resolveLimits, type StoreLimits } from './config.ts'
import { StoreClosedError } from './errors.ts'
import { MemoryLog, createMemoryMedium, memoryContents, type MemoryMedium } from './memory-log.ts'
import type { OpenLogOptions, ReplicaLog, Store, StoreStats, StoreVerification } from './types.ts'

export { createMemoryMedium, type MemoryMedium }

/** What a store in memory may be told. */
export interface MemoryStoreOptions {
  /** Where the logs live. Default: a new one, gone with the store. */
  readonly medium?: MemoryMedium
  readonly limits?: Partial<StoreLimits>
}

/**
 * A store without a disk, for tests and for maps that need none: the interface and the order of `openStore`'s, nothing
 * durable. It has no owner; one medium serves one store at a time.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options.medium ?? createMemoryMedium(), resolveLimits(options.limits))
}

class MemoryStore implements Store {
  readonly directory = undefined
  readonly poisoned = undefined
  readonly #medium: MemoryMedium
  readonly #limits: StoreLimits
  readonly #open: Map<string, ReplicaLog> = new Map()
  #closing: Promise<void> | undefined

  constructor(medium: MemoryMedium, limits: StoreLimits) {
    this.#medium = medium
    this.#limits = limits
  }

  async openLog(name: string, _options?: OpenLogOptions): Promise<ReplicaLog> {
    checkName(name, this.#limits)
    if (this.#closing !== undefined) throw new StoreClosedError('the store')
    if (this.#open.has(name)) {
      throw new TypeError(`the log ${JSON.stringify(name)} is already open; close it first`)
    }
    if (this.#open.size >= this.#limits.logsMax) {
      throw new RangeError(`a store has at most ${this.#limits.logsMax} open logs`)
    }
    const log = new MemoryLog(name, memoryContents(this.#medium, name), this.#limits, {
      release: () => void this.#open.delete(name),
      destroy: () => this.destroyLog(name)
    })
    this.#open.set(name, log)
    return log
  }

  /** There is nothing beside the rows that could disagree with them. */
  async verify(): Promise<StoreVerification> {
    if (this.#closing !== undefined) throw new StoreClosedError('the store')
    const logs = [...this.#medium.logs].map(([name, { rows }]) => {
      const bytes = [...rows.values()].reduce((sum, { key, value }) => sum + key.length + value.length, 0)
      return { name, rows: rows.size, bytes, expected: rows.size, quarantined: [], damage: [] }
    })
    return { ok: true, logs, damage: [], batch: 0n, mark: undefined, damagedKept: 0 }
  }

  async destroyLog(name: string): Promise<void> {
    checkName(name, this.#limits)
    if (this.#closing !== undefined) throw new StoreClosedError('the store')
    if (this.#open.has(name)) {
      throw new TypeError(`the log ${JSON.stringify(name)} is already open; close it first`)
    }
    this.#medium.logs.delete(name)
  }

  /** Nothing is written, so only the open logs are counted. */
  stats(): StoreStats {
    return {
      logs: this.#open.size,
      appends: 0,
      writes: 0,
      rowsWritten: 0,
      bytesWritten: 0,
      queuedAppends: 0,
      queuedBytes: 0,
      queuedAppendsPeak: 0,
      queuedBytesPeak: 0,
      bytesLive: 0,
      bytesOnDisk: 0,
      compactions: 0,
      recoveries: 0,
      poisoned: false
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const log of this.#open.values()) await log.close()
  }
}
