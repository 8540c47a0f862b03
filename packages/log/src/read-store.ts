import { Fingerprint } from '@starling/reconcile/fingerprint'
import { FORMAT, FORMAT_OLDEST } from './config.ts'
import type { StoreState } from './compose-write.ts'
import { FormatNewerError, FormatOlderError, StoreOpenError, type Damage } from './errors.ts'
import { META_KEYS, OUR_KEYS, STORE_KEY, logName, metaName, rowRange, type KeyRange } from './keys.ts'
import type { Level } from './level.ts'
import { newLogState, type LogState } from './log-state.ts'
import { decodeMeta, decodeStoreRow, type StoreRow } from './rows.ts'
import { scanRows } from './scan-rows.ts'
import type { MarkValue } from './side-mark.ts'

const EVERYTHING: KeyRange = { gte: new Uint8Array(0), lt: new Uint8Array(300).fill(0xff) }

/** What the store's own rows say. */
export interface StoreReading {
  readonly state: StoreState
  readonly logs: ReadonlyMap<string, LogState>
  /** Damage that no log can be cleared of. */
  readonly damage: readonly Damage[]
}

/** Reads the store's row, or refuses a store that this release must not write to. */
export async function readStoreRow(
  level: Level,
  directory: string
): Promise<{ readonly row: StoreRow | undefined; readonly damaged: boolean }> {
  const value = await level.get(STORE_KEY)
  if (value === undefined) {
    if (!(await isEmpty(level, OUR_KEYS))) return { row: undefined, damaged: true }
    if (await isEmpty(level, EVERYTHING)) return { row: undefined, damaged: false }
    throw new StoreOpenError(
      directory,
      'foreign',
      'it holds the database of another program; choose another folder'
    )
  }
  const decoded = decodeStoreRow(STORE_KEY, value)
  if (decoded.ok) return { row: decoded.value, damaged: false }
  if (decoded.reason === 'format') {
    if (decoded.found > FORMAT) throw new FormatNewerError(directory, decoded.found, FORMAT)
    throw new FormatOlderError(directory, decoded.found, FORMAT_OLDEST)
  }
  return { row: undefined, damaged: true }
}

/** Reads every log's meta row and checks that store, logs and side mark tell one story. */
export async function readStore(
  level: Level,
  store: { readonly row: StoreRow | undefined; readonly damaged: boolean },
  mark: MarkValue | undefined
): Promise<StoreReading> {
  const { logs, strays } = await readMetas(level)
  const states = [...logs.values()]
  const total = new Fingerprint()
  for (const log of states) if (!log.lax) total.combine(log.sum)
  const known: readonly (MarkValue | undefined)[] = [...states, store.row, mark]
  const state: StoreState = {
    batch: greatest(known.map(one => one?.batch)),
    clockMark: greatest(known.map(one => one?.clockMark)),
    sum: total,
    damagedAt: store.row?.damagedAt ?? 0n,
    repairs: strays.map(key => ({ type: 'del', key }))
  }
  const damage: Damage[] = []
  if (store.damaged) damage.push({ type: 'storeRowDamaged' })
  if (store.row !== undefined) {
    const unreadable = states.filter(log => log.metaDamaged)
    const [one] = unreadable
    if (one !== undefined && unreadable.length === 1 && store.row.sum.count >= total.count) {
      // The store's sum without those of all other logs is this one's.
      one.sum = store.row.sum.clone().subtract(total)
      total.combine(one.sum)
    }
    const ahead = states.some(log => log.batch > (store.row as StoreRow).batch)
    if (strays.length > 0 || ahead || !total.equals(store.row.sum)) damage.push({ type: 'logsMismatch' })
  }
  const batch = store.row?.batch ?? 0n
  if (mark !== undefined && mark.batch > batch) damage.push({ type: 'behindMark', batch, mark: mark.batch })
  if (damage.length > 0) {
    if (state.batch === 0n) state.batch = 1n
    state.damagedAt = state.batch
  }
  for (const log of states) if (log.metaDamaged) log.clockMark = state.clockMark
  return { state, logs, damage }
}

/**
 * Strays are meta rows that belong to no log: damage made their key no log's, or that of one of which there is nothing else. No log
 * would ever write over them.
 */
async function readMetas(
  level: Level
): Promise<{ readonly logs: Map<string, LogState>; readonly strays: readonly Uint8Array[] }> {
  const logs = new Map<string, LogState>()
  const strays: Uint8Array[] = []
  await scanRows(level.scan(META_KEYS), (key, value) => {
    const bytes = metaName(key)
    const name = bytes === undefined ? undefined : logName(bytes)
    if (bytes === undefined || name === undefined) {
      strays.push(new Uint8Array(key))
      return
    }
    const log = newLogState(bytes.slice())
    const decoded = decodeMeta(key, value)
    if (decoded.ok) Object.assign(log, decoded.value)
    else log.metaDamaged = true
    logs.set(name, log)
  })
  for (const [name, log] of logs) {
    if (!log.metaDamaged || !(await isEmpty(level, rowRange(log.name)))) continue
    logs.delete(name)
    strays.push(log.metaKey)
  }
  return { logs, strays }
}

async function isEmpty(level: Level, range: KeyRange): Promise<boolean> {
  const scan = level.scan(range)
  try {
    return (await scan.next(1)).length === 0
  } finally {
    await scan.close()
  }
}

function greatest(values: readonly (bigint | undefined)[]): bigint {
  return values.reduce<bigint>((most, value) => (value !== undefined && value > most ? value : most), 0n)
}
