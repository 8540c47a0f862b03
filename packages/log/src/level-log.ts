import { checkBatch } from './check-batch.ts'
import type { Indeterminate } from './commit-queue.ts'
import type { StoreLimits } from './config.ts'
import type { Database } from './database.ts'
import { StoreClosedError, StoreDamagedError, StorePoisonedError, type Damage } from './errors.ts'
import type { LogState } from './log-state.ts'
import type {
  Durability,
  LogBatch,
  LogRecovery,
  ProgressListener,
  RecoveredLog,
  ReplicaLog,
  Restore
} from './types.ts'

/** What a log needs of its store. */
export interface LogHost {
  readonly limits: StoreLimits
  /** Told whenever the log is read. */
  readonly onProgress: ProgressListener | undefined
  /** A database that was not poisoned when this resolved: the present one, or the same opened again. */
  reopened(): Promise<Database>
  /** The log's name is free again. */
  release(): void
  /** Deletes the rows of the log, whose name is free. */
  destroy(): Promise<void>
}

/** Where a log stands at the moment: in one opening of the database. */
export interface Footing {
  readonly database: Database
  readonly state: LogState
  readonly recovered: RecoveredLog
}

/** What a recovery still owes the callers of indeterminate appends. */
interface Owed extends Indeterminate {
  /** Once it is known, it is not asked again: the number of its batch may be given to another. */
  tookEffect?: boolean | undefined
  known: boolean
}

/** A log on disk. */
export class LevelLog implements ReplicaLog {
  readonly name: string
  readonly durability: Durability
  readonly #host: LogHost
  #footing: Footing
  #recovered: RecoveredLog
  #owed: Owed[] = []
  #recovering: Promise<LogRecovery> | undefined
  /** Set while what was acknowledged is not known to be on disk. */
  #stopped: StorePoisonedError | undefined
  #closing: Promise<void> | undefined

  constructor(name: string, durability: Durability, footing: Footing, host: LogHost) {
    this.name = name
    this.durability = durability
    this.#host = host
    this.#footing = footing
    this.#recovered = footing.recovered
  }

  get recovered(): RecoveredLog {
    return this.#recovered
  }

  get poisoned(): StorePoisonedError | undefined {
    return this.#stopped ?? this.#footing.database.queue.poisoned
  }

  append(batch: LogBatch): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError())
    if (this.#stopped !== undefined) {
      return Promise.reject(new StorePoisonedError({ cause: this.#stopped.cause }))
    }
    let bytes: number
    try {
      bytes = checkBatch(batch, this.#host.limits)
    } catch (error) {
      return Promise.reject(error)
    }
    const { database, state } = this.#footing
    return database.queue.append(state, batch, bytes, this.durability === 'sync')
  }

  async recover(restore: Restore): Promise<LogRecovery> {
    if (this.#closing !== undefined) throw this.#closedError()
    if (this.poisoned === undefined) throw new TypeError('nothing has failed, so there is nothing to recover')
    if (this.#recovering !== undefined) throw new TypeError('the log is being recovered already; await that')
    this.#recovering = this.#recover(restore)
    try {
      return await this.#recovering
    } finally {
      this.#recovering = undefined
    }
  }

  releaseRecovered(): void {
    this.#recovered = { ...this.#recovered, rows: [] }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async destroy(): Promise<void> {
    await this.close()
    await this.#host.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#recovering?.catch(() => {})
    await this.#answered()
    this.#takeOwed()
    for (const owed of this.#owed.splice(0)) owed.settle(undefined)
    this.#footing.state.sizes = undefined
    this.#host.release()
  }

  async #recover(restore: Restore): Promise<LogRecovery> {
    this.#stopped ??= this.#footing.database.queue.poisoned
    await this.#answered()
    this.#takeOwed()
    const acknowledged = this.#footing.state
    const database = await this.#host.reopened()
    const state = database.stateOf(this.name, acknowledged.name)
    const onDisk = { batch: state.batch, sum: state.sum }
    const loaded = await database.load(this.name, state, this.#host.onProgress)
    const found = withLost(this.name, loaded, acknowledged, onDisk, this.#owed)
    this.#footing = { database, state, recovered: found }
    this.#recovered = found
    for (const owed of this.#owed) {
      if (owed.known) continue
      owed.known = true
      owed.tookEffect = state.metaDamaged ? undefined : onDisk.batch >= owed.batch
    }
    let rowsRestored = 0
    for (const batch of restore(found) ?? []) {
      const bytes = checkBatch(batch, this.#host.limits)
      await database.queue.append(state, batch, bytes, true)
      rowsRestored += batch.rows.length
    }
    if (database.queue.poisoned !== undefined) {
      throw new StorePoisonedError({ cause: database.queue.poisoned.cause })
    }
    this.#stopped = undefined
    for (const owed of this.#owed.splice(0)) owed.settle(owed.tookEffect)
    return { found, rowsRestored, proven: found.damaged === undefined }
  }

  /** Every append of this log has got its answer. */
  #answered(): Promise<void> {
    const { database, state } = this.#footing
    return database.queue.answered(state)
  }

  #takeOwed(): void {
    const { database, state } = this.#footing
    for (const one of database.queue.takeIndeterminate(state)) this.#owed.push({ ...one, known: false })
  }

  #closedError(): StoreClosedError {
    return new StoreClosedError(`the log ${JSON.stringify(this.name)}`)
  }
}

/**
 * Adds to what was found that the disk is not where it has to be: at the last acknowledged state, or at the one that the write which
 * failed would have made.
 */
function withLost(
  name: string,
  found: RecoveredLog,
  acknowledged: LogState,
  onDisk: Pick<LogState, 'batch' | 'sum'>,
  owed: readonly Owed[]
): RecoveredLog {
  const expected =
    onDisk.batch === acknowledged.batch
      ? onDisk.sum.equals(acknowledged.sum)
      : owed.some(one => !one.known && one.batch === onDisk.batch)
  if (expected) return found
  const lost: Damage = {
    type: 'behindAcknowledged',
    batch: onDisk.batch,
    acknowledged: acknowledged.batch
  }
  return { ...found, damaged: new StoreDamagedError(name, [...(found.damaged?.damage ?? []), lost]) }
}
