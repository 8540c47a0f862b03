import type { DiskProcess } from '../disk/disk-process.ts'
import { decodeBatch } from './entries.ts'
import { fileNames, parseName, readWhole } from './manifest.ts'
import { MemoryTable } from './memory-table.ts'
import { readRecords } from './record-log.ts'

/**
 * What the logs from number `from` on hold, and a number greater than theirs. What cannot be read is skipped, a whole file if
 * need be, and nobody is told: the binding does not let its users ask for more.
 */
export async function replayLogs(
  process: DiskProcess,
  location: string,
  from: number
): Promise<{ readonly memory: MemoryTable; readonly nextNumber: number }> {
  const memory = new MemoryTable()
  let nextNumber = 0
  for (const name of await process.list(location)) {
    const parsed = parseName(name)
    if (parsed?.kind !== 'log' || parsed.number < from) continue
    nextNumber = parsed.number + 1
    const path = `${location}/${fileNames.log(parsed.number)}`
    const content = await readWhole(process, path).catch(() => new Uint8Array(0))
    for (const record of readRecords(content).records) {
      for (const entry of decodeBatch(record)) memory.set(entry)
    }
  }
  return { memory, nextNumber }
}
