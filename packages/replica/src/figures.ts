import type { MetricHistogram, Metrics } from '@starling/ports'
import { guardedHistogram } from '@starling/ports/guarded'
import {
  counters,
  gauge,
  gauges,
  NamedParts,
  registerFigures,
  type Figure,
  type NamedReadings
} from '@starling/ports/metrics'
import type { Replica, ReplicaStats, ReplicaStatus } from './types.ts'

type Watched = Pick<Replica, 'stats' | 'status'>
type Readings = NamedReadings<{ readonly stats: ReplicaStats; readonly status: ReplicaStatus }>

/** Seconds a commit takes: from memory to a disk that syncs slowly. */
const COMMIT_SECONDS = [0.0005, 0.002, 0.005, 0.02, 0.1, 0.5, 2, 10]

/** What all replicas of a process register together, since a name is registered once. */
export interface ReplicaFigures {
  /** Returns how to take it away. */
  add(name: string, replica: Watched): () => void
  /** How long commits took, in seconds, until they were durable here. */
  readonly commits: MetricHistogram
}

const known = new WeakMap<Metrics, ReplicaFigures>()

/** The figures of all replicas that are given these metrics. */
export function replicaFigures(metrics: Metrics): ReplicaFigures {
  const before = known.get(metrics)
  if (before !== undefined) return before
  const parts = new NamedParts((replica: Watched) => ({ stats: replica.stats(), status: replica.status() }))
  parts.refresh = registerFigures(metrics, () => parts.read(), REPLICA_FIGURES)
  const options = { help: 'How long commits took until they were durable here', buckets: COMMIT_SECONDS }
  const commits = guardedHistogram(metrics, 'starling_replica_commit_seconds', options)
  const figures = { add: (name: string, replica: Watched) => parts.add(name, replica), commits }
  known.set(metrics, figures)
  return figures
}

const REPLICA_FIGURES: readonly Figure<Readings>[] = [
  gauges(
    'starling_replica_keys',
    'map',
    'Keys with a live value',
    stats(({ liveKeys }) => liveKeys)
  ),
  gauges(
    'starling_replica_entries',
    'map',
    'Keys, removed ones included',
    stats(({ entries }) => entries)
  ),
  gauges(
    'starling_replica_bytes',
    'map',
    'Quota in use',
    stats(({ bytes }) => bytes)
  ),
  gauges(
    'starling_replica_evidence',
    'map',
    'Items of evidence',
    stats(({ evidence }) => evidence)
  ),
  gauges(
    'starling_replica_known_ids',
    'map',
    'Replica ids known of',
    stats(({ knownIds }) => knownIds)
  ),
  gauges(
    'starling_replica_waiting_bytes',
    'map',
    'Bytes waiting for the disk',
    stats(s => s.waitingBytes)
  ),
  gauges(
    'starling_replica_set_aside',
    'map',
    'Values set aside',
    status(({ stale }) => stale)
  ),
  gauges(
    'starling_replica_damaged_keys',
    'map',
    'Damaged keys',
    status(s => s.damagedKeys.length)
  ),
  gauges(
    'starling_replica_clock_ahead_seconds',
    'map',
    'Clock ahead',
    status(s => s.clockAheadMs / 1_000)
  ),
  gauges('starling_replica_refused_entries', 'reason', 'Entries refused and remembered', parts =>
    parts.sums(({ status }) => status.refused)
  ),
  gauge('starling_replica_poisoned', 'Replicas whose disk failed', parts =>
    parts.sum(({ status }) => (status.state === 'poisoned' ? 1 : 0))
  ),
  counters(
    'starling_replica_local_writes_total',
    'map',
    'Own writes',
    stats(({ localWrites }) => localWrites)
  ),
  counters(
    'starling_replica_changed_total',
    'map',
    'Received, news',
    stats(s => s.receivedChanged)
  ),
  counters(
    'starling_replica_unchanged_total',
    'map',
    'Received, no news',
    stats(s => s.receivedUnchanged)
  ),
  counters(
    'starling_replica_batches_total',
    'map',
    'Batches to the log',
    stats(({ batches }) => batches)
  ),
  counters(
    'starling_replica_rows_total',
    'map',
    'Rows to the log',
    stats(({ rows }) => rows)
  ),
  counters(
    'starling_replica_broadcasts_total',
    'map',
    'Broadcasts',
    stats(({ broadcasts }) => broadcasts)
  ),
  counters(
    'starling_replica_oversize_total',
    'map',
    'Too long to broadcast',
    stats(s => s.broadcastOversize)
  ),
  counters(
    'starling_replica_clashes_total',
    'map',
    'Two values of one stamp',
    stats(({ clashes }) => clashes)
  ),
  counters(
    'starling_replica_bad_rows_total',
    'map',
    'Rows not to be trusted',
    stats(s => s.badRows + s.quarantined)
  ),
  counters('starling_replica_rejected_total', 'reason', 'Entries refused', parts =>
    parts.sums(({ stats }) => stats.rejected)
  ),
  counters('starling_replica_dropped_total', 'reason', 'Messages and frames dropped whole', parts =>
    parts.sums(({ stats }) => stats.dropped)
  )
]

function stats(read: (stats: ReplicaStats) => number): (parts: Readings) => Record<string, number> {
  return parts => parts.byName(({ stats }) => read(stats))
}

function status(read: (status: ReplicaStatus) => number): (parts: Readings) => Record<string, number> {
  return parts => parts.byName(({ status }) => read(status))
}
