import type { StoreLimits } from './config.ts'
import type { Database } from './database.ts'
import { quarantineRange } from './keys.ts'
import type { LevelOperation } from './level.ts'
import type { LogState } from './log-state.ts'
import { scanRows } from './scan-rows.ts'
import type { LogRow, RecoveredLog } from './types.ts'

/**
 * Deletes a log: its rows in batches that leave a whole log with fewer rows each, then what was set aside of it together with its meta
 * row.
 */
export async function destroyRows(
  database: Database,
  log: LogState,
  found: RecoveredLog,
  limits: StoreLimits
): Promise<void> {
  const { clockMark } = found
  let rows: LogRow[] = []
  for (const { kind, key, hash } of found.rows) {
    rows.push({ kind, key, value: undefined, hash: undefined, replaces: hash })
    if (rows.length < limits.batchRowsMax) continue
    await database.queue.append(log, { rows, clockMark }, 0, true)
    rows = []
  }
  if (rows.length > 0) await database.queue.append(log, { rows, clockMark }, 0, true)
  const kept: LevelOperation[] = []
  await scanRows(database.level.scan(quarantineRange(log.name)), key => kept.push({ type: 'del', key }))
  await database.queue.drop(log, kept)
}
