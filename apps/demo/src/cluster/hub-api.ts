import { Hono, type Context } from 'hono'
import type { EventStreams } from '../api/event-stream.ts'
import { RefusedRequest } from '../api/problem.ts'
import type { MemberAction, Split } from '../api/types.ts'
import { MEMBER_ACTIONS, type Actions } from './actions.ts'
import type { Cluster } from './cluster.ts'
import type { Hub } from './hub.ts'

/** What the routes of a local cluster stand on. */
export interface HubApiComponents {
  readonly cluster: Cluster
  readonly hub: Hub
  readonly actions: Actions
  readonly streams: EventStreams
}

/** Headers of a request that mean the same to a member, and those of its answer. */
const PASSED_ON = ['accept', 'content-type', 'if-match', 'if-none-match', 'last-event-id']
const PASSED_BACK = ['content-type', 'etag', 'retry-after']

/** The routes of the local cluster's page. */
export function hubApi({ cluster, hub, actions, streams }: HubApiComponents): Hono {
  const after = async (context: Context, action: Promise<void>): Promise<Response> => {
    await action
    return context.json(hub.state())
  }
  return new Hono()
    .get('/api/v1/role', context => context.json({ role: 'cluster' }))
    .get('/api/v1/cluster', context => context.json(hub.state()))
    .get('/api/v1/cluster/events', context =>
      streams.respond(context.req.raw.signal, () => hub.read(context.req.header('last-event-id')))
    )
    .get('/api/v1/cluster/targets', context => context.json(targets(cluster)))
    .post('/api/v1/cluster/nodes', context => after(context, actions.add()))
    .post('/api/v1/cluster/split', async context => after(context, actions.split(await splitOf(context))))
    .post('/api/v1/cluster/heal', context => after(context, actions.heal()))
    .post('/api/v1/cluster/nodes/:index/:action', context => {
      const action = context.req.param('action')
      if (!MEMBER_ACTIONS.includes(action)) {
        const known = MEMBER_ACTIONS.join(', ')
        throw new RefusedRequest(
          404,
          'NoSuchActionError',
          `There is no action "${action}"; there are ${known}.`
        )
      }
      return after(context, actions.member(indexOf(context), action as MemberAction))
    })
    .all('/api/v1/cluster/nodes/:index/api/*', context => passOn(context, cluster, streams))
    .get('/health', context => context.json({ ok: true, reasons: [] }))
    .get('/ready', context => {
      const reasons = cluster.nodes.flatMap(({ index, state }) =>
        state === 'running' ? [] : [`node-${index + 1}: ${state}`]
      )
      return context.json({ ok: reasons.length === 0, reasons }, reasons.length === 0 ? 200 : 503)
    })
}

/** Where each member's metrics are, as Prometheus's HTTP discovery reads it. */
function targets(cluster: Cluster): readonly object[] {
  return cluster.nodes.flatMap(({ index, state, started }) =>
    state !== 'running' || started?.url === undefined
      ? []
      : [{ targets: [new URL(started.url).host], labels: { node: `node-${index + 1}` } }]
  )
}

/** Passes a request on to a member's own API, and its answer back as it comes. */
async function passOn(context: Context, cluster: Cluster, streams: EventStreams): Promise<Response> {
  const { req } = context
  const node = cluster.nodes[indexOf(context)]
  const url = node?.started?.url
  if (node === undefined || url === undefined || node.state !== 'running') {
    throw new RefusedRequest(
      node === undefined ? 404 : 503,
      'MemberUnavailableError',
      node === undefined ? 'There is no such member.' : `The member is ${node.state}.`
    )
  }
  const { pathname, search } = new URL(req.url)
  const rest = pathname.slice(pathname.indexOf('/api/', '/api/v1/'.length) + '/api/'.length)
  const headers = PASSED_ON.flatMap(name => {
    const value = req.header(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const hasBody = req.method !== 'GET' && req.method !== 'HEAD'
  return await streams.passOn(req.raw.signal, async signal => {
    const answer = await fetch(new URL(`/api/v1/${rest}${search}`, url), {
      method: req.method,
      headers: Object.fromEntries(headers),
      signal,
      ...(hasBody ? { body: await req.arrayBuffer() } : {})
    }).catch((error: unknown) => {
      throw new RefusedRequest(502, 'MemberUnavailableError', `The member did not answer: ${String(error)}.`)
    })
    const back = PASSED_BACK.flatMap(name => {
      const value = answer.headers.get(name)
      return value === null ? [] : [[name, value] as const]
    })
    return new Response(answer.body, { status: answer.status, headers: Object.fromEntries(back) })
  })
}

function indexOf({ req }: Context): number {
  const text = req.param('index') ?? ''
  if (!/^\d{1,3}$/u.test(text))
    throw new RefusedRequest(404, 'NoSuchMemberError', `There is no member "${text}".`)
  return Number(text)
}

async function splitOf({ req }: Context): Promise<Split> {
  const body: unknown = await req.json().catch(() => undefined)
  const side = typeof body === 'object' && body !== null && 'side' in body ? body.side : undefined
  if (Array.isArray(side) && side.every(index => Number.isInteger(index))) return { side }
  throw new RefusedRequest(
    400,
    'SplitError',
    'A split takes {"side": [0, 1]}: the indexes of the members on one side.'
  )
}
