import { READ_ROWS } from './config.ts'
import type { LevelKey, LevelScan, LevelValue } from './level.ts'

/** Gives every entry of a scan to `visit`, its key as bytes, and closes the scan. `after` is called between two reads. */
export function scanRows(
  scan: LevelScan,
  visit: (key: Uint8Array, value: Uint8Array) => void,
  after?: () => void
): Promise<void> {
  return scanEntries(scan, (key, value) => visit(bytesOfKey(key), bytesOfValue(value)), after)
}

/** The same with keys as the database gives them. It reads the next entries while these are looked at. */
export async function scanEntries(
  scan: LevelScan,
  visit: (key: LevelKey, value: LevelValue) => void,
  after?: () => void
): Promise<void> {
  try {
    let coming = scan.next(READ_ROWS)
    for (;;) {
      const entries = await coming
      if (entries.length === 0) return
      coming = scan.next(READ_ROWS)
      // Whoever fails below closes the scan, and then nobody is left to hear of this read.
      coming.catch(() => {})
      for (const [key, value] of entries) visit(key, value)
      after?.()
    }
  } finally {
    await scan.close()
  }
}

/** The bytes that a key of a scan stands for. */
export function bytesOfKey(key: LevelKey): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key, 'utf8') : key
}

/** The bytes that a value of a scan stands for. */
export function bytesOfValue(value: LevelValue): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : value
}
