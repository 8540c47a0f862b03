import type { Metrics } from '@starling/ports'
import { counter, gauge, registerFigures, type Figure } from '@starling/ports/metrics'
import type { Store, StoreStats } from './types.ts'

const LOG_FIGURES: readonly Figure<StoreStats>[] = [
  gauge('starling_log_logs', 'Open logs', ({ logs }) => logs),
  gauge('starling_log_live_bytes', 'Keys and values of all rows', ({ bytesLive }) => bytesLive),
  gauge('starling_log_disk_bytes', 'The files of the database', ({ bytesOnDisk }) => bytesOnDisk),
  gauge('starling_log_queued_appends', 'Appends waiting for a write', ({ queuedAppends }) => queuedAppends),
  gauge('starling_log_queued_bytes', 'Their bytes', ({ queuedBytes }) => queuedBytes),
  gauge('starling_log_poisoned', 'Whether a write has failed', ({ poisoned }) => (poisoned ? 1 : 0)),
  counter('starling_log_appends_total', 'Appends', ({ appends }) => appends),
  counter('starling_log_writes_total', 'Groups of appends written together', ({ writes }) => writes),
  counter('starling_log_rows_total', 'Rows written', ({ rowsWritten }) => rowsWritten),
  counter('starling_log_written_bytes_total', 'Bytes written', ({ bytesWritten }) => bytesWritten),
  counter('starling_log_compactions_total', 'Compactions', ({ compactions }) => compactions),
  counter('starling_log_recoveries_total', 'Times it was opened again', ({ recoveries }) => recoveries)
]

/** Registers what a store counts. Once for each `metrics`: names are registered once. */
export function registerStore(metrics: Metrics, store: Store): void {
  registerFigures(metrics, () => store.stats(), LOG_FIGURES)
}
