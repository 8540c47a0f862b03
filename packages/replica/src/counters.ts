import type { Taken } from './intake.ts'
import type { ReplicaStats } from './types.ts'

type Counted = Omit<
  ReplicaStats,
  'state' | 'replica' | 'clock' | 'liveKeys' | 'entries' | 'bytes' | 'evidence' | 'knownIds' | 'waitingBytes'
>

/** Everything a replica counts. */
export class Counters {
  batches = 0
  rows = 0
  localWrites = 0
  broadcasts = 0
  broadcastOversize = 0
  badRows = 0
  quarantined = 0
  readonly dropped: { malformed: number; unavailable: number; backlog: number } = {
    malformed: 0,
    unavailable: 0,
    backlog: 0
  }
  #receivedChanged = 0
  #receivedUnchanged = 0
  #clashes = 0
  readonly #rejected = new Map<string, number>()

  take(taken: Taken): void {
    this.#receivedChanged += taken.changed
    this.#receivedUnchanged += taken.unchanged
    this.#clashes += taken.clashes
    for (const [reason, count] of taken.rejected) {
      this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + count)
    }
  }

  snapshot(): Counted {
    return {
      batches: this.batches,
      rows: this.rows,
      localWrites: this.localWrites,
      receivedChanged: this.#receivedChanged,
      receivedUnchanged: this.#receivedUnchanged,
      clashes: this.#clashes,
      dropped: { ...this.dropped },
      rejected: Object.fromEntries(this.#rejected),
      broadcasts: this.broadcasts,
      broadcastOversize: this.broadcastOversize,
      badRows: this.badRows,
      quarantined: this.quarantined
    }
  }
}
