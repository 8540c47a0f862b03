import type { TimerHandle, Timers } from '@starling/ports'

/** One caller's commit, staged: what it writes, and whom to answer. */
export interface Staged<Write> {
  readonly writes: readonly Write[]
  /** Estimated bytes of its rows; 0 for a commit that writes nothing and only waits for its turn. */
  readonly bytes: number
  resolve(): void
  reject(error: Error): void
}

/** What goes to the log together. */
export interface Group<Write> {
  readonly commits: readonly Staged<Write>[]
  /** Keys whose rows changed by received entries and wait to be written. */
  readonly touched: readonly string[]
}

/** What the queue drives. */
export interface CommitQueueTarget<Write> {
  /** Makes the group durable. A rejection poisons the queue. */
  append(group: Group<Write>): Promise<void>
  /** The group is durable: apply it, announce it. Answering the callers is the queue's part. */
  durable(group: Group<Write>): void
  /** The log failed while the group was on its way; `waiting` never left the queue. Called once. */
  failed(error: unknown, inFlight: Group<Write>, waiting: readonly Staged<Write>[]): void
}

/** How long received rows wait for others, ms, when nobody waits for them. */
export interface Linger {
  readonly timers: Timers
  readonly lingerMs: number
}

/** Bounds of one group, for commits and for received rows each; a single commit may exceed them. */
export interface GroupLimits {
  readonly groupBytesMax: number
  readonly groupRowsMax: number
}

/**
 * Orders local commits and received rows on their way to the log: one batch at a time, and whatever came meanwhile forms
 * the next. Received rows wait for company, with a commit or among themselves, until somebody waits for them. After a failure nothing more is sent, so that no row can follow one that may be missing, until the log was recovered.
 */
export class CommitQueue<Write> {
  readonly #target: CommitQueueTarget<Write>
  readonly #limits: GroupLimits
  readonly #linger: Linger
  #commits: Staged<Write>[] = []
  #commitBytes = 0
  #touched = new Map<string, { readonly bytes: number; readonly order: number }>()
  #touchedBytes = 0
  #lingering: TimerHandle | undefined
  /** Received rows have waited long enough, or somebody waits for them. */
  #pressed = false
  #inFlightBytes = 0
  #running: Promise<void> | undefined
  #failed = false
  #waiters: (() => void)[] = []
  /** Counts what was handed in beside commits; and up to where it is durable. */
  #order = 0
  #durableUpTo = 0
  #nudged = false

  constructor(target: CommitQueueTarget<Write>, limits: GroupLimits, linger: Linger) {
    this.#target = target
    this.#limits = limits
    this.#linger = linger
  }

  /** Estimated bytes of local commits that wait or are on their way. */
  get commitBytes(): number {
    return this.#commitBytes
  }

  /** Estimated bytes of received rows that wait. */
  get touchedBytes(): number {
    return this.#touchedBytes
  }

  /** Estimated bytes of everything that is not durable yet. */
  get waitingBytes(): number {
    return this.#commitBytes + this.#touchedBytes + this.#inFlightBytes
  }

  /** Adds a commit. It is in the next group, or a later one when many wait. */
  add(commit: Staged<Write>): void {
    this.#commits.push(commit)
    this.#commitBytes += commit.bytes
    this.#start()
  }

