import { Fingerprint } from '@starling/reconcile/fingerprint'
import type { LevelOperation } from './level.ts'
import { metaKey } from './keys.ts'

/** What the store keeps in memory of one log, as of the last write. */
export interface LogState {
  readonly name: Uint8Array
  readonly metaKey: Uint8Array
  /** As in the meta row on disk. */
  sum: Fingerprint
  /**
   * What reading the log found instead of `sum`. The first append accepts it, together with `repairs`: until its owner
   * writes, every opening reports the damage again, so that a crash in between hides nothing.
   */
  found: Fingerprint | undefined
  /** Changes that set damaged rows aside. */
  repairs: readonly LevelOperation[]
  /** Good rows, what is queued included. */
  rows: number
  /** Appends that wait for a write. */
  waiting: number
  clockMark: bigint
  /** The number of the batch that last wrote this log; 0n for a new one. */
  batch: bigint
  metaDamaged: boolean
}

export function newLogState(name: Uint8Array, clockMark: bigint = 0n): LogState {
  return {
    name,
    metaKey: metaKey(name),
    sum: new Fingerprint(),
    found: undefined,
    repairs: [],
    rows: 0,
    waiting: 0,
    clockMark,
    batch: 0n,
    metaDamaged: false
  }
}
