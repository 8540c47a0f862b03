import type { StarlingNode } from '@starling/node'
import { Hono, type Context } from 'hono'
import type { HttpLimits } from './config.ts'
import { entryRoutes } from './entries.ts'
import type { EventStreams } from './event-stream.ts'
import { metricsPage } from './metrics.ts'
import { RefusedRequest } from './problem.ts'
import type { Pulses } from './pulses.ts'
import type { ServedMap } from './served-map.ts'
import type { NodeInfo } from './types.ts'
import { watchEvents } from './watch-stream.ts'

/** What the routes of a node stand on. */
export interface NodeApiComponents {
  readonly node: StarlingNode
  /** The maps that are served. No request opens another. */
  readonly maps: ReadonlyMap<string, ServedMap>
  readonly pulses: Pulses
  readonly streams: EventStreams
  readonly limits: HttpLimits
  readonly info: Pick<NodeInfo, 'name' | 'cluster' | 'version' | 'startedAtMs'>
}

/** The routes of one node. */
export function nodeApi(components: NodeApiComponents): Hono {
  const { node, maps, pulses, streams, limits, info } = components
  const mapOf = (context: Context): ServedMap => {
    const name = context.req.param('map') ?? ''
    const map = maps.get(name)
    if (map !== undefined) return map
    throw new RefusedRequest(
      404,
      'NoSuchMapError',
      `Map ${JSON.stringify(name)} is not served here; there is ${[...maps.keys()].join(', ') || 'none'}.`
    )
  }
  return new Hono()
    .get('/api/v1/role', context => context.json({ role: 'node' }))
    .get('/api/v1/node', context => {
      const who = { id: node.id, addresses: node.addresses(), maps: [...maps.keys()] }
      const body: NodeInfo = { ...who, ...info, nowMs: Date.now() }
      return context.json(body)
    })
    .get('/api/v1/inspect', context => context.json(node.inspect()))
    .get('/api/v1/events', context =>
      streams.respond(context.req.raw.signal, () => pulses.read(context.req.header('last-event-id')))
    )
    .get('/api/v1/maps/:map/watch', context => {
      const map = mapOf(context)
      const from = context.req.query('from') ?? 'snapshot'
      if (from !== 'snapshot' && from !== 'now') {
        throw new RefusedRequest(400, 'RangeError', `from takes snapshot or now, got "${from}".`)
      }
      const again = context.req.header('last-event-id') !== undefined
      return streams.respond(context.req.raw.signal, signal => watchEvents(map, { from, again }, signal))
    })
    .route('/api/v1/maps/:map', entryRoutes(mapOf, limits))
    .get('/metrics', () => metricsPage())
    .get('/health', context => health(maps, context, 'poisoned'))
    .get('/ready', context => health(maps, context, 'not-synced'))
}

/** 200 when no map is in `state` or worse: a map whose disk failed is neither well nor ready. */
function health(
  maps: ReadonlyMap<string, ServedMap>,
  context: Context,
  state: 'poisoned' | 'not-synced'
): Response {
  const reasons = [...maps].flatMap(([name, map]) =>
    map
      .health()
      .states.filter(each => each === state || each === 'poisoned')
      .map(each => `${name}: ${each}`)
  )
  return context.json({ ok: reasons.length === 0, reasons }, reasons.length === 0 ? 200 : 503)
}
