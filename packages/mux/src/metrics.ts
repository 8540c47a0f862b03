import type { Metrics } from '@libp2p/interface'
import type { MuxStats } from './types.ts'

/** What every name begins with. */
const PREFIX = 'starling_mux'

/**
 * Registers the figures of `stats()`. They are read when somebody asks, so a figure costs nothing until then. No label is a
 * peer's or an application's text, so their number is fixed.
 */
export function registerMetrics(metrics: Metrics, stats: () => MuxStats): void {
  metrics.registerMetricGroup(`${PREFIX}_streams`, {
    label: 'direction',
    help: 'Streams that are not closed at both ends',
    calculate: () => ({ ...stats().streams })
  })
  metrics.registerMetricGroup(`${PREFIX}_buffered_bytes`, {
    label: 'direction',
    help: 'Payload bytes held by all channels',
    calculate: () => ({ ...stats().bytesBuffered })
  })
  counters('messages_total', 'direction', 'Whole messages on all channels', ({ messages }) => messages)
  counters('bytes_total', 'direction', 'Payload bytes of those messages', ({ bytes }) => bytes)
  gauge('channels', 'Open channels', ({ channels }) => channels)
  gauge('parked_streams', 'Inbound streams without a verdict', ({ parked }) => parked)
  gauge('queued_opens', 'Opens that wait for a place on their connection', ({ queued }) => queued)
  counter('opened_total', 'Outbound streams that were accepted', ({ opened }) => opened)
  counter('received_total', 'Inbound streams', ({ received }) => received)
  counter('accepted_total', 'Inbound streams that were accepted', ({ accepted }) => accepted)
  counter('abandoned_total', 'Inbound streams gone before their verdict', ({ abandoned }) => abandoned)
  counter('handlers_failed_total', 'Handlers that threw or rejected', ({ handlersFailed }) => handlersFailed)
  counter(
    'channels_truncated_total',
    'Channels without the END of the peer',
    stats => stats.channelsTruncated
  )
  counters('refused_total', 'reason', 'Inbound streams refused', ({ refused }) => refused)
  counters('refused_by_peer_total', 'reason', 'Outbound streams refused', stats => stats.refusedByPeer)
  counters('limited_total', 'limit', 'Streams that a limit turned away', ({ limited }) => limited)

  function gauge(name: string, help: string, read: (stats: MuxStats) => number): void {
    metrics.registerMetric(`${PREFIX}_${name}`, { help, calculate: () => read(stats()) })
  }

  function counter(name: string, help: string, read: (stats: MuxStats) => number): void {
    metrics.registerCounter(`${PREFIX}_${name}`, { help, calculate: () => read(stats()) })
  }

  function counters(
    name: string,
    label: string,
    help: string,
    read: (stats: MuxStats) => Readonly<Record<string, number>>
  ): void {
    metrics.registerCounterGroup(`${PREFIX}_${name}`, {
      label,
      help,
      calculate: () => ({ ...read(stats()) })
    })
  }
}
