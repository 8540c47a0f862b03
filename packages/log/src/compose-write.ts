import type { Fingerprint } from '@starling/reconcile/fingerprint'
import { STORE_KEY } from './keys.ts'
import type { LevelOperation } from './level.ts'
import type { LogState, WrittenState } from './log-state.ts'
import { encodeMeta, encodeStoreRow } from './rows.ts'
import type { Delta, WriteGroup } from './write-group.ts'

/** The store's own row, as of the last write that succeeded. */
export interface StoreState {
  batch: bigint
  clockMark: bigint
  /** Over all logs that are not lax. */
  sum: Fingerprint
  damagedAt: bigint
  /** Changes that go with the next write, which says in `damagedAt` what they take away. */
  repairs: readonly LevelOperation[]
}

/** One write, as the database gets it, and what becomes of the state in memory once it succeeded. */
export interface Write {
  readonly batch: bigint
  readonly sync: boolean
  readonly operations: readonly LevelOperation[]
  /** Returns by how many bytes the live rows grew. */
  land(): number
}

/** Makes a write of a group. The state moves on only when it lands. */
export function composeWrite(group: WriteGroup, state: StoreState): Write {
  const batch = state.batch + 1n
  const repairs: LevelOperation[] = [...state.repairs]
  const metas: LevelOperation[] = []
  const landings: (() => number)[] = []
  const sum = state.sum.clone()
  let { sync } = group
  let { clockMark } = state
  for (const [log, delta] of group.deltas) {
    if (delta.clockMark > clockMark) clockMark = delta.clockMark
    if (delta.rows === 0 && !delta.drop && log.found !== undefined) {
      // Nothing is accepted without rows, so this log's meta row goes on to say what is missing; the store's row keeps the mark.
      landings.push(() => keepMark(log, delta.clockMark))
      continue
    }
    // Of a log that goes, no damaged bytes are kept.
    for (const one of log.repairs) if (!delta.drop || one.type === 'del') repairs.push(one)
    const next = nextOf(log, delta, batch)
    // The store's sum vouches for what was synced. Rows that leave it have to leave it on disk as well.
    if (!log.lax) sum.subtract(log.sum)
    if (!next.lax) sum.combine(next.sum)
    else if (!log.lax && log.sum.count > 0) sync = true
    metas.push(
      delta.drop
        ? { type: 'del', key: log.metaKey }
        : { type: 'put', key: log.metaKey, value: encodeMeta(log.metaKey, next) }
    )
    landings.push(() => {
      const grown = next.bytes - log.bytes
      Object.assign(log, next)
      return grown
    })
  }
  const row = { batch, clockMark, sum, damagedAt: state.damagedAt }
  const storeRow: LevelOperation = { type: 'put', key: STORE_KEY, value: encodeStoreRow(STORE_KEY, row) }
  // Repairs come first: a row that is set aside may be written anew in the same write.
  const operations = repairs.length === 0 ? group.operations : [...repairs, ...group.operations]
  for (const meta of metas) operations.push(meta)
  operations.push(storeRow)
  return {
    batch,
    sync,
    operations,
    land() {
      Object.assign(state, row)
      state.repairs = []
      return landings.reduce((grown, land) => grown + land(), 0)
    }
  }
}

function keepMark(log: LogState, clockMark: bigint): number {
  if (clockMark > log.clockMark) log.clockMark = clockMark
  return 0
}

/** What reading the log found takes the place of what its meta row promised. */
function nextOf(log: LogState, delta: Delta, batch: bigint): WrittenState {
  const base = log.found ?? log.sum
  return {
    sum: base.clone().combine(delta.added).subtract(delta.removed),
    bytes: Math.max(0, log.bytes + delta.bytes),
    clockMark: delta.clockMark > log.clockMark ? delta.clockMark : log.clockMark,
    batch,
    lax: !delta.sync,
    metaDamaged: false,
    found: undefined,
    repairs: []
  }
}
