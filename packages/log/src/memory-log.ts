import { checkBatch } from './check-batch.ts'
import type { StoreLimits } from './config.ts'
import { StoreClosedError } from './errors.ts'
import { kindByte } from './keys.ts'
import type { Durability, LogBatch, LogRecovery, RecoveredLog, RecoveredRow, ReplicaLog } from './types.ts'

/** One log's content in memory. */
interface MemoryContents {
  /** By kind and key, one character per byte. */
  readonly rows: Map<string, RecoveredRow>
  clockMark: bigint
}

/** Where stores in memory keep their logs. A second store on the same medium finds what the first one left: a restart. */
export interface MemoryMedium {
  readonly logs: Map<string, MemoryContents>
}

export function createMemoryMedium(): MemoryMedium {
  return { logs: new Map() }
}

export function memoryContents(medium: MemoryMedium, name: string): MemoryContents {
  let contents = medium.logs.get(name)
  if (contents === undefined) {
    contents = { rows: new Map(), clockMark: 0n }
    medium.logs.set(name, contents)
  }
  return contents
}

/** A log that writes nothing: plain maps, with the same checks and the same order as the one on disk. */
export class MemoryLog implements ReplicaLog {
  readonly name: string
  readonly durability: Durability = 'memory'
  readonly poisoned = undefined
  readonly #contents: MemoryContents
  readonly #limits: StoreLimits
  readonly #release: () => void
  readonly #destroy: () => Promise<void>
  #recovered: RecoveredLog
  #closing: Promise<void> | undefined

  constructor(
    name: string,
    contents: MemoryContents,
    limits: StoreLimits,
    host: { readonly release: () => void; readonly destroy: () => Promise<void> }
  ) {
    this.name = name
    this.#contents = contents
    this.#limits = limits
    this.#release = host.release
    this.#destroy = host.destroy
    const keys = [...contents.rows.keys()].sort((a, b) => (a < b ? -1 : 1))
    this.#recovered = {
      rows: keys.map(key => contents.rows.get(key) as RecoveredRow),
      clockMark: contents.clockMark,
      quarantined: [],
      damaged: undefined
    }
  }

  get recovered(): RecoveredLog {
    return this.#recovered
  }

  append(batch: LogBatch): Promise<void> {
    if (this.#closing !== undefined) {
      return Promise.reject(new StoreClosedError(`the log ${JSON.stringify(this.name)}`))
    }
    try {
      checkBatch(batch, this.#limits)
    } catch (error) {
      return Promise.reject(error)
    }
    for (const row of batch.rows) {
      const id = String(kindByte(row.kind)) + Buffer.from(row.key).toString('latin1')
      if (row.value === undefined || row.hash === undefined) {
        this.#contents.rows.delete(id)
      } else {
        const { kind, key, value, hash } = row
        // Not slice(): a Node buffer's is a view.
        const copy = { key: new Uint8Array(key), value: new Uint8Array(value), hash: new Uint8Array(hash) }
        this.#contents.rows.set(id, { kind, ...copy })
      }
    }
    if (batch.clockMark > this.#contents.clockMark) this.#contents.clockMark = batch.clockMark
    return Promise.resolve()
  }

  /** Nothing here can fail, so there is never anything to recover. */
  async recover(): Promise<LogRecovery> {
    throw new TypeError('nothing has failed, so there is nothing to recover')
  }

  releaseRecovered(): void {
    this.#recovered = { ...this.#recovered, rows: [] }
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.resolve()
      this.#release()
    }
    return this.#closing
  }

  async destroy(): Promise<void> {
    await this.close()
    await this.#destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
