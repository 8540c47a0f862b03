import { constants } from 'node:fs'
import { mkdir, open, realpath, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StoreLockedError } from './errors.ts'
import { takeGuard } from './guard.ts'
import type { Level, LevelFactory } from './level.ts'
import type { MarkFile, StoreMedium } from './medium.ts'

/** The database's folder, inside a store's. */
export const DATABASE_FOLDER = 'store'
/** The side mark. */
export const MARK_FILE = 'mark'

/** A folder that is ours until it is released. */
export interface OwnedFolder {
  readonly medium: StoreMedium
  /** Takes back everything this opening made, and releases the folder. */
  undo(reason: Error): Promise<void>
}

/**
 * Makes the folder where it is missing and becomes its only owner. Rejects with `StoreLockedError` or the system's error;
 * nothing is left behind then.
 */
export async function ownFolder(path: string, createLevel: LevelFactory): Promise<OwnedFolder> {
  const asked = resolve(path)
  const steps: ((reason: Error) => Promise<unknown>)[] = []
  const undo = async (reason: Error): Promise<void> => {
    for (const step of steps.reverse()) await step(reason).catch(() => {})
  }
  try {
    const made = await mkdir(asked, { recursive: true, mode: 0o700 })
    if (made !== undefined) steps.push(() => removeMade(asked, made))
    const directory = await realpath(asked)
    const guard = await takeGuard(directory)
    steps.push(() => guard.release())
    const location = join(directory, DATABASE_FOLDER)
    if (!(await exists(location))) steps.push(reason => removeDatabase(location, reason))
    const markPath = join(directory, MARK_FILE)
    if (!(await exists(markPath))) steps.push(() => rm(markPath, { force: true }))
    await mkdir(location, { recursive: true })
    // Whoever made a folder may have died before it was synced, so who made it does not matter.
    await syncFolders(asked)
    const medium: StoreMedium = {
      directory,
      level: () => openedDurably(createLevel(location), location),
      openMark: () => openMarkFile(markPath),
      release: () => guard.release()
    }
    return { medium, undo }
  } catch (error) {
    await undo(error as Error)
    throw error
  }
}

/** The side mark as a file, which can be synced where that matters. */
export async function openMarkFile(path: string): Promise<MarkFile & { sync(): Promise<void> }> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  return {
    async read() {
      const bytes = new Uint8Array(MARK_BYTES_MAX)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
      return bytes.subarray(0, bytesRead)
    },
    async write(bytes, at) {
      await file.write(bytes, 0, bytes.length, at)
    },
    sync: () => file.sync(),
    close: () => file.close()
  }
}

/** More than a mark ever holds. */
const MARK_BYTES_MAX = 64

/** Makes a folder's own entries survive a power cut. Platforms that cannot sync a folder refuse to open one. */
export async function syncFolder(path: string): Promise<void> {
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
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Removes a database folder that was not there before; unless it is locked, for then somebody else made it meanwhile. */
async function removeDatabase(location: string, reason: Error): Promise<void> {
  if (!(reason instanceof StoreLockedError)) await rm(location, { recursive: true, force: true })
}

/** New folders survive a power cut: LevelDB syncs what is inside its own, nobody else syncs the entries that lead there. */
async function syncFolders(directory: string): Promise<void> {
  for (let path = directory; ; path = dirname(path)) {
    await syncFolder(path)
    if (path === dirname(path)) return
  }
}

/** Removes the folders this call made, innermost first, as far as they are empty. */
async function removeMade(directory: string, outermost: string): Promise<void> {
  for (let path = directory; ; path = dirname(path)) {
    await rmdir(path)
    if (path === outermost || path === dirname(path)) return
  }
}

/**
 * LevelDB leaves the name of its newest manifest to whoever syncs its folder next. Until then a power cut brings back the files
 * that this opening replaced, and with them an end of the log that reading them had already settled.
 */
function openedDurably(level: Level, location: string): Level {
  return {
    open: async () => {
      await level.open()
      await syncFolder(location)
    },
    get: key => level.get(key),
    batch: (operations, options) => level.batch(operations, options),
    scan: range => level.scan(range),
    compact: () => level.compact(),
    bytesOnDisk: () => level.bytesOnDisk(),
    close: () => level.close()
  }
}
