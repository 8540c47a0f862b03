import { counter, counters, gauge, type Figure } from '@starling/ports/metrics'
import type { SyncStats } from './types.ts'

/** Seconds a round takes: from two equal maps nearby to a whole map over a slow link. */
export const ROUND_SECONDS: readonly number[] = [0.005, 0.02, 0.1, 0.5, 2, 10, 60]

/** What is registered of `stats()`, over all topics: their names are applications' and no labels. */
export const SYNC_FIGURES: readonly Figure<SyncStats>[] = [
  gauge('starling_sync_topics', 'Topics open', ({ topics }) => topics),
  gauge('starling_sync_sessions', 'Peers that hold a topic with us', ({ sessions }) => sessions),
  gauge('starling_sync_links', 'Peers of topics, with a session or not', ({ links }) => links),
  gauge('starling_sync_lagging_peers', 'Peers known to hold something else', ({ lagging }) => lagging),
  gauge('starling_sync_lag_seconds', 'Since when the first of them', ({ lagMs }) => lagMs / 1_000),
  gauge('starling_sync_rounds_running', 'Rounds that run', ({ roundsRunning }) => roundsRunning),
  gauge('starling_sync_rounds_waiting', 'Topics that wait for a turn', ({ roundsWaiting }) => roundsWaiting),
  gauge(
    'starling_sync_handshakes_pending',
    'Inbound handshakes',
    ({ handshakesPending }) => handshakesPending
  ),
  counter('starling_sync_sessions_started_total', 'Sessions begun', ({ sessionsStarted }) => sessionsStarted),
  counters('starling_sync_rounds_total', 'result', 'Rounds that ended', stats => ({
    equal: stats.roundsEqual,
    different: stats.roundsCompleted - stats.roundsEqual - stats.roundsIncomplete,
    incomplete: stats.roundsIncomplete,
    failed: stats.roundsFailed
  })),
  counters('starling_sync_entries_total', 'direction', 'Entries that crossed in rounds', stats => ({
    sent: stats.entriesSent,
    received: stats.entriesReceived
  })),
  counters('starling_sync_refused_total', 'reason', 'Channels refused', ({ refused }) => refused),
  counters('starling_sync_pushes_total', 'result', 'Pushes, ours and those of peers', ({ pushes }) => pushes),
  counter('starling_sync_listeners_failed_total', 'Listeners that threw', stats => stats.listenersFailed)
]
