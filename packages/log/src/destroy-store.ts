import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exclusively } from './exclusive.ts'
import { MARK_FILE, syncFolder } from './folder.ts'
import { classicLevel } from './level.ts'

/**
 * Deletes the store in a folder: its database and its side mark. The folder stays, and so does everything else in it, also a
 * database that was moved aside. Where there is no store, there is nothing to do.
 *
 * Rejects with `StoreLockedError` while somebody owns the folder; nothing was changed then. Rejects with `StoreOpenError`
 * when the system refuses; then a part may be gone.
 */
export async function destroyStore(options: { readonly directory: string }): Promise<void> {
  await exclusively(options, classicLevel, async (directory, location) => {
    // The mark goes last: as long as it is there, a half-deleted store is not taken for a new one.
    if (location !== undefined) await rm(location, { recursive: true, force: true })
    await syncFolder(directory)
    await rm(join(directory, MARK_FILE), { force: true })
    await syncFolder(directory)
  })
}
