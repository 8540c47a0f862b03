import type { DiskFile, DiskProcess } from '../disk/disk-process.ts'
import { SimLevelError } from './level-error.ts'
import { fileNames } from './manifest.ts'

/** The databases that a process holds, as LevelDB remembers them inside it. */
const held = new WeakMap<DiskProcess, Set<string>>()

/** LevelDB's lock on a database, with its hole. */
export class LevelLock {
  readonly #file: DiskFile
  readonly #mine: Set<string>

  private constructor(file: DiskFile, mine: Set<string>) {
    this.#file = file
    this.#mine = mine
  }

  /** Rejects with `LEVEL_LOCKED`. */
  static async take(process: DiskProcess, location: string): Promise<LevelLock> {
    const path = `${location}/${fileNames.lock}`
    const file = await process.open(path, { create: true })
    const mine = held.get(process) ?? new Set<string>()
    held.set(process, mine)
    if (mine.has(path)) {
      // As in LevelDB, closing this handle gives up the lock that the process holds through its other one.
      await file.close()
      throw new SimLevelError('LEVEL_LOCKED', `IO error: lock ${path}: already held by process`)
    }
    if (!(await file.lock())) {
      await file.close()
      throw new SimLevelError('LEVEL_LOCKED', `IO error: lock ${path}: Resource temporarily unavailable`)
    }
    mine.add(path)
    return new LevelLock(file, mine)
  }

  async release(): Promise<void> {
    this.#mine.delete(this.#file.path)
    await this.#file.close()
  }
}
