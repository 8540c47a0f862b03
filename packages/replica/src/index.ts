/**
 * The replication driver of one replicated data structure: it makes writes durable before it applies them, applies them before
 * it broadcasts them, broadcasts them before it answers, takes in what peers send, and reconciles with them. It is not the data
 * structure itself: an owner (a map, a counter, a registry) reads its entries and is told what changed. It opens no connection
 * and no file; the log, the broadcast and the reconciliation's exchange are handed in.
 *
 * @example
 * ```ts
 * import { createReplica } from '@starling/replica'
 *
 * const replica = await createReplica(
 *   { log, broadcast, clock, timers, random, hash },
 *   { name: 'flags', owner: { applied: changes => changes.forEach(change => show(change.key)) } }
 * )
 * await replica.commit([{ type: 'put', key: 'checkout-v2', value: bytes }])
 * replica.entry('checkout-v2')
 * ```
 *
 * @packageDocumentation
 */
export { REPLICA_LIMITS, type ReplicaLimits } from './config.ts'
export {
  IndeterminateWriteError,
  ReplicaClosedError,
  ReplicaPoisonedError,
  ReplicationTimeoutError,
  SyncFrameError,
  ValueTooLargeError,
  VersionMismatchError,
  WriteQueueFullError
} from './errors.ts'
export type {
  BroadcastPort,
  FoundLog,
  LogBatch,
  LogPort,
  LogRow,
  PeerPort,
  RecoveredRow,
  RowKind,
  SyncExchange,
  SyncOutcome,
  SyncProtocol
} from './ports.ts'
export { createReplica } from './replica.ts'
export type {
  Change,
  CommitOptions,
  Expected,
  Operation,
  OperationResult,
  Replica,
  ReplicaComponents,
  ReplicaEvent,
  ReplicaInit,
  ReplicaOwner,
  ReplicaStats,
  ReplicaStatus
} from './types.ts'
