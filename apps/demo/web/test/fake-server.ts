import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { Entry, Json, MemberAction, Problem } from '../../src/api/types.ts'
import type { FakeCluster } from './fake-cluster.ts'

const DIST = join(import.meta.dirname, '../dist')
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml'
}

/** Serves the built page and the API of a pretended cluster under the strictest content security policy it has to live with. */
export class FakeServer {
  readonly #servers: Server[] = []
  readonly #cluster: FakeCluster
  /** Requests that change something, as `METHOD path`. */
  readonly requests: string[] = []
  /** While set, every request of the API is refused with it. */
  refusal: Problem | undefined

  constructor(cluster: FakeCluster) {
    this.#cluster = cluster
  }

  /** Address of the cluster's page; with an index, of a member's own. */
  async listen(index?: number): Promise<string> {
    return this.listenAt(0, index)
  }

  async listenAt(port: number, index?: number): Promise<string> {
    const server = createServer((request, response) => void this.#answer(request, response, index))
    this.#servers.push(server)
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const member = index === undefined ? undefined : this.#cluster.members[index]
    if (member !== undefined) member.url = url
    return url
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.splice(0).map(server => {
        server.closeAllConnections()
        return new Promise(resolve => server.close(resolve))
      })
    )
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    index: number | undefined
  ): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    try {
      if (!pathname.startsWith('/api/v1/')) return serveFile(pathname, response)
      if (request.method !== 'GET') this.requests.push(`${request.method} ${pathname}`)
      if (this.refusal !== undefined) return refuse(response, this.refusal)
      const text = await bodyOf(request)
      const body = text === '' ? undefined : (JSON.parse(text) as Json)
      const parts = pathname.slice('/api/v1/'.length).split('/').map(decodeURIComponent)
      if (index !== undefined) return this.#node({ request, response, searchParams, body, index, parts })
      const member = Number(parts[2])
      if (parts[0] === 'cluster' && parts[1] === 'nodes' && parts[3] === 'api')
        return this.#node({ request, response, searchParams, body, index: member, parts: parts.slice(4) })
      return this.#clusterRoute(request, response, parts, body)
    } catch (error) {
      refuse(response, problem(400, (error as Error).message))
    }
  }

  #clusterRoute(
    request: IncomingMessage,
    response: ServerResponse,
    parts: readonly string[],
    body: unknown
  ): void {
    const [one, two, index, action] = parts
    const cluster = this.#cluster
    const greet = greetWith(cluster)
    if (one === 'role') return json(response, { role: 'cluster' })
    if (request.method === 'GET' && two === 'events')
      return stream(request, response, cluster.events, send => ({
        cluster: state => send('cluster', state),
        event: (id, line) => send('event', line, id as string),
        hello: () => greet(send, 'cluster', cluster.state())
      }))
    if (two === 'split') cluster.split((body as { side: number[] }).side)
    else if (two === 'heal') cluster.heal()
    else if (two === 'nodes' && index === undefined) cluster.add()
    else if (action !== undefined) cluster.act(Number(index), action as MemberAction)
    json(response, {})
  }

  #node({ request, response, searchParams, body, index, parts }: NodeRequest): void {
    const cluster = this.#cluster
    const greet = greetWith(cluster)
    const member = cluster.members[index]
    if (member === undefined) return refuse(response, problem(404, 'There is no such node.'))
    const [one, map, , key = ''] = parts
    if (one === 'role') return json(response, { role: 'node' })
    if (one === 'inspect')
      return json(response, {
        id: member.id,
        peers: cluster.members.map(peer => ({ peer: peer.id, session: { metadata: { name: peer.name } } })),
        maps: []
      })
    if (one === 'node')
      return json(response, {
        id: member.id,
        name: member.name,
        cluster: 'demo',
        addresses: ['/ip4/127.0.0.1/udp/4001/quic-v1'],
        version: '0.1.0',
        startedAtMs: cluster.nowMs - 60_000,
        maps: ['flags']
      })
    if (one === 'events')
      return stream(request, response, cluster.events, send => ({
        pulse: pulse => (pulse as { id: string }).id === member.id && send('pulse', pulse),
        event: (id, line) => send('event', line, id as string),
        hello: () => greet(send, 'pulse', cluster.pulse(index))
      }))
    if (parts[2] === 'watch')
      return stream(request, response, cluster.events, send => ({
        change: (at, changed) => at === index && send('change', { type: 'set', key: changed, map })
      }))
    if (request.method === 'PUT') return this.#put(request, response, { index, key, body: body as Json })
    if (request.method === 'DELETE') {
      cluster.remove(index, key)
      return json(response, {})
    }
    json(response, pageOf([...member.entries.values()], searchParams))
  }

  #put(request: IncomingMessage, response: ServerResponse, { index, key, body }: PutRequest): void {
    const held = this.#cluster.members[index]?.entries.get(key)
    const match = request.headers['if-match']
    const absent = request.headers['if-none-match'] === '*'
    if ((match !== undefined && match !== `"${held?.version}"`) || (absent && held !== undefined))
      return refuse(response, problem(412, 'The entry is not what you expected.'))
    json(response, this.#cluster.write(index, key, body))
  }
}

interface NodeRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly searchParams: URLSearchParams
  readonly body: Json | undefined
  readonly index: number
  readonly parts: readonly string[]
}

interface PutRequest {
  readonly index: number
  readonly key: string
  readonly body: Json
}

function pageOf(all: readonly Entry[], query: URLSearchParams): object {
  const prefix = query.get('prefix') ?? ''
  const after = query.get('after')
  const limit = Number(query.get('limit') ?? 100)
  const found = all
    .filter(({ key }) => key.startsWith(prefix) && (after === null || key > after))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const entries = found.slice(0, limit)
  return { entries, size: all.length, ...(found.length > limit ? { next: entries.at(-1)?.key } : {}) }
}

/** The state as it is, then the lines that are kept. */
function greetWith(cluster: FakeCluster): (send: Send, name: string, state: unknown) => void {
  return (send, name, state) => {
    send(name, state)
    for (const [id, line] of cluster.lines) send('event', line, id)
  }
}

type Send = (name: string, data: unknown, id?: string) => void

function stream(
  request: IncomingMessage,
  response: ServerResponse,
  events: FakeCluster['events'],
  listenersOf: (send: Send) => Record<string, (...args: unknown[]) => unknown>
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': hello\n\n')
  const listeners = listenersOf((name, data, id) =>
    response.write(
      `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
    )
  )
  listeners['hello']?.()
  for (const [name, listener] of Object.entries(listeners)) events.on(name, listener)
  request.on('close', () => {
    for (const [name, listener] of Object.entries(listeners)) events.off(name, listener)
  })
}

function serveFile(pathname: string, response: ServerResponse): void {
  const name = pathname === '/' ? '/index.html' : pathname
  response.writeHead(200, {
    'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
    'content-security-policy':
      "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
  })
  response.end(readFileSync(join(DIST, name)))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

export function problem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: 'Refused', status, detail }
}

function refuse(response: ServerResponse, body: Problem): void {
  response.writeHead(body.status, { 'content-type': 'application/problem+json' })
  response.end(JSON.stringify(body))
}
