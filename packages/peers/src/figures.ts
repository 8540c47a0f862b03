import { counter, counters, gauge, type Figure } from '@starling/ports/metrics'
import type { PeersStats } from './types.ts'

/** What is registered of `stats()`. Names of errors are counted apart up to a limit, so no label is without a bound. */
export const PEERS_FIGURES: readonly Figure<PeersStats>[] = [
  gauge('starling_peers_sessions', 'Established sessions', ({ sessions }) => sessions),
  gauge('starling_peers_known', 'Peers with a wish, a dial or a connection', ({ peers }) => peers),
  gauge('starling_peers_connections', 'Connections', ({ connections }) => connections),
  counter('starling_peers_dials_total', 'Dials begun', ({ dials }) => dials),
  counter(
    'starling_peers_dials_failed_total',
    'Dials that came to nothing',
    ({ dialsFailed }) => dialsFailed
  ),
  counter('starling_peers_sessions_up_total', 'Sessions that came to stand', ({ sessionsUp }) => sessionsUp),
  counter('starling_peers_sessions_down_total', 'Sessions that ended', ({ sessionsDown }) => sessionsDown),
  counter('starling_peers_sessions_replaced_total', 'Sessions replaced', stats => stats.sessionsReplaced),
  counters('starling_peers_failures_total', 'error', 'Failures by error', stats => stats.failuresByError),
  counter('starling_peers_handshakes_failed_total', 'Handshakes failed', stats => stats.handshakesFailed),
  counter('starling_peers_duplicates_closed_total', 'Second connections closed', s => s.duplicatesClosed),
  counter('starling_peers_late_dials_closed_total', 'Connections after their time', s => s.lateDialsClosed),
  counter('starling_peers_inbound_refused_total', 'Inbound connections refused', s => s.inboundRefused),
  counter(
    'starling_peers_channels_held_total',
    'Channels that came early',
    ({ channelsHeld }) => channelsHeld
  ),
  counter('starling_peers_channels_refused_total', 'Channels refused', stats => stats.channelsRefused),
  counter('starling_peers_suspicions_total', 'Peers that fell silent', ({ suspicions }) => suspicions),
  counter('starling_peers_silences_total', 'Sessions ended by silence', ({ silences }) => silences),
  counter(
    'starling_peers_self_stalls_total',
    'Times this process stood still',
    ({ selfStalls }) => selfStalls
  ),
  counter('starling_peers_idle_closed_total', 'Sessions nobody needed', ({ idleClosed }) => idleClosed),
  counter(
    'starling_peers_goodbyes_forced_total',
    'Goodbyes without an answer',
    stats => stats.goodbyesForced
  ),
  counter('starling_peers_revocations_total', 'Sessions of peers not admitted any more', s => s.revocations),
  counter('starling_peers_probes_total', 'Connections called in question', ({ probes }) => probes),
  counter('starling_peers_listeners_failed_total', 'Listeners that threw', stats => stats.listenerErrors),
  counters('starling_peers_names_total', 'result', 'Names looked up', stats => ({
    asked: stats.namesAsked,
    cached: stats.namesCached,
    failed: stats.namesFailed
  }))
]
