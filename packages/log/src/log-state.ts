import { Fingerprint } from '@starling/reconcile/fingerprint'
import type { LevelOperation } from './level.ts'
import { metaKey, rowPrefix } from './keys.ts'
import type { SizeTable } from './size-table.ts'

/** What a write leaves of a log. */
export interface WrittenState {
  /** As in the meta row on disk. */
  sum: Fingerprint
  /** Bytes of its rows, keys and values. */
  bytes: number
  clockMark: bigint
  /** The number of the batch that last wrote this log; 0n for a new one. */
  batch: bigint
  /** Its newest write was asynchronous. */
  lax: boolean
  metaDamaged: boolean
  /**
   * What reading the log found instead of `sum`. The first append with rows accepts it, together with `repairs`: until its owner
   * writes, every opening reports the damage again, so that a crash in between hides nothing.
   */
  found: Fingerprint | undefined
  /** Changes that set damaged rows aside. */
  repairs: readonly LevelOperation[]
}

/** What the store keeps in memory of one log, as of the last write that succeeded. */
export interface LogState extends WrittenState {
  readonly name: Uint8Array
  readonly metaKey: Uint8Array
  readonly rowPrefix: Uint8Array
  /** Good rows, what is queued included. */
  rows: number
  /** Appends that wait for a write. */
  waiting: number
  /** Appends that were neither resolved nor rejected, those in flight included. */
  unanswered: number
  /** The sizes of its rows; only of a log that is open. */
  sizes: SizeTable | undefined
}

export function newLogState(name: Uint8Array, clockMark: bigint = 0n): LogState {
  return {
    name,
    metaKey: metaKey(name),
    rowPrefix: rowPrefix(name),
    sum: new Fingerprint(),
    bytes: 0,
    clockMark,
    batch: 0n,
    lax: false,
    metaDamaged: false,
    found: undefined,
    repairs: [],
    rows: 0,
    waiting: 0,
    unanswered: 0,
    sizes: undefined
  }
}
