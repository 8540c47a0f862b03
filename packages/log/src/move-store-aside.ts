import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { exclusively } from './exclusive.ts'
import { MARK_FILE, exists, openMarkFile, syncFolder } from './folder.ts'
import { classicLevel } from './level.ts'
import { readMark, writeMark } from './side-mark.ts'

/**
 * Moves a database that cannot be opened out of the way, so that its folder can be used again: to `store.aside-1`, or the
 * first number that is free, in the same folder. Nothing is deleted. The next opening finds an empty store that says of
 * every log that acknowledged writes are lost. Returns the new path, or `undefined` when there is no database.
 *
 * Rejects with `StoreLockedError` (somebody owns the folder) or `StoreOpenError`; the database is where it was then.
 */
export function moveStoreAside(options: { readonly directory: string }): Promise<string | undefined> {
  return exclusively(options, classicLevel, async (directory, location) => {
    if (location === undefined) return undefined
    await markLost(join(directory, MARK_FILE))
    let number = 1
    while (await exists(`${location}.aside-${number}`)) number++
    const aside = `${location}.aside-${number}`
    await rename(location, aside)
    await syncFolder(directory)
    return aside
  })
}

/** A mark ahead of the empty store is what makes it report the loss. It is there already, unless it was lost as well. */
async function markLost(path: string): Promise<void> {
  const file = await openMarkFile(path)
  try {
    const mark = readMark(await file.read())
    if (mark === undefined || mark.batch === 0n) await writeMark(file, { batch: 1n, clockMark: 0n })
    await file.sync()
  } finally {
    await file.close()
  }
}
