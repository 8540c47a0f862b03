import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { PROGRESS_ROWS } from './config.ts'
import type { Damage } from './errors.ts'
import { parseRowKey, quarantineKey, rowRange } from './keys.ts'
import type { Level, LevelOperation } from './level.ts'
import type { LogState } from './log-state.ts'
import { PackedRows } from './packed-rows.ts'
import { claimedHash } from './rows.ts'
import { bytesOfKey, bytesOfValue, scanEntries } from './scan-rows.ts'
import { SizeTable } from './size-table.ts'
import type { ProgressListener, QuarantinedRow, RecoveredRows } from './types.ts'

/** What reading a log's rows found. */
export interface LogReading {
  readonly rows: RecoveredRows
  readonly quarantined: readonly QuarantinedRow[]
  /** Over the good rows. */
  readonly sum: Fingerprint
  /** Of the good rows. */
  readonly bytes: number
  readonly sizes: SizeTable
  readonly damage: readonly Damage[]
  readonly repairs: readonly LevelOperation[]
}

/**
 * Reads every row of a log, verifies each checksum, adds up the stored hashes, and compares with the meta row's sum. A
 * damaged row is counted as present: what is missing beyond it is reported separately.
 */
export async function readLog(
  level: Level,
  log: LogState,
  asideMax: number,
  onProgress?: ProgressListener
): Promise<LogReading> {
  const sizes = new SizeTable(log.sum.count)
  const rows = new PackedRows(log.rowPrefix.length, sizes)
  const quarantined: QuarantinedRow[] = []
  const repairs: LevelOperation[] = []
  const claimed = new Fingerprint()
  let told = 0
  await scanEntries(
    level.scan(rowRange(log.name)),
    (levelKey, levelValue) => {
      const problem = rows.add(levelKey, levelValue)
      if (problem === undefined) return
      const key = bytesOfKey(levelKey)
      const value = bytesOfValue(levelValue)
      if (quarantined.length < asideMax) repairs.push({ type: 'put', key: quarantineKey(key), value })
      repairs.push({ type: 'del', key })
      quarantined.push({ ...parseRowKey(key, log.name.length), reason: problem })
      claimed.add(claimedHash(value) ?? new Uint8Array(ITEM_HASH_BYTES))
    },
    () => {
      if (onProgress === undefined || rows.length < told + PROGRESS_ROWS) return
      told = rows.length
      onProgress({ rows: told, expected: log.sum.count })
    }
  )
  const { sum, bytes } = rows
  const damage = compareLog(log, sum, claimed)
  return { rows, quarantined, sum, bytes, sizes, damage, repairs }
}

/** What the good rows and those that only claim to be rows say against the meta row. */
export function compareLog(
  log: { readonly sum: Fingerprint; readonly metaDamaged: boolean },
  good: Fingerprint,
  claimed: Fingerprint
): Damage[] {
  const damage: Damage[] = []
  if (log.metaDamaged) damage.push({ type: 'metaDamaged' })
  if (claimed.count > 0) damage.push({ type: 'rowsQuarantined', rows: claimed.count })
  const present = good.clone().combine(claimed)
  if (!present.equals(log.sum)) {
    const missing = log.sum.count - present.count
    damage.push({ type: 'sumMismatch', missing: missing > 0 ? missing : undefined })
  }
  return damage
}
