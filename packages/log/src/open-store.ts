import { resolveLimits, type StoreLimits } from './config.ts'
import { ownFolder, type OwnedFolder } from './folder.ts'
import { classicLevel, type LevelFactory } from './level.ts'
import { LevelStore, checkDurability } from './level-store.ts'
import type { StoreMedium } from './medium.ts'
import { toOpenError } from './open-error.ts'
import type { Durability, Store } from './types.ts'

/** What every store is told. */
export interface StoreInit {
  /** How durable logs are that do not say so themselves. Default `'sync'`. */
  readonly durability?: Durability
  readonly limits?: Partial<StoreLimits>
}

/** What `openStore` is told. */
export interface StoreOptions extends StoreInit {
  /** The folder, made when missing. Holds `store/` (the database), `mark` and `lock`; other files in it are left alone. */
  readonly directory: string
}

/**
 * Opens a folder of logs as its only owner.
 *
 * Rejects with `StoreLockedError` (somebody owns it), `StoreOpenError` (it cannot be used; the message says what to do),
 * `FormatNewerError` or `FormatOlderError`; then nothing was created or changed. Damage is no reason to refuse: it is
 * reported by each log.
 */
export function openStore(options: StoreOptions): Promise<Store> {
  return openStoreOn(options, classicLevel)
}

/**
 * Opens a store on a medium of the caller's: another ordered database, or a simulated disk. The store releases the medium when
 * it closes, and when it cannot be opened.
 *
 * Rejects as `openStore` does.
 */
export async function openStoreIn(medium: StoreMedium, init: StoreInit = {}): Promise<Store> {
  const { durability, limits } = checkInit(init)
  try {
    return await LevelStore.open(medium, durability, limits)
  } catch (error) {
    await medium.release().catch(() => {})
    throw error
  }
}

/** `openStore` on any database; the way tests put faults under the store. */
export async function openStoreOn(options: StoreOptions, createLevel: LevelFactory): Promise<Store> {
  const directory = checkDirectory(options.directory)
  const { durability, limits } = checkInit(options)
  let folder: OwnedFolder | undefined
  try {
    folder = await ownFolder(directory, createLevel)
    return await LevelStore.open(folder.medium, durability, limits)
  } catch (error) {
    const reason = toOpenError(directory, error)
    await folder?.undo(reason)
    throw reason
  }
}

/** Refuses what is no path. */
export function checkDirectory(directory: string): string {
  if (typeof directory !== 'string' || directory === '') {
    throw new TypeError('directory must be the path of a folder')
  }
  return directory
}

function checkInit(init: StoreInit): { readonly durability: Durability; readonly limits: StoreLimits } {
  return { durability: checkDurability(init.durability ?? 'sync'), limits: resolveLimits(init.limits) }
}
