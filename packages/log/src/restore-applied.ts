import { STORE_LIMITS } from './config.ts'
import type { AppliedRow, LogBatch, LogRow, RecoveredLog } from './types.ts'

/**
 * The batches that make a log hold exactly the rows an owner has applied, for `ReplicaLog.recover`: what the disk lacks or holds
 * otherwise is written again, what only the disk has is deleted. The owner's rows win, so an owner that merges takes in `found.rows` before
 * it lists its own; otherwise an indeterminate write that took effect is undone here.
 *
 * A row that equals the one on disk by its hash costs no more than the comparison.
 */
export function* restoreApplied(
  found: RecoveredLog,
  applied: Iterable<AppliedRow>,
  clockMark: bigint
): Generator<LogBatch> {
  const { batchRowsMax, batchBytesMax } = STORE_LIMITS
  const onDisk = new Map(Array.from(found.rows, row => [idOf(row), row]))
  let rows: LogRow[] = []
  let bytes = 0
  const full = (): boolean => rows.length >= batchRowsMax || bytes >= batchBytesMax / 2
  for (const row of applied) {
    const { kind, key, hash } = row
    const before = onDisk.get(idOf(row))
    onDisk.delete(idOf(row))
    if (before !== undefined && Buffer.compare(before.hash, hash) === 0) continue
    const value = row.value()
    rows.push({ kind, key, value, hash, replaces: before?.hash })
    bytes += key.length + value.length
    if (!full()) continue
    yield { rows, clockMark }
    ;[rows, bytes] = [[], 0]
  }
  for (const { kind, key, hash } of onDisk.values()) {
    rows.push({ kind, key, value: undefined, hash: undefined, replaces: hash })
    bytes += key.length
    if (!full()) continue
    yield { rows, clockMark }
    ;[rows, bytes] = [[], 0]
  }
  if (rows.length > 0) yield { rows, clockMark }
}

function idOf(row: Pick<AppliedRow, 'kind' | 'key'>): string {
  return row.kind + Buffer.from(row.key.buffer, row.key.byteOffset, row.key.length).toString('latin1')
}
