import { readFile } from 'node:fs/promises'

/** A process as a lock file remembers it. */
export interface ProcessIdentity {
  readonly pid: number
  /** Boot and start time, so that a reused process id is told apart; `undefined` where the platform does not say. */
  readonly start: string | undefined
}

/** This process. */
export async function thisProcess(): Promise<ProcessIdentity> {
  const stat = await processStat(process.pid)
  return { pid: process.pid, start: stat?.start }
}

/** Whether the process still runs. Errs towards `true`: a process that may live is never robbed. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  // Signalling process 0 would address our own group.
  if (identity.pid <= 0) return false
  try {
    process.kill(identity.pid, 0)
  } catch (error) {
    // Anything but "no such process" (for one, no permission to signal it) means that it exists.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const stat = await processStat(identity.pid)
  if (stat === undefined) return true
  if (stat.ended) return false
  // Without a start time it was written where none can be read, or is damaged. Here it can, so it is not of this process.
  if (identity.start === undefined) return identity.pid !== process.pid
  return identity.start === stat.start
}

/** Reads Linux's process table; `undefined` on other platforms and for a process that is gone. */
async function processStat(
  pid: number
): Promise<{ readonly start: string; readonly ended: boolean } | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in brackets and may hold anything, so the rest is counted from its end:
    // the state is the first field after it, the start time (ticks since boot) the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const state = fields[0]
    const ticks = fields[19]
    if (ticks === undefined) return undefined
    return { start: `${boot}:${ticks}`, ended: state === 'Z' || state === 'X' }
  } catch {
    return undefined
  }
}
