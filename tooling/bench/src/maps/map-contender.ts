import type { Batch, Row } from '../workload.ts'

/** One library that can hold a replicated map. */
export interface MapContender {
  /** An empty replica. Each replica writes under an id of its own. */
  readonly create: () => MapReplica
  /** A replica with the contents of a snapshot. */
  readonly load: (snapshot: Uint8Array) => MapReplica
}

/**
 * One replica. Every put is a committed transaction of its own. The loops are each contender's own, because a loop that all
 * share would call every one of them through one slow call site.
 */
export interface MapReplica {
  readonly size: number
  get(key: string): Row | undefined
  /** Writes a batch. */
  putAll(batch: Batch): void
  /** Writes a batch and captures, for each write, the encoded delta that another replica would be sent. */
  putAllWithDelta(batch: Batch): Uint8Array[]
  /** Takes in deltas of another replica, one after the other. */
  mergeAll(deltas: readonly Uint8Array[]): void
  /** Writes everything in the fastest way there is, in one transaction where that is faster. */
  fill(batches: Iterable<Batch>): void
  /** Does now what the library would put off until something is read. */
  settle(): void
  /** Adds what a node keeps beside the map to synchronise it, where that is not part of it. */
  readyToSync?(): void
  /** All of the contents as bytes. */
  snapshot(): Uint8Array
  /** Gives back memory that the garbage collector does not manage. */
  free(): void
}

export function keyIn(batch: Batch, i: number): string {
  return batch.keys[i] as string
}

export function valueIn(batch: Batch, i: number): Row {
  return batch.values[i] as Row
}
