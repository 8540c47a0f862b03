import { checkName } from './check-batch.ts'
import { resolveLimits, type StoreLimits } from './config.ts'
import { StoreClosedError } from './errors.ts'
import { MemoryLog, createMemoryMedium, memoryContents, type MemoryMedium } from './memory-log.ts'
import type { Durability, ReplicaLog, Store, StoreStats } from './types.ts'

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

  async openLog(name: string, _options?: { readonly durability?: Durability }): Promise<ReplicaLog> {
    checkName(name, this.#limits)
    if (this.#closing !== undefined) throw new StoreClosedError('the store')
    if (this.#open.has(name)) {
      throw new TypeError(`the log ${JSON.stringify(name)} is already open; close it before opening it again`)
    }
    if (this.#open.size >= this.#limits.logsMax) {
      throw new RangeError(`a store has at most ${this.#limits.logsMax} open logs`)
    }
    const log = new MemoryLog(
      name,
      memoryContents(this.#medium, name),
      this.#limits,
      () => void this.#open.delete(name)
    )
    this.#open.set(name, log)
    return log
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
      queuedBytes: 0
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
