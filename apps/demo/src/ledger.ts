/** One write or removal the launcher asked for. */
export interface LedgerEntry {
  readonly write: string
  readonly key: string
  readonly kind: 'set' | 'delete'
  readonly node: number
  outcome: 'pending' | 'acknowledged' | 'refused' | 'unknown'
  /** The writes this one had seen when it was issued; undefined if the process died before it could say. */
  seen: readonly string[] | undefined
}

/** What the check of all writes against the final content found. */
export interface LedgerVerdict {
  readonly acknowledged: number
  readonly unknown: number
  /** Acknowledged writes that are neither live nor seen by a later write or removal: must be none. */
  readonly lost: readonly LedgerEntry[]
  /** Live values that nobody wrote: must be none. */
  readonly invented: readonly string[]
}

/**
 * Remembers every write of the run and judges the end: **each acknowledged write is live, or was seen by a later write or
 * removal**. Every write carries a name of its own, so a live value names its write. A write whose process was killed before
 * it answered has an unknown outcome; it may have taken effect, so what it had seen may be gone rightly.
 */
export class Ledger {
  readonly #entries = new Map<string, LedgerEntry>()

  get size(): number {
    return this.#entries.size
  }

  /** Records a write about to be asked for and gives it its name. */
  open(key: string, kind: 'set' | 'delete', node: number): LedgerEntry {
    const entry: LedgerEntry = {
      write: `w${this.#entries.size + 1}`,
      key,
      kind,
      node,
      outcome: 'pending',
      seen: undefined
    }
    this.#entries.set(entry.write, entry)
    return entry
  }

  issued(write: string, seen: readonly string[]): void {
    const entry = this.#entries.get(write)
    if (entry !== undefined) entry.seen = seen
  }

  acknowledged(): number {
    return [...this.#entries.values()].filter(entry => entry.outcome === 'acknowledged').length
  }

  /** Judges all writes against the content on which the nodes agree: key → names of the live writes. */
  judge(content: ReadonlyMap<string, readonly string[]>): LedgerVerdict {
    const entries = [...this.#entries.values()]
    const seen = new Set<string>()
    const excused = new Set<string>()
    for (const entry of entries) {
      if (entry.outcome === 'refused') continue
      for (const write of entry.seen ?? []) seen.add(write)
      // The process died before it said what this write had seen: anything on its key may rightly be gone.
      if (entry.seen === undefined && entry.outcome === 'unknown') excused.add(entry.key)
    }
    const live = new Set([...content.values()].flat())
    const lost = entries.filter(
      entry =>
        entry.kind === 'set' &&
        entry.outcome === 'acknowledged' &&
        !live.has(entry.write) &&
        !seen.has(entry.write) &&
        !excused.has(entry.key)
    )
    const written = new Map(entries.map(entry => [entry.write, entry]))
    const invented = [...content].flatMap(([key, writes]) =>
      writes.filter(write => {
        const entry = written.get(write)
        return (
          entry !== undefined && (entry.key !== key || entry.kind !== 'set' || entry.outcome === 'refused')
        )
      })
    )
    return {
      acknowledged: this.acknowledged(),
      unknown: entries.filter(entry => entry.outcome === 'unknown').length,
      lost,
      invented
    }
  }
}
