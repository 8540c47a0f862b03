import type { MarkFile, StoreMedium } from '@starling/log'
import { SimLevel, type DiskProcess, type SimLevelInit } from '@starling/sim'

/** Small, so that a run of minutes writes tables as one of days does. */
const WRITE_BUFFER_BYTES = 64 * 1024

/**
 * A store's ground on a simulated disk: the database in `/store`, the side mark beside it. As on a real disk, whoever makes a folder
 * syncs the entries that lead there.
 */
export function simMedium(process: DiskProcess): StoreMedium {
  return {
    directory: '/',
    level: () => new DurableLevel(process, '/store', { writeBufferBytes: WRITE_BUFFER_BYTES }),
    openMark: () => openMark(process),
    release: () => Promise.resolve()
  }
}

class DurableLevel extends SimLevel {
  readonly #process: DiskProcess

  constructor(process: DiskProcess, location: string, init: SimLevelInit) {
    super(process, location, init)
    this.#process = process
  }

  override async open(): Promise<void> {
    await super.open()
    await this.#process.syncFolder('/store')
    await this.#process.syncFolder('/')
  }
}

async function openMark(process: DiskProcess): Promise<MarkFile> {
  const file = await process.open('/mark', { create: true })
  return {
    read: () => file.read(0, file.size),
    write: (bytes, at) => file.write(at, bytes),
    close: () => file.close()
  }
}
