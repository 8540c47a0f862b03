import { StoreIndeterminateError, type LogBatch, type RecoveredLog } from '../../src/index.ts'
import { batch, contents, RowModel } from '../row-fixtures.ts'

/** A violation of what the log promises. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** One change of an append. */
export interface Change {
  readonly kind: 'live' | 'evidence'
  readonly key: string
  readonly value: string | undefined
}

interface Appended {
  readonly log: string
  readonly changes: readonly Change[]
  readonly stamp: bigint
  /** What was promised about it. */
  state: 'open' | 'synced' | 'written' | 'indeterminate'
  /** Of an indeterminate one: what recovering the log says of it. */
  tookEffect?: Promise<boolean | undefined>
}

/** What reopening may show beyond a prefix of the appends. Set by whoever injects the fault that excuses it. */
export interface Excuses {
  /** Damage may be reported. */
  damage: boolean
  /** Acknowledged appends at the end may be missing without a report. */
  loss: boolean
  /** Everything may be as it was at some time before: only invented values are wrong. */
  older: boolean
}

/** Which appends were acknowledged at some moment, by their place in the order of the calls. */
export interface Promised {
  /** As synced: a power cut keeps them. */
  readonly synced: readonly boolean[]
  /** In any way: a kill keeps them. */
  readonly written: readonly boolean[]
}

/**
 * Everything that was appended, in the order of the calls, and what was promised: the other side of every check. An append
 * that was refused cleanly is taken out again, for nothing of it may ever be found.
 */
export class History {
  readonly excuses: Excuses = { damage: false, loss: false, older: false }
  readonly #unsynced: ReadonlySet<string>
  #appends: Appended[] = []
  /** What lay in each log before the first of these appends. */
  #base: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map()
  #baseMark = 0n
  readonly #models = new Map<string, RowModel>()
  /** Logs that were damaged when they were last opened. */
  readonly #reported = new Set<string>()
  #misread = false
  /** Every value that a key ever had. */
  readonly #values = new Map<string, Set<string>>()
  #stampMax = 0n

  /** @param unsynced the logs whose appends are not synced. */
  constructor(unsynced: ReadonlySet<string> = new Set()) {
    this.#unsynced = unsynced
  }

