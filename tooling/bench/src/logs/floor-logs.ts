import { fdatasyncSync, readFileSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { grouped, keyOf, valueOf, type LogContender } from './log-contender.ts'

const FILE = 'log'
const LENGTH_BYTES = 4

/** The least that is durable: entries with their lengths, appended to a file, one `fdatasync` for all that waited. */
export async function openFloorLog(folder: string): Promise<LogContender> {
  const file = await open(join(folder, FILE), 'a')
  const append = grouped<Buffer>(async entries => {
    await file.write(Buffer.concat(entries))
    await file.datasync()
  })
  return { append: index => append(encode(index)), close: () => file.close() }
}

/** The same without a promise or a thread in between: what one append after another can reach at all. */
export async function openBareSyncLog(folder: string): Promise<LogContender> {
  const file = await open(join(folder, FILE), 'a')
  return {
    async append(index) {
      writeSync(file.fd, encode(index))
      fdatasyncSync(file.fd)
    },
    close: () => file.close()
  }
}

/** Everything the floor wrote, parsed. */
export function readFloorLog(folder: string): Map<string, unknown> {
  const bytes = readFileSync(join(folder, FILE))
  const entries = new Map<string, unknown>()
  for (let at = 0; at < bytes.length;) {
    const end = at + LENGTH_BYTES + bytes.readUInt32BE(at)
    const [key, value] = JSON.parse(bytes.toString('utf8', at + LENGTH_BYTES, end)) as [string, unknown]
    entries.set(key, value)
    at = end
  }
  return entries
}

function encode(index: number): Buffer {
  const json = `["${keyOf(index)}",${valueOf(index)}]`
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + json.length)
  bytes.writeUInt32BE(json.length)
  bytes.write(json, LENGTH_BYTES, 'latin1')
  return bytes
}
