import { READ_ROWS } from './config.ts'
import type { LevelScan } from './level.ts'

/**
 * Gives every entry of a scan to `visit`, and closes the scan. The database reads the next entries while these are looked
 * at. `after` is called between two reads.
 */
export async function scanRows(
  scan: LevelScan,
  visit: (key: Uint8Array, value: Uint8Array) => void,
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
