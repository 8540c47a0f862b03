import { Fingerprint, ITEM_HASH_BYTES } from '@starling/reconcile/fingerprint'
import { PROGRESS_ROWS, type StoreLimits } from './config.ts'
import type { Database } from './database.ts'
import type { Damage } from './errors.ts'
import { OUR_KEYS, STORE_KEY, classOf, logName, nameOf, parseRowKey } from './keys.ts'
import type { LevelScan } from './level.ts'
import type { LogState } from './log-state.ts'
import { claimedHash, decodeMeta, decodeStoreRow, rowProblem } from './rows.ts'
import { compareLog } from './read-log.ts'
import { scanRows } from './scan-rows.ts'
import type { LogVerification, ProgressListener, QuarantinedRow, StoreVerification } from './types.ts'

/** What the store says of one log, and what was read of it so far. */
class LogTally {
  readonly #name: string
  readonly #good: Fingerprint = new Fingerprint()
  readonly #claimed: Fingerprint = new Fingerprint()
  readonly #quarantined: QuarantinedRow[] = []
  readonly #asideMax: number
  #bytes = 0
  /** What it has to come to. */
  readonly promised: Fingerprint
  /** Its meta row is not what it has to be, as long as no good one was seen. */
  metaDamaged: boolean

  constructor(name: string, promised: Fingerprint, metaDamaged: boolean, asideMax: number) {
    this.#name = name
    this.promised = promised
    this.metaDamaged = metaDamaged
    this.#asideMax = asideMax
  }

  row(key: Uint8Array, value: Uint8Array): void {
    const nameBytes = nameOf(key).length
    const hash = claimedHash(value) ?? new Uint8Array(ITEM_HASH_BYTES)
    const whole = Buffer.concat([key, value])
    const problem = rowProblem(whole, 0, key.length, whole.length)
    const row = parseRowKey(key, nameBytes)
    if (problem === undefined && row.kind !== 'unknown') {
      this.#good.add(hash)
      this.#bytes += whole.length
      return
    }
    this.#claimed.add(hash)
    if (this.#quarantined.length < this.#asideMax) {
      this.#quarantined.push({ ...row, reason: problem ?? 'layout' })
    }
  }

  finish(): LogVerification {
    const { promised: sum, metaDamaged } = this
    return {
      name: this.#name,
      rows: this.#good.count,
      bytes: this.#bytes,
      expected: sum.count,
      quarantined: this.#quarantined,
      damage: compareLog({ sum, metaDamaged }, this.#good, this.#claimed)
    }
  }
}

/** The logs a scan comes across. One that the store does not know has no promise, so each of its rows is one too many. */
class Tallies {
  readonly #asideMax: number
  readonly #byName = new Map<string, LogTally>()

  constructor(states: ReadonlyMap<string, LogState>, asideMax: number) {
    this.#asideMax = asideMax
    for (const [name, { sum, batch }] of states) {
      if (batch > 0n) this.#byName.set(name, new LogTally(name, sum.clone(), true, asideMax))
    }
  }

  get all(): readonly LogTally[] {
    return [...this.#byName.values()]
  }

  of(bytes: Uint8Array): LogTally {
    const name = logName(bytes) ?? Buffer.from(bytes).toString('latin1')
    let tally = this.#byName.get(name)
    if (tally === undefined) {
      tally = new LogTally(name, new Fingerprint(), true, this.#asideMax)
      this.#byName.set(name, tally)
    }
    return tally
  }
}

/** What there is to compare at the moment a scan is taken. */
interface Moment {
  readonly scan: LevelScan
  readonly tallies: Tallies
  readonly batch: bigint
  readonly sum: Fingerprint
}

/** Reads every key of the database once, as it is between two writes, and compares it with what the store has in memory. */
export async function verifyDatabase(
  database: Database,
  limits: StoreLimits,
  onProgress: ProgressListener | undefined
): Promise<StoreVerification> {
  const { scan, tallies, batch, sum } = await momentOf(database, limits)
  const expected = tallies.all.reduce((count, tally) => count + tally.promised.count, 0)
  const damage: Damage[] = []
  let storeRowSeen = batch === 0n
  let [rows, damagedKept, told] = [0, 0, 0]
  const visit = (key: Uint8Array, value: Uint8Array): void => {
    const kind = classOf(key)
    if (kind === 'row') {
      rows++
      tallies.of(nameOf(key)).row(key, value)
    } else if (kind === 'damagedRow') {
      damagedKept++
    } else if (kind === 'meta') {
      const tally = tallies.of(nameOf(key))
      const meta = decodeMeta(key, value)
      if (meta.ok && meta.value.sum.equals(tally.promised)) tally.metaDamaged = false
    } else if (kind === 'store') {
      const row = decodeStoreRow(STORE_KEY, value)
      storeRowSeen = row.ok
      if (row.ok && !row.value.sum.equals(sum)) damage.push({ type: 'logsMismatch' })
    }
  }
  await scanRows(scan, visit, () => {
    if (onProgress === undefined || rows < told + PROGRESS_ROWS) return
    told = rows
    onProgress({ rows, expected })
  })
  if (!storeRowSeen) damage.push({ type: 'storeRowDamaged' })
  const mark = (await database.mark.read())?.batch
  const newest = database.reading.state.batch
  if (mark !== undefined && mark > newest) damage.push({ type: 'behindMark', batch: newest, mark })
  const logs = tallies.all.map(tally => tally.finish())
  const ok = damage.length === 0 && logs.every(log => log.damage.length === 0)
  return { ok, logs, damage, batch, mark, damagedKept }
}

function momentOf(database: Database, limits: StoreLimits): Promise<Moment> {
  return new Promise((resolve, reject) => {
    database.queue.quiet(() => {
      try {
        const { batch, sum } = database.reading.state
        const tallies = new Tallies(database.states, limits.quarantineRowsMax)
        resolve({ scan: database.level.scan(OUR_KEYS), tallies, batch, sum: sum.clone() })
      } catch (error) {
        reject(error)
      }
    })
  })
}
