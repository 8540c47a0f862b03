import { ByteReader, DecodeError, decodeUtf8 } from '@starling/codec'
import {
  decodeRows,
  decodeSetAside,
  greatestStamp,
  liveDots,
  type Entry,
  type SetAside,
  type SetAsideDot
} from '@starling/ormap'
import type { Random } from '@starling/ports'
import { DAMAGED_KEYS_MAX, RECOVERY_CHANGES } from './config.ts'
import { KnownRows } from './known-rows.ts'
import type { FoundLog, RecoveredRow } from './ports.ts'
import type { ReplicaState } from './replica-state.ts'
import type { SideKind, SideRows } from './side-rows.ts'
import type { Change } from './types.ts'

/** What the log brought back. */
export interface Loaded {
  readonly knownRows: KnownRows
  readonly keys: number
  /** Rows that could not be decoded. */
  readonly badRows: number
  /** Rows that the log did not trust. */
  readonly quarantined: number
  /** Not below any stamp that was issued or recovered. */
  readonly clockFloor: bigint
  /** Something may be missing. */
  readonly doubtful: boolean
  readonly damaged: Error | undefined
}

/** The two rows of a key. */
export interface KeyRowPair {
  readonly live: RecoveredRow | undefined
  readonly evidence: RecoveredRow | undefined
}

/** What `loadLog` has read so far; the state is filled next. */
export interface LogRows {
  readonly knownRows: KnownRows
  into(state: ReplicaState, tell: (changes: readonly Change[]) => void): Loaded
}

/**
 * Rebuilds everything from the log's rows, the state by joins like everything else. A row that cannot be decoded is counted and
 * left on disk: peers hold what it said, and their next write of the key replaces it.
 */
export function loadLog(
  found: FoundLog,
  { side, aside, random }: { readonly side: SideRows; readonly aside: SetAside; readonly random: Random }
): LogRows {
  const { pairs, sideRows, badKeys } = sortRows(found.rows)
  for (const row of [...sideRows.known, ...sideRows.setAside]) side.load(row)
  const knownRows = new KnownRows(side, sideRows.known, random)
  const badAside = loadAside(sideRows.setAside, aside)
  return {
    knownRows,
    into(state, tell) {
      const filled = fillState(state, pairs, tell)
      const badRows = filled.bad.length + badKeys + knownRows.bad + badAside
      for (const key of [...filled.bad, ...damagedKeys(found)].slice(0, DAMAGED_KEYS_MAX))
        state.damaged.add(key)
      const { repaired } = knownRows
      const mark = found.clockMark > repaired.mark ? found.clockMark : repaired.clock
      return {
        knownRows,
        keys: filled.keys,
        badRows,
        quarantined: found.quarantined.length,
        clockFloor: mark > filled.greatest ? mark : filled.greatest,
        doubtful: badRows > 0 || found.quarantined.length > 0 || found.damaged !== undefined,
        damaged: found.damaged
      }
    }
  }
}

/** The rows of a log by what they are about. */
export function sortRows(rows: Iterable<RecoveredRow>): {
  readonly pairs: ReadonlyMap<string, KeyRowPair>
  readonly sideRows: Readonly<Record<SideKind, (RecoveredRow & { readonly kind: SideKind })[]>>
  /** Rows whose key is no text. */
  readonly badKeys: number
} {
  const pairs = new Map<string, { live: RecoveredRow | undefined; evidence: RecoveredRow | undefined }>()
  const sideRows: Record<SideKind, (RecoveredRow & { readonly kind: SideKind })[]> = {
    known: [],
    setAside: []
  }
  let badKeys = 0
  for (const found of rows) {
    const { kind } = found
    if (kind === 'known' || kind === 'setAside') {
      // Named one by one: a log may make the parts of a row when they are asked for.
      const { key, value, hash } = found
      sideRows[kind].push({ kind, key, value, hash })
      continue
    }
    const key = readOr(() => decodeUtf8(found.key))
    if (key === undefined) {
      badKeys++
      continue
    }
    const pair = pairs.get(key)
    if (pair !== undefined) pair[kind] = found
    else pairs.set(key, { live: undefined, evidence: undefined, [kind]: found })
  }
  return { pairs, sideRows, badKeys }
}

