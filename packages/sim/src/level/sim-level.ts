import type { DiskFile, DiskProcess } from '../disk/disk-process.ts'
import { LEVEL_TABLES_MAX, LEVEL_WRITE_BUFFER_BYTES } from '../config.ts'
import { compareBytes, decodeBatch, encodeBatch, type SimLevelOperation, type TableEntry } from './entries.ts'
import { corruption, SimLevelError, toLevelError } from './level-error.ts'
import { LevelLock } from './level-lock.ts'
import { fileNames, Manifest, parseName, readCurrent, type Version } from './manifest.ts'
import { merged, MemoryTable } from './memory-table.ts'
import { RecordWriter } from './record-log.ts'
import { replayLogs } from './replay.ts'
import { Tables } from './tables.ts'

/** How a {@link SimLevel} behaves. */
export interface SimLevelInit {
  /** Bytes in memory beyond which a table is written. Default {@link LEVEL_WRITE_BUFFER_BYTES}; small ones make more happen. */
  readonly writeBufferBytes?: number
}

/** A half-open range of keys. */
export interface SimLevelRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

/** A scan over the state at the call that made it. */
export interface SimLevelScan {
  /** Up to `size` entries in the order of their keys; an empty list is the end. */
  next(size: number): Promise<readonly (readonly [key: Uint8Array, value: Uint8Array])[]>
  close(): Promise<void>
}

interface OpenLog {
  readonly number: number
  readonly file: DiskFile
  readonly writer: RecordWriter
}

/**
 * An ordered key-value database on a simulated disk, built like LevelDB 1.20 under classic-level 3 as far as crashes and
 * faults can tell: a log of batches, tables, a manifest. It has its measured faults for the same reasons:
 *
 * - after a failed write of the log later synced batches succeed and are gone after reopening;
 * - one bad block of the log drops batches at opening without an error; so does a read error;
 * - a flipped bit in a table gives a wrong value without an error;
 * - a second open in one process fails and drops the lock, so that another process gets in;
 * - after a failed sync every write fails, and the failed batch may or may not exist after reopening;
 * - without `sync` a power cut takes the tail, and can take older unsynced batches while it leaves newer synced ones.
 */
export class SimLevel {
  readonly #process: DiskProcess
  readonly #location: string
  readonly #writeBufferBytes: number
  #lock: LevelLock | undefined
  #manifest: Manifest | undefined
  #log: OpenLog | undefined
  #memory = new MemoryTable()
  /** Being written to a table. */
  #immutable: MemoryTable | undefined
  #tables: Tables
  /** Logs before this one are in tables. */
  #logNumber = 0
  #nextNumber = 1
  /** Every write fails once it is set. */
  #failure: unknown
  #writes: Promise<unknown> = Promise.resolve()
  #background: Promise<void> = Promise.resolve()

  constructor(process: DiskProcess, location: string, init: SimLevelInit = {}) {
    this.#process = process
    this.#location = location
    this.#tables = new Tables(process, location)
    this.#writeBufferBytes = init.writeBufferBytes ?? LEVEL_WRITE_BUFFER_BYTES
  }

