import { ByteReader, DecodeError, decodeUtf8 } from '@starling/codec'
import { decodeRows, greatestStamp, liveDots, type Entry, type ObservedRemoveMap } from '@starling/ormap'
import { RECOVERY_CHANGES } from './config.ts'
import type { LogPort, RecoveredRow } from './ports.ts'
import type { RowLedger } from './row-ledger.ts'
import type { Change } from './types.ts'

/** What the log brought back. */
export interface Recovery {
  readonly keys: number
  readonly badRows: number
  readonly quarantined: number
  /** Not below any stamp that was recovered. */
  readonly clockFloor: bigint
}

/**
 * Rebuilds the state from the log's rows, by joins like everything else. A row that cannot be decoded is counted and left on
 * disk: peers hold what it said, and their next write of the key replaces it.
 */
export function recover(
  log: LogPort,
  applied: ObservedRemoveMap,
  ledger: RowLedger,
  tell: (changes: readonly Change[]) => void
): Recovery {
  const { rows, clockMark, quarantined } = log.recovered
  const pairs = new Map<string, { live?: RecoveredRow; evidence?: RecoveredRow }>()
  let badRows = 0
  let keys = 0
  let clockFloor = clockMark
  for (const found of rows) {
    const key = readOr(() => decodeUtf8(found.key))
    if (key === undefined) {
      badRows++
      continue
    }
    // The hash outlives the row, and as a view it would keep the row's bytes alive.
    const row = { ...found, hash: new Uint8Array(found.hash) }
    ledger.recover(key, row)
    const pair = pairs.get(key)
    if (pair === undefined) pairs.set(key, { [row.kind]: row })
    else pair[row.kind] = row
  }
  let changes: Change[] = []
  for (const [key, { live, evidence }] of pairs) {
    const { entry, bad } = readEntry(live, evidence)
    badRows += bad
    if (entry === undefined) continue
    const stamp = greatestStamp(entry)
    if (stamp > clockFloor) clockFloor = stamp
    const change = applied.join(key, entry, hashOf(entry, live))
    if (change === undefined) continue
    keys++
    changes.push({ key, previous: change.previous, entry: change.entry, origin: 'recovery' })
    if (changes.length < RECOVERY_CHANGES) continue
    tell(changes)
    changes = []
  }
  if (changes.length > 0) tell(changes)
  log.releaseRecovered?.()
  return { keys, badRows, quarantined: quarantined.length, clockFloor }
}

/** The item hash that a live row came with, unless evidence beside it is newer than a dot in it: then it is of another entry. */
function hashOf(entry: Entry, live: RecoveredRow | undefined): Uint8Array | undefined {
  if (live === undefined) return undefined
  const dotsInRow = readOr(() => new ByteReader(live.value).varint())
  return dotsInRow === liveDots(entry).length ? live.hash : undefined
}

/** A bad row does not cost the other row of its key. */
function readEntry(
  live: RecoveredRow | undefined,
  evidence: RecoveredRow | undefined
): { readonly entry: Entry | undefined; readonly bad: number } {
  const both = readOr(() => decodeRows(live?.value, evidence?.value))
  if (both !== undefined) return { entry: both, bad: 0 }
  const liveOnly = live === undefined ? undefined : readOr(() => decodeRows(live.value, undefined))
  if (liveOnly !== undefined) return { entry: liveOnly, bad: 1 }
  const evidenceOnly =
    evidence === undefined ? undefined : readOr(() => decodeRows(undefined, evidence.value))
  const rows = (live === undefined ? 0 : 1) + (evidence === undefined ? 0 : 1)
  return { entry: evidenceOnly, bad: evidenceOnly === undefined ? rows : rows - 1 }
}

function readOr<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
