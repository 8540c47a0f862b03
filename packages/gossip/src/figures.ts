import { counter, counters, gauge, gauges, type Figure } from '@starling/ports/metrics'
import type { GossipStats, TopicStats } from './types.ts'

/** What figures are read from. */
export interface Gathered {
  readonly stats: GossipStats
  /** Those of each topic joined now. */
  readonly topics: readonly TopicStats[]
}

/** What is registered, over all topics: their names are applications' and no labels. */
export const GOSSIP_FIGURES: readonly Figure<Gathered>[] = [
  gauge('starling_gossip_topics', 'Topics joined', ({ stats }) => stats.topics),
  gauges('starling_gossip_links', 'kind', 'Overlay links of all topics', ({ topics }) => ({
    eager: sum(topics, ({ tree }) => tree.eager),
    lazy: sum(topics, ({ tree }) => tree.lazy)
  })),
  gauge('starling_gossip_passive_peers', 'Spare peers of all topics', ({ topics }) =>
    sum(topics, ({ passive }) => passive)
  ),
  gauge('starling_gossip_isolated_topics', 'Topics without a neighbour', ({ topics }) =>
    sum(topics, ({ neighbors }) => (neighbors === 0 ? 1 : 0))
  ),
  gauge('starling_gossip_peers', 'Peers known', ({ stats }) => stats.links),
  gauge('starling_gossip_channels', 'Peers with an open channel', ({ stats }) => stats.channels),
  gauge('starling_gossip_queued_bytes', 'Bytes waiting for peers', ({ stats }) => stats.queuedBytes),
  counter('starling_gossip_broadcasts_total', 'Own broadcasts', ({ stats }) => stats.broadcasts),
  counter('starling_gossip_delivered_total', 'Payloads delivered', ({ stats }) => stats.delivered),
  counter('starling_gossip_redundant_total', 'Further copies of payloads', ({ stats }) => stats.redundant),
  counters('starling_gossip_control_total', 'direction', 'Tree messages without payload', ({ stats }) => ({
    sent: stats.controlSent,
    received: stats.controlReceived
  })),
  counter('starling_gossip_late_grafts_total', 'Payloads asked for late', ({ stats }) => stats.lateGrafts),
  counter('starling_gossip_abandoned_total', 'Payloads given up', ({ stats }) => stats.abandoned),
  counters('starling_gossip_frames_total', 'direction', 'Frames', ({ stats }) => ({
    sent: stats.framesSent,
    received: stats.framesReceived
  })),
  counter('starling_gossip_payloads_dropped_total', 'Payloads dropped', ({ stats }) => stats.payloadsDropped),
  counter(
    'starling_gossip_queue_overflows_total',
    'Peers that are stuck',
    ({ stats }) => stats.queueOverflows
  ),
  counter('starling_gossip_malformed_total', 'Frames that cannot be read', ({ stats }) => stats.malformed),
  counter(
    'starling_gossip_unknown_topics_total',
    'Frames of other topics',
    ({ stats }) => stats.unknownTopics
  ),
  counter('starling_gossip_offenders_total', 'Channels of offenders closed', s => s.stats.offendersClosed),
  counter('starling_gossip_peers_refused_total', 'Sessions not to be had', ({ stats }) => stats.peersRefused),
  counter('starling_gossip_listeners_failed_total', 'Listeners that threw', s => s.stats.listenersFailed)
]

function sum(topics: readonly TopicStats[], read: (stats: TopicStats) => number): number {
  return topics.reduce((total, stats) => total + read(stats), 0)
}
