import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreLockedError } from './errors.ts'
import { DATABASE_FOLDER, exists } from './folder.ts'
import { takeGuard } from './guard.ts'
import type { LevelFactory } from './level.ts'
import { toOpenError } from './open-error.ts'
import { checkDirectory } from './open-store.ts'

/**
 * Does something to a folder whose store is closed, as its only owner meanwhile. `work` is given the folder's real path and that of its
 * database, if there is one. A folder that does not exist is left so.
 */
export async function exclusively<T>(
  options: { readonly directory: string },
  createLevel: LevelFactory,
  work: (directory: string, location: string | undefined) => Promise<T>
): Promise<T | undefined> {
  const asked = checkDirectory(options.directory)
  try {
    if (!(await exists(asked))) return undefined
    const directory = await realpath(asked)
    const guard = await takeGuard(directory)
    try {
      const location = join(directory, DATABASE_FOLDER)
      const there = await exists(location)
      if (there) await refuseOpenElsewhere(directory, createLevel(location))
      return await work(directory, there ? location : undefined)
    } finally {
      await guard.release()
    }
  } catch (error) {
    throw toOpenError(asked, error)
  }
}

/**
 * The database's own lock tells of owners that the guard cannot see, such as one in another container. That the database does not
 * open for another reason may be why we are here.
 */
async function refuseOpenElsewhere(directory: string, level: ReturnType<LevelFactory>): Promise<void> {
  try {
    await level.open()
  } catch (error) {
    const reason = toOpenError(directory, error)
    if (reason instanceof StoreLockedError) throw reason
  } finally {
    await level.close().catch(() => {})
  }
}
