import type { Metrics } from '@starling/ports'
import {
  counters,
  gauges,
  NamedParts,
  registerFigures,
  type Figure,
  type NamedReadings
} from '@starling/ports/metrics'
import { HEALTH_STATES } from './health.ts'
import type { MapHealth, MapStats, ReplicatedMap } from './types.ts'

type Watched = Pick<ReplicatedMap<unknown>, 'stats' | 'health'>
type Readings = NamedReadings<{ readonly stats: MapStats; readonly health: MapHealth }>

/** What all maps of a process register together, since a name is registered once. */
interface MapFigures {
  /** Returns how to take it away. */
  add(name: string, map: Watched): () => void
}

const known = new WeakMap<Metrics, MapFigures>()

/** The figures of all maps that are given these metrics. */
export function mapFigures(metrics: Metrics): MapFigures {
  const before = known.get(metrics)
  if (before !== undefined) return before
  const parts = new NamedParts((map: Watched) => ({ stats: map.stats(), health: map.health() }))
  parts.refresh = registerFigures(metrics, () => parts.read(), MAP_FIGURES)
  known.set(metrics, parts)
  return parts
}

const MAP_FIGURES: readonly Figure<Readings>[] = [
  gauges(
    'starling_map_entries',
    'map',
    'Keys that are shown',
    stats(({ entries }) => entries)
  ),
  gauges(
    'starling_map_bytes',
    'map',
    'Bytes of keys and live values',
    stats(({ bytes }) => bytes)
  ),
  gauges(
    'starling_map_conflicts',
    'map',
    'Keys with several values',
    stats(({ conflicts }) => conflicts)
  ),
  gauges(
    'starling_map_invalid',
    'map',
    'Keys whose value is refused',
    stats(({ invalid }) => invalid)
  ),
  gauges(
    'starling_map_watchers',
    'map',
    'Watchers',
    stats(({ watchers }) => watchers)
  ),
  gauges(
    'starling_map_renewals',
    'map',
    'Keys this node renews',
    stats(({ renewals }) => renewals)
  ),
  gauges('starling_map_healthy', 'map', 'Whether nothing ails it', parts =>
    parts.byName(({ health }) => (health.ok ? 1 : 0))
  ),
  gauges('starling_map_ailing', 'state', 'Maps in a state of ill health', parts =>
    parts.sums(({ health: { states } }) =>
      Object.fromEntries(HEALTH_STATES.map(state => [state, states.includes(state) ? 1 : 0]))
    )
  ),
  counters(
    'starling_map_listeners_failed_total',
    'map',
    'Listeners that threw',
    stats(s => s.listenersFailed)
  )
]

function stats(read: (stats: MapStats) => number): (parts: Readings) => Record<string, number> {
  return parts => parts.byName(({ stats }) => read(stats))
}