  /** Notes the append before it is made and returns the batch to append. */
  begin(log: string, changes: readonly Change[], stamp: bigint): { appended: Appended; batch: LogBatch } {
    const model = this.#model(log)
    const rows = changes.map(({ kind, key, value }) => {
      if (value !== undefined) this.#valuesOf(log, `${kind} ${key}`).add(value)
      return value === undefined ? model.delete(key, kind) : model.put(key, value, kind)
    })
    if (stamp > this.#stampMax) this.#stampMax = stamp
    const appended: Appended = { log, changes, stamp, state: 'open' }
    this.#appends.push(appended)
    return { appended, batch: batch(rows, stamp) }
  }

  acknowledged(appended: Appended, durability: 'sync' | 'async'): void {
    const at = this.#appends.indexOf(appended)
    const earlier = this.#appends.slice(0, at).find(one => one.state === 'open' && one.log === appended.log)
    if (earlier !== undefined)
      throw new Violation('an append was acknowledged before an earlier one of its log')
    const lost = this.#appends.slice(0, at).find(one => one.state === 'indeterminate')
    if (lost !== undefined) throw new Violation('an append was acknowledged after a write that failed')
    appended.state = durability === 'sync' ? 'synced' : 'written'
  }

  failed(appended: Appended, error: unknown): void {
    if (error instanceof StoreIndeterminateError) {
      appended.state = 'indeterminate'
      appended.tookEffect = error.tookEffect
    } else this.#appends = this.#appends.filter(one => one !== appended)
  }

  /** Appends so far: what {@link History.check} takes to ask only for what was promised until now. */
  get promised(): Promised {
    const state = this.#appends.map(one => one.state)
    return {
      synced: state.map(one => one === 'synced'),
      written: state.map(one => one === 'synced' || one === 'written')
    }
  }

  /** Nothing is left on the disk: what is found next has to be empty. */
  startOver(): void {
    this.#appends = []
    this.#base = new Map()
    this.#baseMark = 0n
    this.#models.clear()
  }

  /** From now on only synced acknowledgements count: damage may take what only the operating system had. */
  unsync(): void {
    for (const one of this.#appends) if (one.state === 'written') one.state = 'open'
  }

  /**
   * Checks what reopening found against I9 and I10: without a report it is the state after the first m appends, where m
   * covers all that were `kept`, and the clock covers them too; with a report every row has a value that its key once had.
   * Logs whose appends are synced are one sequence; each other log is one of its own, for it may lose its tail alone.
   */
  check(found: ReadonlyMap<string, RecoveredLog>, kept: readonly boolean[]): void {
    for (const [log, recovered] of found) {
      this.#checkValues(log, recovered)
      if (recovered.clockMark > this.#stampMax) {
        throw new Violation(`${log} has the clock ${recovered.clockMark}, which was never given`)
      }
      if (recovered.quarantined.length > 0 && recovered.damaged === undefined) {
        throw new Violation(`${log} has damaged rows and is not called damaged`)
      }
    }
    const reports = [...found].filter(([, one]) => one.damaged !== undefined)
    if (reports.length > 0) {
      if (this.excuses.damage || reports.every(([log, one]) => this.#mayRepeat(log, one))) return
      throw new Violation(
        `damage is reported where nothing was damaged: ${reports.map(([, one]) => one.damaged?.message).join('; ')}`
      )
    }
    if (this.excuses.older) return
    const mark = [...found.values()].reduce((most, one) => (one.clockMark > most ? one.clockMark : most), 0n)
    const synced = [...found.keys()].filter(log => !this.#unsynced.has(log))
    for (const logs of [synced, ...[...this.#unsynced].map(log => [log])]) {
      const promised = this.#checkSequence(logs, found, kept)
      if (mark < promised) throw new Violation(`the clock went back to ${mark}, below ${promised}`)
    }
  }

  /**
   * After a recovery in place: what the callers of indeterminate appends are told has to be what was found. Each append has
   * to begin with a row whose value is a number that grows.
   */
  async checkVerdicts(found: ReadonlyMap<string, RecoveredLog>): Promise<void> {
    for (const { log, changes, tookEffect } of this.#appends) {
      if (tookEffect === undefined) continue
      const told = await tookEffect
      if (told === undefined && found.get(log)?.damaged !== undefined) continue
      const first = changes[0]
      const value = Number(contentsOf(found, log)[`${first?.kind} ${first?.key}`] ?? 0)
      const there = value >= Number(first?.value)
      if (told !== there) {
        throw new Violation(
          `the append of ${first?.value} to ${log} is ${there ? '' : 'not '}there, its caller is told ${told}`
        )
      }
    }
  }

  /** Goes on from what was found, as its owner does. */
  accept(found: ReadonlyMap<string, RecoveredLog>): void {
    this.#appends = []
    this.#base = new Map([...found].map(([log, one]) => [log, contents(one)]))
    // In a damaged log only the side mark may remember the clock, and the next power cut can take that.
    const whole = [...found.values()].filter(one => one.damaged === undefined)
    this.#baseMark = whole.reduce((most, one) => (one.clockMark < most ? most : one.clockMark), 0n)
    this.#models.clear()
    for (const [log, one] of found) this.#models.set(log, RowModel.of(one))
    this.#reported.clear()
    for (const [log, { damaged }] of found) {
      if (damaged !== undefined) this.#reported.add(log)
      if (damaged?.damage.some(one => one.type === 'logsMismatch')) this.#misread = true
    }
    this.excuses.damage = false
    this.excuses.loss = false
    this.excuses.older = false
  }

  /**
   * A damaged log says so at every opening until its first append accepts the loss; one whose meta row got another key says
   * so for ever.
   */
  #mayRepeat(log: string, recovered: RecoveredLog): boolean {
    if (this.#misread && recovered.damaged?.damage.every(one => one.type === 'logsMismatch')) return true
    return this.#reported.has(log) && !this.#appends.some(one => one.log === log && one.state === 'synced')
  }

  /** The clock that was promised with what is there of these logs. */
  #checkSequence(
    logs: readonly string[],
    found: ReadonlyMap<string, RecoveredLog>,
    kept: readonly boolean[]
  ): bigint {
    const appends = this.#appends.filter(one => logs.includes(one.log))
    const last = this.#appends.findLast((one, i) => kept[i] === true && logs.includes(one.log))
    const least = this.excuses.loss || last === undefined ? 0 : appends.indexOf(last) + 1
    const prefixes = this.#prefixes(logs, appends)
    const text = textOfLogs(logs.map(log => [log, textOf(Object.entries(contentsOf(found, log)))]))
    // Appends that change nothing leave equal states: the first that is long enough promises least.
    const enough = prefixes.find((prefix, m) => m >= least && prefix.text === text)
    if (enough !== undefined) return enough.mark
    const m = prefixes.findLastIndex(prefix => prefix.text === text)
    const described = appends.map(one => `${one.log} ${one.state}: ${describe(one.changes)}`)
    throw new Violation(
      `${m < 0 ? 'no prefix of the appends' : `${m} appends`} found, at least ${least} expected:\n${shortened(text)}\n` +
        `It began with\n${shortened(prefixes[0]?.text ?? '')}\nand there were\n${described.join('\n')}`
    )
  }

  /** The contents of the logs and the clock after each number of appends. */
  #prefixes(logs: readonly string[], appends: readonly Appended[]): { text: string; mark: bigint }[] {
    const rows = new Map(logs.map(log => [log, new Map(Object.entries(this.#base.get(log) ?? {}))]))
    const texts = new Map([...rows].map(([log, one]) => [log, textOf(one)]))
    let mark = this.#baseMark
    const found = [{ text: textOfLogs(texts), mark }]
    for (const { log, changes, stamp } of appends) {
      const one = rows.get(log) ?? new Map<string, string>()
      for (const { kind, key, value } of changes) {
        if (value === undefined) one.delete(`${kind} ${key}`)
        else one.set(`${kind} ${key}`, value)
      }
      texts.set(log, textOf(one))
      if (stamp > mark) mark = stamp
      found.push({ text: textOfLogs(texts), mark })
    }
    return found
  }

  #checkValues(log: string, recovered: RecoveredLog): void {
    for (const [key, value] of Object.entries(contents(recovered))) {
      if (!this.#valuesOf(log, key).has(value)) {
        throw new Violation(`${log}: ${key} has a value that was never written`)
      }
    }
  }

  #valuesOf(log: string, key: string): Set<string> {
    const name = `${log} ${key}`
    const values = this.#values.get(name) ?? new Set<string>()
    this.#values.set(name, values)
    return values
  }

  #model(log: string): RowModel {
    const model = this.#models.get(log) ?? new RowModel()
    this.#models.set(log, model)
    return model
  }
}

function describe(changes: readonly Change[]): string {
  return changes
    .map(({ key, value }) => `${key}=${value === undefined ? 'deleted' : shortened(value)}`)
    .join(' ')
}

/** Long values are padded with dots. */
function shortened(text: string): string {
  return text.replaceAll(/\.{2,}/g, '.')
}

function contentsOf(found: ReadonlyMap<string, RecoveredLog>, log: string): Record<string, string> {
  const recovered = found.get(log)
  return recovered === undefined ? {} : contents(recovered)
}

function textOf(rows: Iterable<readonly [string, string]>): string {
  return JSON.stringify(Object.fromEntries([...rows].sort(([a], [b]) => (a < b ? -1 : 1))))
}

function textOfLogs(texts: Iterable<readonly [string, string]>): string {
  return [...texts].map(([log, text]) => `${log}: ${text}`).join('\n')
}
