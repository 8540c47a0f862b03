import type { OperationResult } from './types.ts'

/** The disk failed while this write was being made durable: it is there or not, which the log's recovery finds out. */
export class IndeterminateWriteError extends Error {
  override readonly name = 'IndeterminateWriteError'
  /** The keys of the commit. */
  readonly keys: readonly string[]
  /**
   * Whether the commit took effect after all, once the log was recovered; `undefined` when it cannot be told: the log cannot be
   * recovered, or the replica was closed before. Never rejects.
   */
  readonly tookEffect: Promise<boolean | undefined>

  constructor(keys: readonly string[], cause: unknown, tookEffect: Promise<boolean | undefined>) {
    super(
      `The log failed while ${describe(keys)} was being written; await tookEffect, or read the key once the replica has reopened`,
      { cause }
    )
    this.keys = keys
    this.tookEffect = tookEffect
  }
}

/** The log has failed, so nothing of this call was done. Reads still work; the replica recovers the log, and `reopen` hurries it. */
export class ReplicaPoisonedError extends Error {
  override readonly name = 'ReplicaPoisonedError'

  constructor(name: string, cause: unknown) {
    super(`The log of replica "${name}" has failed, so it takes no writes; wait for it to reopen`, { cause })
  }
}

/** Too few other nodes acknowledged a commit in time. It is durable here and stays; it reaches them when they are reached. */
export class ReplicationTimeoutError extends Error {
  override readonly name = 'ReplicationTimeoutError'
  /** How many nodes were asked for, this one included. */
  readonly wanted: number
  /** The peers on which it is durable. */
  readonly acknowledgedBy: readonly string[]
  /** What the commit did. */
  readonly results: readonly OperationResult[]

  constructor(
    wanted: number,
    acknowledgedBy: readonly string[],
    results: readonly OperationResult[],
    options?: ErrorOptions
  ) {
    super(
      `The write is durable here and on ${acknowledgedBy.length} more nodes, ${wanted - 1} were wanted; it stays and reaches the others later`,
      options
    )
    this.wanted = wanted
    this.acknowledgedBy = acknowledgedBy
    this.results = results
  }
}

/** The replica is closed or closing. Nothing of this call was done. */
export class ReplicaClosedError extends Error {
  override readonly name = 'ReplicaClosedError'

  constructor(name: string) {
    super(`Replica "${name}" is closed; open it again to use it`)
  }
}

/** A value is longer than the replica allows. Nothing was written. */
export class ValueTooLargeError extends Error {
  override readonly name = 'ValueTooLargeError'
  readonly key: string
  readonly bytes: number
  readonly bytesMax: number

  constructor(key: string, bytes: number, bytesMax: number) {
    super(
      `The value of key ${JSON.stringify(key)} takes ${bytes} bytes, at most ${bytesMax} are allowed; split it or store it elsewhere`
    )
    this.key = key
    this.bytes = bytes
    this.bytesMax = bytesMax
  }
}

/** More writes wait for the disk than the replica keeps in memory. Nothing was written; await earlier writes first. */
export class WriteQueueFullError extends Error {
  override readonly name = 'WriteQueueFullError'
  readonly bytes: number
  readonly bytesMax: number

  constructor(bytes: number, bytesMax: number) {
    super(
      `${bytes} bytes of writes wait for the disk, at most ${bytesMax} may; await earlier writes before more`
    )
    this.bytes = bytes
    this.bytesMax = bytesMax
  }
}

/** The entry has changed since the version the caller named. Nothing of the commit was done; read again and decide. */
export class VersionMismatchError extends Error {
  override readonly name = 'VersionMismatchError'
  readonly key: string
  /** What the caller expected; `undefined` means absent. */
  readonly expected: string | undefined
  /** What is there, own writes in flight included; `undefined` means absent. */
  readonly actual: string | undefined

  constructor(key: string, expected: string | undefined, actual: string | undefined) {
    super(
      `Key ${JSON.stringify(key)} is at version ${actual ?? 'absent'}, not ${expected ?? 'absent'}; read it again and decide`
    )
    this.key = key
    this.expected = expected
    this.actual = actual
  }
}

/** A peer broke the reconciliation's rules, or ended early. The round is over; nothing it sent before is undone. */
export class SyncFrameError extends Error {
  override readonly name = 'SyncFrameError'
  readonly peer: string

  constructor(peer: string, detail: string, cause?: unknown) {
    super(`The reconciliation with ${peer} ended: ${detail}`, cause === undefined ? undefined : { cause })
    this.peer = peer
  }
}

function describe(keys: readonly string[]): string {
  const [first] = keys
  if (first === undefined) return 'nothing'
  return keys.length === 1
    ? `key ${JSON.stringify(first)}`
    : `${JSON.stringify(first)} and ${keys.length - 1} more keys`
}
