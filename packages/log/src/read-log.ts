import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { READ_ROWS } from './config.ts'
import type { Damage } from './errors.ts'
import { parseRowKey, quarantineKey, rowRange } from './keys.ts'
import type { Level, LevelOperation } from './level.ts'
import type { LogState } from './log-state.ts'
import { claimedHash, decodeRow } from './rows.ts'
import type { QuarantinedRow, RecoveredRow } from './types.ts'

/** What reading a log's rows found. */
export interface LogReading {
  readonly rows: readonly RecoveredRow[]
  readonly quarantined: readonly QuarantinedRow[]
  /** Over the good rows. */
  readonly sum: Fingerprint
  readonly damage: readonly Damage[]
  readonly repairs: readonly LevelOperation[]
}

/**
 * Reads every row of a log, verifies each checksum, adds up the stored hashes, and compares with the meta row's sum. A
 * damaged row is counted as present: what is missing beyond it is reported separately.
 */
export async function readLog(level: Level, log: LogState, asideMax: number): Promise<LogReading> {
  const rows: RecoveredRow[] = []
  const quarantined: QuarantinedRow[] = []
  const repairs: LevelOperation[] = []
  const sum = new Fingerprint()
  const claimed = new Fingerprint()
  const scan = level.scan(rowRange(log.name))
  try {
    for (;;) {
      const entries = await scan.next(READ_ROWS)
      if (entries.length === 0) break
      for (const [key, value] of entries) {
        const row = readRow(key, value, log.name.length)
        if (row.type === 'good') {
          rows.push(row.row)
          sum.add(row.row.hash)
          continue
        }
        if (quarantined.length < asideMax) repairs.push({ type: 'put', key: quarantineKey(key), value })
        repairs.push({ type: 'del', key })
        quarantined.push(row.row)
        claimed.add(claimedHash(value) ?? new Uint8Array(ITEM_HASH_BYTES))
      }
    }
  } finally {
    await scan.close()
  }
  return { rows, quarantined, sum, damage: compare(log, sum, claimed), repairs }
}

type ReadRow =
  | { readonly type: 'good'; readonly row: RecoveredRow }
  | { readonly type: 'bad'; readonly row: QuarantinedRow }

function readRow(key: Uint8Array, value: Uint8Array, nameLength: number): ReadRow {
  const { kind, key: rowKey } = parseRowKey(key, nameLength)
  const decoded = decodeRow(key, value)
  if (!decoded.ok) return { type: 'bad', row: { kind, key: rowKey, reason: decoded.reason } }
  if (kind === 'unknown') return { type: 'bad', row: { kind, key: rowKey, reason: 'layout' } }
  return {
    type: 'good',
    row: { kind, key: rowKey, value: decoded.value.payload, hash: decoded.value.hash }
  }
}

function compare(log: LogState, good: Fingerprint, claimed: Fingerprint): Damage[] {
  const damage: Damage[] = []
  if (log.metaDamaged) damage.push({ type: 'metaDamaged' })
  if (claimed.count > 0) damage.push({ type: 'rowsQuarantined', rows: claimed.count })
  const present = good.clone()
  present.combine(claimed)
  if (!present.equals(log.sum)) {
    const missing = log.sum.count - present.count
    damage.push({ type: 'sumMismatch', missing: missing > 0 ? missing : undefined })
  }
  return damage
}