  /** Rejects with {@link SimLevelError} `LEVEL_DATABASE_NOT_OPEN`; its cause says why. */
  async open(): Promise<void> {
    try {
      await this.#makeFolder()
      this.#lock = await LevelLock.take(this.#process, this.#location)
      await this.#recover()
    } catch (error) {
      await this.#release()
      throw new SimLevelError('LEVEL_DATABASE_NOT_OPEN', 'Database failed to open', {
        cause: toLevelError(error)
      })
    }
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#failing(async () => {
      this.#opened()
      const inMemory = this.#memory.get(key) ?? this.#immutable?.get(key)
      if (inMemory !== undefined) return inMemory.value
      return (await this.#tables.find(key))?.value
    })
  }

  batch(operations: readonly SimLevelOperation[], options: { readonly sync: boolean }): Promise<void> {
    const record = encodeBatch(operations)
    const done = this.#writes.then(() => this.#failing(() => this.#write(record, options.sync)))
    this.#writes = done.catch(() => {})
    return done
  }

  scan(range: SimLevelRange): SimLevelScan {
    this.#opened()
    const tables = this.#tables
    const newer = [this.#immutable?.values() ?? [], this.#memory.values()]
    let rest: TableEntry[] | undefined
    return {
      next: size =>
        this.#failing(async () => {
          if (rest === undefined) {
            rest = merged([...(await tables.read()), ...newer]).filter(
              ({ key, value }) =>
                value !== undefined && compareBytes(key, range.gte) >= 0 && compareBytes(key, range.lt) < 0
            )
          }
          return rest.splice(0, size).map(({ key, value }) => [key, value ?? new Uint8Array(0)] as const)
        }),
      close: () => Promise.resolve()
    }
  }

  /** Leaves one table without what was deleted or overwritten. A failure shows in the next batch. */
  async compact(): Promise<void> {
    this.#opened()
    const done = this.#writes.then(async () => {
      if (this.#failure === undefined && this.#memory.size > 0) await this.#rotate()
    })
    this.#writes = done.catch(() => {})
    await this.#writes
    this.#later(() => this.#merge())
    await this.#background
  }

  /** The lengths of all its files. */
  async bytesOnDisk(): Promise<number> {
    return this.#failing(async () => {
      let sum = 0
      for (const name of await this.#process.list(this.#location)) {
        sum += (await this.#process.stat(`${this.#location}/${name}`))?.size ?? 0
      }
      return sum
    })
  }

  /** Waits for its own work; syncs nothing. */
  async close(): Promise<void> {
    await this.#writes
    await this.#background
    await this.#tables.close()
    await this.#log?.file.close()
    await this.#manifest?.close()
    this.#log = undefined
    await this.#release()
  }

  async #write(record: Uint8Array, sync: boolean): Promise<void> {
    this.#opened()
    if (this.#failure !== undefined) throw this.#failure
    if (this.#memory.bytes > this.#writeBufferBytes) await this.#rotate()
    // A failure here is forgotten: the next batch goes on behind half a record.
    await this.#log?.writer.append(record)
    if (sync) {
      try {
        await this.#log?.file.sync()
      } catch (error) {
        this.#failure = error
        throw error
      }
    }
    for (const entry of decodeBatch(record)) this.#memory.set(entry)
  }

  /** Goes on with a new log, and writes what is in memory to a table meanwhile. */
  async #rotate(): Promise<void> {
    await this.#background
    if (this.#failure !== undefined) throw this.#failure
    const before = this.#log
    const { number: logNumber } = await this.#newLog()
    await before?.file.close()
    const full = this.#memory
    this.#immutable = full
    this.#memory = new MemoryTable()
    this.#later(async () => {
      await this.#addTable(full.values())
      this.#logNumber = logNumber
      await this.#manifest?.append(this.#version())
      this.#immutable = undefined
      await this.#removeObsolete()
      if (this.#tables.numbers.length > LEVEL_TABLES_MAX) await this.#merge()
    })
  }

  /** Work in the background: one at a time, and the first failure stops all writing. */
  #later(work: () => Promise<void>): void {
    this.#background = this.#background.then(async () => {
      try {
        if (this.#failure === undefined) await work()
      } catch (error) {
        this.#failure = error
      }
    })
  }

  async #merge(): Promise<void> {
    const before = this.#tables
    const lists = await before.read()
    const live = merged(lists).filter(entry => entry.value !== undefined)
    const entries = lists.reduce((sum, list) => sum + list.length, 0)
    if (lists.length === 0 || (lists.length === 1 && live.length === entries)) return
    await this.#addTable(live)
    this.#tables = this.#tables.without(before)
    await this.#manifest?.append(this.#version())
    await this.#removeObsolete()
  }

  async #makeFolder(): Promise<void> {
    if ((await this.#process.stat(this.#location)) === undefined)
      await this.#process.makeFolder(this.#location)
  }

  async #recover(): Promise<void> {
    const found = await readCurrent(this.#process, this.#location)
    const version: Version = found ?? { logNumber: 0, nextNumber: 2, tables: [] }
    // The real one does not sync its first manifest and relies on ext4 for the name of CURRENT; this disk is harsher.
    if (found === undefined) {
      await (await Manifest.create(this.#process, this.#location, 1, version)).close()
    }
    const names = await this.#process.list(this.#location)
    for (const number of version.tables) {
      if (!names.includes(fileNames.table(number))) throw corruption(`missing files; e.g.: ${number}`)
      this.#tables = await this.#tables.withExisting(number)
    }
    const { memory, nextNumber } = await replayLogs(this.#process, this.#location, version.logNumber)
    this.#nextNumber = Math.max(version.nextNumber, nextNumber)
    if (memory.size > 0) await this.#addTable(memory.values())
    this.#logNumber = (await this.#newLog()).number
    const manifest = this.#nextNumber++
    this.#manifest = await Manifest.create(this.#process, this.#location, manifest, this.#version())
    await this.#removeObsolete()
  }

  async #newLog(): Promise<OpenLog> {
    const number = this.#nextNumber++
    const file = await this.#process.open(`${this.#location}/${fileNames.log(number)}`, {
      create: true,
      truncate: true
    })
    // On ext4 the first sync of a file brings its name to the disk; here the folder has to be synced.
    await this.#process.syncFolder(this.#location)
    this.#log = { number, file, writer: new RecordWriter(file) }
    return this.#log
  }

  async #addTable(entries: readonly TableEntry[]): Promise<void> {
    this.#tables = await this.#tables.withNew(this.#nextNumber++, entries)
  }

  #version(): Version {
    return { logNumber: this.#logNumber, nextNumber: this.#nextNumber, tables: this.#tables.numbers }
  }

  /** Removes the files that no version needs. What cannot be removed stays. */
  async #removeObsolete(): Promise<void> {
    const live = new Set(this.#tables.numbers)
    for (const name of await this.#process.list(this.#location)) {
      const parsed = parseName(name)
      if (parsed === undefined) continue
      const { kind, number } = parsed
      const needed =
        kind === 'log'
          ? number >= this.#logNumber
          : kind === 'table'
            ? live.has(number)
            : kind === 'manifest' && number >= (this.#manifest?.number ?? 0)
      if (!needed) await this.#process.unlink(`${this.#location}/${name}`).catch(() => {})
    }
  }

  async #release(): Promise<void> {
    const lock = this.#lock
    if (lock === undefined) return
    this.#lock = undefined
    await lock.release()
  }

  #opened(): void {
    if (this.#log === undefined) throw new SimLevelError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open')
  }

  async #failing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw toLevelError(error)
    }
  }
}
