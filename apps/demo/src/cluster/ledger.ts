import { namesOf, stampName, type LiveValue } from './worker-protocol.ts'

/**
 * Writes that are remembered at most. Nothing is judged while a member is down, so without a bound they would pile up as long as it
 * is. Guess: some 60 MB; more than the story writes with the most keys, and two days of the steady writes' default.
 */
const LEDGER_WRITES_MAX = 200_000

/** The part of them that makes room when they are full: the oldest tenth, so that making room costs little for each write. */
const ROOM_SHARE = 0.1

/** One write or removal. */
export interface LedgerEntry {
  readonly write: string
  readonly key: string
  readonly kind: 'set' | 'delete'
  readonly node: number
  outcome: 'pending' | 'acknowledged' | 'refused' | 'unknown'
  /** The writes this one had seen when it was issued; undefined if the process died before it could say. */
  seen: readonly string[] | undefined
  /** The stamp of its value, where that is what it is recognised by. */
  stamp: string | undefined
  /** One that is no longer remembered may have seen it, so its value may rightly be gone. */
  excused: boolean
}

/** What the check of all writes against the final content found. */
export interface LedgerVerdict {
  readonly acknowledged: number
  readonly unknown: number
  /** Acknowledged writes that were forgotten before anything could be said of them. */
  readonly unchecked: number
  /** Acknowledged writes that are neither live nor seen by a later write or removal: must be none. */
  readonly lost: readonly LedgerEntry[]
  /** Live values that nobody wrote: must be none. */
  readonly invented: readonly string[]
}

type Content = ReadonlyMap<string, readonly LiveValue[]>

/**
 * Remembers every write of the run and judges the end: **each acknowledged write is live, or was seen by a later write or
 * removal**. Every write carries a name of its own, so a live value names its write; one that was asked for on a node's page is
 * recognised by its stamp. A write whose process was killed before it answered has an unknown outcome; it may have taken effect, so what
 * it had seen may be gone rightly.
 */
export class Ledger {
  readonly #entries = new Map<string, LedgerEntry>()
  readonly #writesMax: number
  #opened = 0
  #unchecked = 0
  #forgotten = { acknowledged: 0, unknown: 0 }

  /** @param writesMax writes remembered at most, beside those that are pending */
  constructor(writesMax: number = LEDGER_WRITES_MAX) {
    this.#writesMax = writesMax
  }

  /** Acknowledged writes that were forgotten, to make room for newer ones, before anything could be said of them. */
  get unchecked(): number {
    return this.#unchecked
  }

  /** Writes that are remembered. */
  get size(): number {
    return this.#entries.size
  }

  /** Records a write about to be asked for and gives it its name. */
  open(key: string, kind: 'set' | 'delete', node: number): LedgerEntry {
    return this.#record({ write: `w${++this.#opened}`, key, kind, node, seen: undefined })
  }

  issued(write: string, seen: readonly string[]): void {
    const entry = this.#entries.get(write)
    if (entry !== undefined) entry.seen = seen
  }

  /** Records a write that a node was asked for by somebody else. */
  outside(entry: Pick<LedgerEntry, 'write' | 'key' | 'kind' | 'node' | 'seen'>): void {
    this.#record(entry)
  }

  outsideSettled(write: string, outcome: LedgerEntry['outcome'], stamp: string | undefined): void {
    const entry = this.#entries.get(write)
    if (entry === undefined) return
    entry.outcome = outcome
    entry.stamp = stamp
  }

