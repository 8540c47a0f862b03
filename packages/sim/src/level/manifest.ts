import type { DiskFile, DiskProcess } from '../disk/disk-process.ts'
import { corruption } from './level-error.ts'
import { readRecords, RecordWriter } from './record-log.ts'

/** Which files make up a database. */
export interface Version {
  /** Logs from this number on hold what no table does. */
  readonly logNumber: number
  /** Greater than every number in use. */
  readonly nextNumber: number
  /** Numbers of the tables, oldest first: a later one overrides an earlier one. */
  readonly tables: readonly number[]
}

/** The names of a database's files. */
export const fileNames = {
  current: 'CURRENT',
  lock: 'LOCK',
  log: (number: number): string => `${padded(number)}.log`,
  table: (number: number): string => `${padded(number)}.ldb`,
  manifest: (number: number): string => `MANIFEST-${padded(number)}`,
  temporary: (number: number): string => `${padded(number)}.dbtmp`
}

/** The number in a file's name, with its kind; `undefined` for a file without one. */
export function parseName(
  name: string
): { readonly kind: 'log' | 'table' | 'manifest' | 'temporary'; readonly number: number } | undefined {
  const manifest = /^MANIFEST-(\d+)$/.exec(name)
  if (manifest !== null) return { kind: 'manifest', number: Number(manifest[1]) }
  const match = /^(\d+)\.(log|ldb|dbtmp)$/.exec(name)
  if (match === null) return undefined
  const kind = match[2] === 'log' ? 'log' : match[2] === 'ldb' ? 'table' : 'temporary'
  return { kind, number: Number(match[1]) }
}

/** The file that says which files count. A record is a whole version; the last one holds. */
export class Manifest {
  readonly number: number
  readonly #process: DiskProcess
  readonly #location: string
  readonly #file: DiskFile
  readonly #writer: RecordWriter

  private constructor(process: DiskProcess, location: string, number: number, file: DiskFile) {
    this.number = number
    this.#process = process
    this.#location = location
    this.#file = file
    this.#writer = new RecordWriter(file)
  }

  /** Writes a new manifest that holds `version`, durably, and only then makes it the current one. */
  static async create(
    process: DiskProcess,
    location: string,
    number: number,
    version: Version
  ): Promise<Manifest> {
    const file = await process.open(`${location}/${fileNames.manifest(number)}`, {
      create: true,
      truncate: true
    })
    const manifest = new Manifest(process, location, number, file)
    await manifest.append(version)
    await makeCurrent(process, location, number)
    return manifest
  }

  /**
   * Syncs the folder first, so that the files it names can be found. The real one does so only before it syncs the record:
   * ext4 brings no data to the disk before the names that were made earlier, this disk may.
   */
  async append(version: Version): Promise<void> {
    await this.#process.syncFolder(this.#location)
    await this.#writer.append(encodeVersion(version))
    await this.#file.sync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/**
 * The current version; `undefined` when there is no database.
 *
 * @throws SimLevelError with `LEVEL_CORRUPTION`: a damaged manifest is never ignored.
 */
export async function readCurrent(process: DiskProcess, location: string): Promise<Version | undefined> {
  if ((await process.stat(`${location}/${fileNames.current}`)) === undefined) return undefined
  const name = String.fromCharCode(...(await readWhole(process, `${location}/${fileNames.current}`)))
  if (!name.endsWith('\n')) throw corruption('CURRENT file does not end with newline')
  const path = `${location}/${name.slice(0, -1)}`
  if (!path.includes('MANIFEST-') || (await process.stat(path)) === undefined) {
    throw corruption('CURRENT points to a non-existent file')
  }
  const { records, problems } = readRecords(await readWhole(process, path))
  if (problems[0] !== undefined) throw corruption(problems[0])
  const last = records.at(-1)
  if (last === undefined) throw corruption('no meta-nextfile entry in descriptor')
  return decodeVersion(last)
}

/** All bytes of a file. */
export async function readWhole(process: DiskProcess, path: string): Promise<Uint8Array> {
  const file = await process.open(path)
  const content = await file.read(0, file.size)
  await file.close()
  return content
}

async function makeCurrent(process: DiskProcess, location: string, number: number): Promise<void> {
  const temporary = `${location}/${fileNames.temporary(number)}`
  const file = await process.open(temporary, { create: true, truncate: true })
  await file.write(
    0,
    Uint8Array.from(`${fileNames.manifest(number)}\n`, char => char.charCodeAt(0))
  )
  await file.sync()
  await file.close()
  await process.rename(temporary, `${location}/${fileNames.current}`)
}

function encodeVersion(version: Version): Uint8Array {
  const out = new Uint8Array(8 + version.tables.length * 4)
  const view = new DataView(out.buffer)
  view.setUint32(0, version.logNumber)
  view.setUint32(4, version.nextNumber)
  for (const [i, table] of version.tables.entries()) view.setUint32(8 + i * 4, table)
  return out
}

function decodeVersion(record: Uint8Array): Version {
  if (record.length < 8 || record.length % 4 !== 0) throw corruption('VersionEdit')
  const view = new DataView(record.buffer, record.byteOffset, record.length)
  const tables = Array.from({ length: (record.length - 8) / 4 }, (_, i) => view.getUint32(8 + i * 4))
  return { logNumber: view.getUint32(0), nextNumber: view.getUint32(4), tables }
}

function padded(number: number): string {
  return String(number).padStart(6, '0')
}