/** The entry in the rows of a key. A bad row does not cost the other one. */
export function readPair({ live, evidence }: KeyRowPair): {
  readonly entry: Entry | undefined
  readonly bad: boolean
} {
  const both = readOr(() => decodeRows(live?.value, evidence?.value))
  if (both !== undefined) return { entry: both, bad: false }
  const liveOnly = live === undefined ? undefined : readOr(() => decodeRows(live.value, undefined))
  if (liveOnly !== undefined) return { entry: liveOnly, bad: true }
  const evidenceOnly =
    evidence === undefined ? undefined : readOr(() => decodeRows(undefined, evidence.value))
  return { entry: evidenceOnly, bad: true }
}

function fillState(
  state: ReplicaState,
  pairs: ReadonlyMap<string, KeyRowPair>,
  tell: (changes: readonly Change[]) => void
): { readonly keys: number; readonly greatest: bigint; readonly bad: readonly string[] } {
  const bad: string[] = []
  let keys = 0
  let greatest = 0n
  let changes: Change[] = []
  for (const [key, pair] of pairs) {
    const { entry, bad: isBad } = readPair(pair)
    if (isBad) bad.push(key)
    const dots = entry === undefined ? 0 : liveDots(entry).length
    // With a dot that the evidence beside it has superseded, the row's hash is that of another entry.
    const isWhole = !isBad && countIn(pair.live) === dots
    const change = entry && state.load(key, entry, isWhole ? pair.live?.hash : undefined)
    if (!isWhole || countIn(pair.evidence) !== (entry?.items.length ?? 0) - dots) noteRows(state, key, pair)
    if (change === undefined) continue
    const stamp = greatestStamp(change.entry)
    if (stamp > greatest) greatest = stamp
    keys++
    changes.push({ ...change, cause: 'written', origin: 'recovery' })
    if (changes.length < RECOVERY_CHANGES) continue
    tell(changes)
    changes = []
  }
  state.tree.build()
  if (changes.length > 0) tell(changes)
  return { keys, greatest, bad }
}

/** The rows are not as the entry's own would be, so the log is told what they are when they are replaced. */
function noteRows(state: ReplicaState, key: string, { live, evidence }: KeyRowPair): void {
  state.ledger.found(key, {
    // Copies: the hashes outlive the rows, and as views they would keep the rows' bytes alive.
    ...(live === undefined ? {} : { live: new Uint8Array(live.hash) }),
    ...(evidence === undefined ? {} : { evidence: new Uint8Array(evidence.hash) })
  })
}

/** How many items a row has: both kinds begin with their number. */
function countIn(row: RecoveredRow | undefined): number {
  return row === undefined ? 0 : (readOr(() => new ByteReader(row.value).varint()) ?? -1)
}

function loadAside(rows: readonly RecoveredRow[], aside: SetAside): number {
  const dots: SetAsideDot[] = []
  for (const row of rows) {
    const dot = readOr(() => decodeSetAside(row.value))
    if (dot !== undefined) dots.push(dot)
  }
  for (const dot of dots.sort((a, b) => a.setAsideMs - b.setAsideMs)) aside.load(dot)
  return rows.length - dots.length
}

/** Keys of which a live value may be gone. Evidence alone is not asked for: nothing of it is in what peers compare. */
function damagedKeys({ quarantined }: FoundLog): string[] {
  return quarantined.flatMap(({ kind, key }) => {
    const text = kind === 'live' || kind === 'unknown' ? readOr(() => decodeUtf8(key)) : undefined
    return text === undefined ? [] : [text]
  })
}

function readOr<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
