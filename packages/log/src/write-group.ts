import { Fingerprint } from '@starling/reconcile/fingerprint'
import { putRowKey, rowKeyBytes } from './keys.ts'
import type { LevelOperation } from './level.ts'
import type { LogState } from './log-state.ts'
import { encodeRow } from './rows.ts'
import type { LogBatch, LogRow } from './types.ts'

/** One append that waits for its group's write. */
export interface Waiting {
  readonly log: LogState
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** What a group changes of one log. */
export interface Delta {
  readonly added: Fingerprint
  readonly removed: Fingerprint
  rows: number
  /** By how much the log's rows grow on disk. */
  bytes: number
  clockMark: bigint
  /** The log's owner wants its writes synced. */
  sync: boolean
  /** The log goes, its meta row included. */
  drop: boolean
}

/** The appends that share one write: encoded as they come, so that nothing of the callers' arrays is kept. */
export class WriteGroup {
  readonly waiting: Waiting[] = []
  readonly operations: LevelOperation[] = []
  readonly deltas: Map<LogState, Delta> = new Map()
  rows = 0
  rowsDeleted = 0
  bytes = 0
  /** Somebody in it wants it synced. */
  sync = false

  add(log: LogState, batch: LogBatch, bytes: number, sync: boolean): void {
    const delta = this.#deltaOf(log)
    const { rows } = batch
    for (let i = 0; i < rows.length; i++) this.#addRow(log, delta, rows[i] as LogRow)
    if (batch.clockMark > delta.clockMark) delta.clockMark = batch.clockMark
    delta.rows += rows.length
    this.rows += rows.length
    this.bytes += bytes
    if (!sync) return
    delta.sync = true
    this.sync = true
  }

  /** Deletes these keys, and the log with them. */
  drop(log: LogState, operations: readonly LevelOperation[]): void {
    const delta = this.#deltaOf(log)
    for (const one of operations) this.operations.push(one)
    delta.drop = true
    delta.sync = true
    this.sync = true
    this.rows += operations.length
    this.rowsDeleted += operations.length
  }

  #deltaOf(log: LogState): Delta {
    let delta = this.deltas.get(log)
    if (delta === undefined) {
      delta = {
        added: new Fingerprint(),
        removed: new Fingerprint(),
        rows: 0,
        bytes: 0,
        clockMark: 0n,
        sync: false,
        drop: false
      }
      this.deltas.set(log, delta)
    }
    return delta
  }

  #addRow(log: LogState, delta: Delta, row: LogRow): void {
    if (row.replaces !== undefined) {
      delta.removed.add(row.replaces)
      delta.bytes -= log.sizes?.take(row.replaces) ?? 0
    }
    if (row.value === undefined || row.hash === undefined) {
      const key = new Uint8Array(rowKeyBytes(log.rowPrefix, row.key))
      putRowKey(key, 0, log.rowPrefix, row.kind, row.key)
      this.operations.push({ type: 'del', key })
      this.rowsDeleted++
      return
    }
    const put = encodeRow(log.rowPrefix, row.kind, row.key, row.hash, row.value)
    const size = put.key.length + put.value.length
    this.operations.push(put)
    delta.added.add(row.hash)
    delta.bytes += size
    log.sizes?.add(row.hash, size)
  }
}
