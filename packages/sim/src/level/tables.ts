import type { DiskFile, DiskProcess } from '../disk/disk-process.ts'
import { compareBytes, decodeTable, encodeTable, type TableEntry } from './entries.ts'
import { fileNames } from './manifest.ts'
import { merged } from './memory-table.ts'

interface Table {
  readonly number: number
  readonly file: DiskFile
}

/** The tables of a database, oldest first, each read again from the disk whenever it is needed. Never changed: replaced. */
export class Tables {
  readonly #process: DiskProcess
  readonly #location: string
  readonly #list: readonly Table[]

  constructor(process: DiskProcess, location: string, list: readonly Table[] = []) {
    this.#process = process
    this.#location = location
    this.#list = list
  }

  get numbers(): readonly number[] {
    return this.#list.map(table => table.number)
  }

  /** These and one more, which is there already. */
  async withExisting(number: number): Promise<Tables> {
    const file = await this.#process.open(`${this.#location}/${fileNames.table(number)}`)
    return new Tables(this.#process, this.#location, [...this.#list, { number, file }])
  }

  /** These and a new one, synced. */
  async withNew(number: number, entries: readonly TableEntry[]): Promise<Tables> {
    const path = `${this.#location}/${fileNames.table(number)}`
    const file = await this.#process.open(path, { create: true, truncate: true })
    await file.write(0, encodeTable(merged([entries])))
    await file.sync()
    return new Tables(this.#process, this.#location, [...this.#list, { number, file }])
  }

  without(other: Tables): Tables {
    const gone = new Set(other.numbers)
    return new Tables(
      this.#process,
      this.#location,
      this.#list.filter(table => !gone.has(table.number))
    )
  }

  /** The newest entry of a key. */
  async find(key: Uint8Array): Promise<TableEntry | undefined> {
    for (const entries of (await this.read()).toReversed()) {
      const entry = entries.findLast(one => compareBytes(one.key, key) === 0)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  /** The entries of each table. */
  async read(): Promise<readonly (readonly TableEntry[])[]> {
    const lists: (readonly TableEntry[])[] = []
    for (const { file } of this.#list) lists.push(decodeTable(await file.read(0, file.size)))
    return lists
  }

  async close(): Promise<void> {
    for (const { file } of this.#list) await file.close()
  }
}
