import { mkdir, open, realpath, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { resolveLimits, type StoreLimits } from './config.ts'
import { StoreLockedError } from './errors.ts'
import { takeGuard } from './guard.ts'
import { classicLevel, type Level } from './level.ts'
import { LevelStore, checkDurability } from './level-store.ts'
import { toOpenError } from './open-error.ts'
import { readStore, readStoreRow } from './read-store.ts'
import { SideMark } from './side-mark.ts'
import type { Durability, Store } from './types.ts'

const DATABASE_FOLDER = 'store'
const MARK_FILE = 'mark'

/** What `openStore` is told. */
export interface StoreOptions {
  /** The folder, made when missing. Holds `store/` (the database), `mark` and `lock`; other files in it are left alone. */
  readonly directory: string
  /** How durable logs are that do not say so themselves. Default `'sync'`. */
  readonly durability?: Durability
  readonly limits?: Partial<StoreLimits>
}

/**
 * Opens a folder of logs as its only owner.
 *
 * Rejects with `StoreLockedError` (somebody owns it), `StoreOpenError` (it cannot be used; the message says what to do) or
 * `FormatNewerError`; then nothing was created or changed. Damage is no reason to refuse: it is reported by each log.
 */
export function openStore(options: StoreOptions): Promise<Store> {
  return openStoreOn(options, classicLevel)
}

/** `openStore` on any database; the way tests put faults under the store. */
export async function openStoreOn(
  options: StoreOptions,
  createLevel: (location: string) => Level
): Promise<LevelStore> {
  if (typeof options.directory !== 'string' || options.directory === '') {
    throw new TypeError('directory must be the path of a folder')
  }
  const limits = resolveLimits(options.limits)
  const durability = checkDurability(options.durability ?? 'sync')
  const undo: ((reason: Error) => Promise<unknown>)[] = []
  let directory = resolve(options.directory)
  try {
    const made = await mkdir(directory, { recursive: true, mode: 0o700 })
    if (made !== undefined) undo.push(() => removeMade(resolve(options.directory), made))
    const topmost = made === undefined ? directory : dirname(made)
    directory = await realpath(directory)
    const guard = await takeGuard(directory)
    undo.push(() => guard.release())

    const location = join(directory, DATABASE_FOLDER)
    if (!(await exists(location))) undo.push(reason => removeDatabase(location, reason))
    const level = createLevel(location)
    undo.push(() => level.close())
    await level.open()
    const row = await readStoreRow(level, directory)
    await syncFolders(resolve(options.directory), topmost)

    let store: LevelStore | undefined
    const markPath = join(directory, MARK_FILE)
    if (!(await exists(markPath))) undo.push(() => rm(markPath, { force: true }))
    const { mark, found } = await SideMark.open(markPath, error => store?.poison(error))
    undo.push(() => mark.close())
    const reading = await readStore(level, row, found)
    store = new LevelStore({ directory, level, guard, mark, reading, durability, limits })
    return store
  } catch (error) {
    const reason = toOpenError(directory, error)
    for (const step of undo.reverse()) await step(reason).catch(() => {})
    throw reason
  }
}

/** Removes a database folder that was not there before; unless it is locked, for then somebody else made it meanwhile. */
async function removeDatabase(location: string, reason: Error): Promise<void> {
  if (!(reason instanceof StoreLockedError)) await rm(location, { recursive: true, force: true })
}

/**
 * Makes new folders survive a power cut: LevelDB syncs what is inside its own, nobody else syncs the entries that lead
 * there. Platforms that cannot sync a folder refuse to open one.
 */
async function syncFolders(directory: string, topmost: string): Promise<void> {
  for (let path = directory; ; path = dirname(path)) {
    try {
      const folder = await open(path, 'r')
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EISDIR' && code !== 'EPERM' && code !== 'EACCES' && code !== 'EINVAL') throw error
    }
    if (path === topmost || path === dirname(path)) return
  }
}

/** Removes the folders this call made, innermost first, as far as they are empty. */
async function removeMade(directory: string, outermost: string): Promise<void> {
  for (let path = directory; ; path = dirname(path)) {
    await rmdir(path)
    if (path === outermost || path === dirname(path)) return
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
