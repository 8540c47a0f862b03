import { counter, counters, gauge, gauges, type Figure } from '@starling/ports/metrics'
import type { Traffic } from './counters.ts'
import type { MuxStats } from './types.ts'

/** What is registered of `stats()`. No label is a peer's or an application's text, so their number is fixed. */
export const MUX_FIGURES: readonly Figure<MuxStats>[] = [
  gauges('starling_mux_streams', 'direction', 'Streams not closed at both ends', ({ streams }) => streams),
  gauges(
    'starling_mux_buffered_bytes',
    'direction',
    'Payload held by channels',
    stats => stats.bytesBuffered
  ),
  gauge('starling_mux_channels', 'Open channels', ({ channels }) => channels),
  gauge('starling_mux_parked_streams', 'Inbound streams without a verdict', ({ parked }) => parked),
  gauge('starling_mux_queued_opens', 'Opens that wait for a place', ({ queued }) => queued),
  counters('starling_mux_sent_messages_total', 'tag', 'Messages sent', byTag('messagesSent')),
  counters('starling_mux_received_messages_total', 'tag', 'Messages received', byTag('messagesReceived')),
  counters('starling_mux_sent_bytes_total', 'tag', 'Bytes of messages sent', byTag('bytesSent')),
  counters('starling_mux_received_bytes_total', 'tag', 'Bytes of messages received', byTag('bytesReceived')),
  counter('starling_mux_opened_total', 'Outbound streams that were accepted', ({ opened }) => opened),
  counter('starling_mux_received_total', 'Inbound streams', ({ received }) => received),
  counter('starling_mux_accepted_total', 'Inbound streams that were accepted', ({ accepted }) => accepted),
  counter(
    'starling_mux_abandoned_total',
    'Inbound streams gone before their verdict',
    stats => stats.abandoned
  ),
  counter(
    'starling_mux_handlers_failed_total',
    'Handlers that threw',
    ({ handlersFailed }) => handlersFailed
  ),
  counter(
    'starling_mux_channels_truncated_total',
    'Channels without the END of the peer',
    ({ channelsTruncated }) => channelsTruncated
  ),
  counters('starling_mux_refused_total', 'reason', 'Inbound streams refused', ({ refused }) => refused),
  counters('starling_mux_refused_by_peer_total', 'reason', 'Outbound streams refused', s => s.refusedByPeer),
  counters(
    'starling_mux_limited_total',
    'limit',
    'Streams that a limit turned away',
    ({ limited }) => limited
  )
]

function byTag(what: keyof Traffic): (stats: MuxStats) => Record<string, number> {
  return ({ traffic }) => Object.fromEntries(Object.entries(traffic).map(([tag, each]) => [tag, each[what]]))
}
