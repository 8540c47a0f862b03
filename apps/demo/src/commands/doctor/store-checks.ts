import { openStore, type LogProgress } from '@starling/log'
import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { Progress } from '../progress.ts'
import { failed, ok, reasonOf, skipped, warning, type Finding } from './check.ts'

/** Free space below which a node may soon fail to write, bytes. Source: a guess, twice what a compaction of a small map takes. */
const FREE_BYTES_MIN = 256 * 1024 * 1024

/** Whether the folder can be written, and has room. */
export async function dataFolder(folder: string): Promise<Finding> {
  const check = 'data folder'
  try {
    if (!(await stat(folder)).isDirectory()) {
      return failed(check, `${folder} is no folder`, 'Name a folder with --data.')
    }
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    const { bavail, bsize } = await statfs(folder)
    const free = bavail * bsize
    const found = `${folder}, ${Math.floor(free / (1024 * 1024))} MiB free`
    if (free >= FREE_BYTES_MIN) return ok(check, found)
    return warning(check, found, 'A full disk makes a node refuse writes until there is room again.')
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (absent) return skipped(check, `${folder} is not there yet; a node makes it`)
    return failed(check, reasonOf(error), 'The user of the node must be able to read and write the folder.')
  }
}

/** Reads every row of the store and compares it with its checksum and the store's own sums. */
export async function store(folder: string): Promise<Finding> {
  const check = 'store'
  const there = await stat(join(folder, 'store')).catch(() => undefined)
  if (there === undefined) return skipped(check, 'there is none yet')
  const bar = new LogBar()
  try {
    const opened = await openStore({ directory: folder })
    try {
      const found = await opened.verify({
        onProgress: progress => bar.at(progress)
      })
      const rows = found.logs.reduce((sum, log) => sum + log.rows, 0)
      if (found.ok) return ok(check, `${rows} rows in ${found.logs.length} logs, all as they were written`)
      const damaged = found.logs.filter(({ damage }) => damage.length > 0).map(({ name }) => name)
      return failed(
        check,
        `damaged: ${damaged.join(', ') || 'the store itself'}; ${rows} rows are good`,
        'Start the node: it sets damaged rows aside and fetches them from its peers. Look at the disk.'
      )
    } finally {
      bar.end()
      await opened.close()
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'StoreLockedError') {
      return skipped(check, 'a node is running on it; stop the node to have its store checked')
    }
    return failed(check, reasonOf(error), 'The message says what to do.')
  }
}

/** A bar for each log, one after the other. */
class LogBar {
  #bar: Progress | undefined
  #rows = 0

  at({ rows, expected }: LogProgress): void {
    if (this.#bar === undefined || rows < this.#rows) {
      this.end()
      this.#bar = new Progress('rows of a log checked', expected)
    }
    this.#rows = rows
    this.#bar.at(rows)
  }

  end(): void {
    this.#bar?.end()
  }
}
