import { link, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { StoreLockedError } from './errors.ts'
import { isAlive, thisProcess, type ProcessIdentity } from './process-identity.ts'

const LOCK_FILE = 'lock'

/** Names that contenders give: tickets, their copies, and locks on the locks of dead owners. Other files are not ours. */
const LEFT_BEHIND = /^lock(\.((ticket-)?[0-9a-f]{16}-\d{1,10}|unreadable|\d))+$/

/** Rounds of claiming a lock that changes hands meanwhile. Each needs another process to have come and gone. */
const CLAIM_ROUNDS_MAX = 16

/** Owners that died while taking over from one another, in a row. */
const TAKEOVER_DEPTH_MAX = 8

/** The only permission to touch a store's database. */
export interface Guard {
  release(): Promise<void>
}

interface Owner extends ProcessIdentity {
  /** Unique per claim, so that a lock file is never mistaken for an earlier one of the same process. */
  readonly id: string
}

/**
 * Folders owned by handles of this thread, by real path. It hangs on the global object under a registered symbol, so that
 * two installed copies of this package see each other.
 */
const OWNED = Symbol.for('starling.log.owned')
const shared = globalThis as { [OWNED]?: Set<string> }
const owned: Set<string> = (shared[OWNED] ??= new Set())

/**
 * Takes the folder for this handle, or rejects with `StoreLockedError`.
 *
 * It comes before LevelDB is touched, because a second open inside a process, even a failed one, drops LevelDB's own lock
 * (measured). The lock file holds the owner's process id and start time; a dead owner's is taken over at once. Processes
 * in different containers cannot see each other here; LevelDB's own lock stands behind this one for them.
 */
export async function takeGuard(directory: string): Promise<Guard> {
  if (owned.has(directory)) throw new StoreLockedError(directory, process.pid)
  owned.add(directory)
  const path = join(directory, LOCK_FILE)
  // Nanoseconds of this host's clock and the thread: never twice in one process.
  const id = `${process.hrtime.bigint().toString(16).padStart(16, '0')}-${threadId}`
  const ticket = `${path}.ticket-${id}`
  try {
    const owner: Owner = { ...(await thisProcess()), id }
    try {
      await writeWhole(ticket, JSON.stringify(owner))
      await claim(directory, path, ticket, 0)
      await sweep(directory)
    } finally {
      await rm(ticket, { force: true })
    }
  } catch (error) {
    owned.delete(directory)
    throw error
  }
  return { release: () => release(directory, path, id) }
}

async function release(directory: string, path: string, id: string): Promise<void> {
  try {
    if ((await readOwner(path))?.id === id) await rm(path, { force: true })
  } finally {
    owned.delete(directory)
  }
}

/**
 * Makes `path` a link to the ticket. Linking is atomic and brings the content with it, so nobody ever reads half an owner.
 *
 * A dead owner is replaced under a second lock named after it. Whoever holds that one reads `path` again before replacing
 * it: a contender that comes late finds the new owner there, and no living owner is ever replaced.
 */
async function claim(directory: string, path: string, ticket: string, depth: number): Promise<void> {
  for (let round = 0; round < CLAIM_ROUNDS_MAX; round++) {
    if (await tryLink(ticket, path)) return
    const owner = await readOwner(path)
    if (owner === undefined) continue
    if (depth === TAKEOVER_DEPTH_MAX || (await isAlive(owner))) {
      throw new StoreLockedError(directory, owner.pid)
    }
    const turn = `${path}.${owner.id}`
    await claim(directory, turn, ticket, depth + 1)
    try {
      if ((await readOwner(path))?.id === owner.id) {
        const successor = `${ticket}.${depth}`
        await tryLink(ticket, successor)
        await rename(successor, path)
        return
      }
    } finally {
      await rm(turn, { force: true })
    }
  }
  throw new StoreLockedError(directory, undefined)
}

/** Removes what contenders that died in between left behind. The folder is ours by then, whatever comes of the tidying. */
async function sweep(directory: string): Promise<void> {
  try {
    for (const name of await readdir(directory))
      if (LEFT_BEHIND.test(name)) await sweepOne(join(directory, name))
  } catch {
    // The next opening tries again.
  }
}

async function sweepOne(path: string): Promise<void> {
  const owner = await readOwner(path).catch(() => undefined)
  // One without an owner may be the ticket of a living contender who has opened it and not yet written.
  if (owner === undefined || owner.pid === 0) return
  if (!(await isAlive(owner))) await rm(path, { force: true })
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
}

/**
 * The owner in a lock file; `undefined` when the file is gone. A file without a readable owner can only come from a power
 * cut (its bytes never reached the disk), so its owner is dead: process 0 never lives.
 */
async function readOwner(path: string): Promise<Owner | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const { pid, start, id } = JSON.parse(text) as Partial<Owner>
    if (
      Number.isInteger(pid) &&
      (pid as number) > 0 &&
      typeof id === 'string' &&
      /^[0-9a-f]{16}-\d{1,10}$/.test(id)
    ) {
      return { pid: pid as number, start: typeof start === 'string' ? start : undefined, id }
    }
  } catch {
    // Falls through to the unreadable owner.
  }
  return { pid: 0, start: undefined, id: 'unreadable' }
}