  /** Notes that the row of `key` changed and takes about `bytes`. A key that waits already is written once. */
  touch(key: string, bytes: number): void {
    const before = this.#touched.get(key)
    this.#touchedBytes += bytes - (before?.bytes ?? 0)
    this.#touched.set(key, { bytes, order: before?.order ?? ++this.#order })
    const { timers, lingerMs } = this.#linger
    if (lingerMs <= 0 || this.#touchedBytes >= this.#limits.groupBytesMax) this.#press()
    else this.#lingering ??= timers.schedule(lingerMs, () => this.#press())
  }

  /** Whether the row of a key waits to be written. */
  isTouched(key: string): boolean {
    return this.#touched.has(key)
  }

  /** Makes a group even when there is nothing to put in: the target has something of its own to write. */
  nudge(): void {
    this.#order++
    this.#nudged = true
    this.#start()
  }

  /** Resolves once every row that waits now is durable, or the queue has failed: says which. */
  async settled(): Promise<boolean> {
    const upTo = this.#order
    while (!this.#failed && this.#durableUpTo < upTo) {
      this.#press()
      await this.#wait()
    }
    return !this.#failed
  }

  /** Goes on after a failure, once the log has been recovered. */
  resume(): void {
    this.#failed = false
    this.#durableUpTo = this.#order
  }

  /** Resolves once at most `bytes` of received rows wait, or the queue has failed. */
  async room(bytes: number): Promise<void> {
    while (!this.#failed && this.#touchedBytes > bytes) {
      this.#press()
      await this.#wait()
    }
  }

  /** Resolves once nothing waits and nothing is on its way, or the queue has failed. Never rejects. */
  async idle(): Promise<void> {
    for (this.#press(); this.#running !== undefined; this.#press()) await this.#running
  }

  /** Received rows are written now. */
  #press(): void {
    if (this.#touched.size === 0) return
    this.#pressed = true
    this.#start()
  }

  #start(): void {
    if (this.#running !== undefined || this.#failed) return
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    // One turn, so that commits issued together share a batch.
    await Promise.resolve()
    while (this.#commits.length > 0 || this.#pressed || this.#nudged) {
      const { group, upTo } = this.#take()
      try {
        await this.#target.append(group)
        this.#target.durable(group)
      } catch (error) {
        this.#fail(error, group)
        break
      }
      this.#inFlightBytes = 0
      this.#durableUpTo = upTo
      this.#wakeWaiters()
      for (const commit of group.commits) {
        this.#commitBytes -= commit.bytes
        commit.resolve()
      }
      // Callers that were just answered and write again join the next group.
      await Promise.resolve()
    }
    this.#running = undefined
  }

  /** Commits and received rows have a budget each, so that neither starves the other. */
  #take(): { readonly group: Group<Write>; readonly upTo: number } {
    const { groupBytesMax, groupRowsMax } = this.#limits
    let bytes = 0
    let rows = 0
    let taken = 0
    for (const commit of this.#commits) {
      bytes += commit.bytes
      rows += commit.writes.length
      if (taken > 0 && (bytes > groupBytesMax || rows > groupRowsMax)) break
      taken++
    }
    const commits = this.#commits.slice(0, taken)
    this.#commits = this.#commits.slice(taken)
    const touched: string[] = []
    let touchedBytes = 0
    let upTo = this.#order
    for (const [key, row] of this.#touched) {
      if (
        touched.length > 0 &&
        (touchedBytes + row.bytes > groupBytesMax || touched.length >= groupRowsMax)
      ) {
        upTo = row.order - 1
        break
      }
      touched.push(key)
      touchedBytes += row.bytes
    }
    for (const key of touched) this.#touched.delete(key)
    if (this.#touched.size === 0) this.#calm()
    this.#touchedBytes -= touchedBytes
    this.#inFlightBytes = touchedBytes
    this.#nudged = false
    return { group: { commits, touched }, upTo }
  }

  #fail(error: unknown, inFlight: Group<Write>): void {
    const waiting = this.#commits
    this.#failed = true
    this.#commits = []
    this.#commitBytes = 0
    this.#touched.clear()
    this.#calm()
    this.#touchedBytes = 0
    this.#inFlightBytes = 0
    this.#nudged = false
    this.#target.failed(error, inFlight, waiting)
    this.#wakeWaiters()
  }

  /** No received row waits. */
  #calm(): void {
    this.#pressed = false
    this.#lingering?.cancel()
    this.#lingering = undefined
  }

  #wait(): Promise<void> {
    return new Promise(resolve => this.#waiters.push(resolve))
  }

  #wakeWaiters(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}