  /** The process of a node has died: how its pending writes ended is unknown. */
  abandon(node: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.node === node && entry.outcome === 'pending') entry.outcome = 'unknown'
    }
  }

  acknowledged(): number {
    return this.#forgotten.acknowledged + this.#count('acknowledged')
  }

  /** The writes acknowledged so far: what a content that is read from now on has to account for. */
  acknowledgedSoFar(): ReadonlySet<LedgerEntry> {
    return new Set([...this.#entries.values()].filter(({ outcome }) => outcome === 'acknowledged'))
  }

  /**
   * Judges writes against the content on which the nodes agree: key → its live values.
   *
   * @param due the writes it has to account for; default all that are acknowledged
   */
  judge(content: Content, due: ReadonlySet<LedgerEntry> = this.acknowledgedSoFar()): LedgerVerdict {
    const entries = [...this.#entries.values()]
    const { seen, excused } = this.#supersededBy(entries)
    const live = liveNames(content)
    const lost = entries.filter(
      entry =>
        entry.kind === 'set' &&
        due.has(entry) &&
        !entry.excused &&
        !callsOf(entry).some(name => live.has(name) || seen.has(name)) &&
        !excused.has(entry.key)
    )
    return {
      acknowledged: this.acknowledged(),
      unknown: this.#forgotten.unknown + this.#count('unknown'),
      unchecked: this.#unchecked,
      lost,
      invented: this.#invented(content)
    }
  }

  /**
   * Forgets what needs no further judging after a verdict on this content: every write of those that is not live. Does nothing while
   * writes are pending, because a write that is forgotten may be what excuses one of them.
   */
  forget(content: Content, judged: ReadonlySet<LedgerEntry>): void {
    if (this.#count('pending') > 0) return
    const live = liveNames(content)
    for (const entry of this.#entries.values()) {
      if (entry.outcome === 'acknowledged' && !judged.has(entry)) continue
      if (callsOf(entry).some(name => live.has(name))) continue
      this.#drop(entry)
    }
  }

  #record(entry: Pick<LedgerEntry, 'write' | 'key' | 'kind' | 'node' | 'seen'>): LedgerEntry {
    if (this.#entries.size >= this.#writesMax) this.#makeRoom()
    const recorded: LedgerEntry = { ...entry, outcome: 'pending', stamp: undefined, excused: false }
    this.#entries.set(entry.write, recorded)
    return recorded
  }

  /** Forgets the oldest writes that are settled. What they had seen is excused: nobody can say any more that it was replaced. */
  #makeRoom(): void {
    const settled = [...this.#entries.values()].filter(({ outcome }) => outcome !== 'pending')
    const oldest = settled.slice(0, Math.ceil(this.#writesMax * ROOM_SHARE))
    for (const entry of oldest) {
      this.#drop(entry)
      if (entry.outcome === 'acknowledged' && !entry.excused) this.#unchecked++
    }
    const { seen, excused } = this.#supersededBy(oldest)
    for (const entry of this.#entries.values()) {
      entry.excused ||= excused.has(entry.key) || callsOf(entry).some(name => seen.has(name))
    }
  }

  #drop({ write, outcome }: LedgerEntry): void {
    this.#entries.delete(write)
    if (outcome === 'acknowledged' || outcome === 'unknown') this.#forgotten[outcome]++
  }

  #count(outcome: LedgerEntry['outcome']): number {
    let count = 0
    for (const entry of this.#entries.values()) if (entry.outcome === outcome) count++
    return count
  }

  /** The writes that later ones had seen, and the keys of which anything may rightly be gone. */
  #supersededBy(entries: readonly LedgerEntry[]): { seen: Set<string>; excused: Set<string> } {
    const seen = new Set<string>()
    const excused = new Set<string>()
    for (const entry of entries) {
      if (entry.outcome === 'refused') continue
      for (const write of entry.seen ?? []) seen.add(write)
      // The process died before it said what this write had seen.
      if (entry.seen === undefined && entry.outcome === 'unknown') excused.add(entry.key)
    }
    return { seen, excused }
  }

  /** Values under a key they were not written to, or of a write that was refused. */
  #invented(content: Content): string[] {
    const stamps = new Set([...this.#entries.values()].flatMap(({ stamp }) => stamp ?? []))
    return [...content].flatMap(([key, values]) =>
      values.flatMap(({ write, stamp }) => {
        // A person may copy a value with the name of its write in it.
        if (write === undefined || stamps.has(stamp)) return []
        const entry = this.#entries.get(write)
        if (entry === undefined) return []
        return entry.key !== key || entry.kind !== 'set' || entry.outcome === 'refused' ? [write] : []
      })
    )
  }
}

function liveNames(content: Content): Set<string> {
  return new Set([...content.values()].flat().flatMap(namesOf))
}

function callsOf({ write, stamp }: LedgerEntry): readonly string[] {
  return stamp === undefined ? [write] : [write, stampName(stamp)]
}
