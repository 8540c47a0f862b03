import type {
  Entry,
  EntryPage,
  Inspection,
  Json,
  MemberAction,
  NodeInfo,
  Problem,
  Split
} from '../../../src/api/types.ts'
import { ENTRIES_PER_PAGE, REQUEST_MS_MAX } from '../config.ts'

/** The API refused. The message is a sentence for a person. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

export interface EntryQuery {
  readonly prefix: string
  readonly after: string | undefined
}

/** What an entry must be for a write to take place: still this version, absent, or anything. */
export type Expected = { readonly version: string } | 'absent' | 'anything'

const ROOT = '/api/v1'

/** The API of one node: this page's own, or that of a member, through the cluster's server. */
export class NodeClient {
  readonly #base: string

  constructor(member?: number) {
    this.#base = member === undefined ? ROOT : `${ROOT}/cluster/nodes/${member}/api`
  }

  async info(): Promise<NodeInfo> {
    return (await json(`${this.#base}/node`)) as NodeInfo
  }

  async inspect(): Promise<Inspection> {
    return (await json(`${this.#base}/inspect`)) as Inspection
  }

  async entries(map: string, { prefix, after }: EntryQuery, signal?: AbortSignal): Promise<EntryPage> {
    const query = new URLSearchParams({ limit: String(ENTRIES_PER_PAGE) })
    if (prefix !== '') query.set('prefix', prefix)
    if (after !== undefined) query.set('after', after)
    return (await json(`${this.#map(map)}/entries?${query}`, { signal: signal ?? null })) as EntryPage
  }

  async put(map: string, key: string, value: Json, expected: Expected): Promise<void> {
    await request(`${this.#map(map)}/entries/${encodeURIComponent(key)}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...conditions(expected) },
      body: JSON.stringify(value)
    })
  }

  async remove(map: string, { key }: Pick<Entry, 'key'>): Promise<void> {
    await request(`${this.#map(map)}/entries/${encodeURIComponent(key)}`, { method: 'DELETE' })
  }

  watchAddress(map: string): string {
    return `${this.#map(map)}/watch`
  }

  #map(map: string): string {
    return `${this.#base}/maps/${encodeURIComponent(map)}`
  }
}

export async function readRole(): Promise<'node' | 'cluster'> {
  const { role } = (await json(`${ROOT}/role`)) as { role: string }
  return role === 'cluster' ? 'cluster' : 'node'
}

export async function act(index: number, action: MemberAction): Promise<void> {
  await post(`/cluster/nodes/${index}/${action}`)
}

export async function addNode(): Promise<void> {
  await post('/cluster/nodes')
}

export async function split(side: readonly number[]): Promise<void> {
  await post('/cluster/split', { side } satisfies Split)
}

export async function heal(): Promise<void> {
  await post('/cluster/heal')
}

export const NODE_EVENTS: string = `${ROOT}/events`
export const CLUSTER_EVENTS: string = `${ROOT}/cluster/events`

/** Whatever went wrong, as a sentence. */
export function sentence(error: unknown): string {
  if (error instanceof ApiError) return error.message
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return `No answer within ${REQUEST_MS_MAX / 1_000} s: the node may be paused or overloaded.`
  if (error instanceof TypeError) return 'The server cannot be reached: it may have stopped.'
  return error instanceof Error ? error.message : 'Something went wrong.'
}

async function post(path: string, body?: Split): Promise<void> {
  await request(`${ROOT}${path}`, {
    method: 'POST',
    // Always JSON, which no other site's page can send without asking first.
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body ?? {})
  })
}

async function json(address: string, init: RequestInit = {}): Promise<unknown> {
  const response = await request(address, init)
  return response.json()
}

async function request(address: string, init: RequestInit): Promise<Response> {
  const deadline = AbortSignal.timeout(REQUEST_MS_MAX)
  const signal = init.signal == null ? deadline : AbortSignal.any([deadline, init.signal])
  const response = await fetch(address, { ...init, signal })
  if (!response.ok) throw new ApiError(await problemOf(response), response.status)
  return response
}

async function problemOf(response: Response): Promise<string> {
  if (response.status === 412) return 'Somebody changed this entry meanwhile: look at it again and repeat.'
  try {
    const { title, detail } = (await response.json()) as Partial<Problem>
    if (typeof detail === 'string' && detail !== '') return detail
    if (typeof title === 'string' && title !== '') return `${title}.`
  } catch {
    // Not a problem document: the status has to do.
  }
  return `The server answered with status ${response.status}.`
}

function conditions(expected: Expected): Record<string, string> {
  if (expected === 'anything') return {}
  return expected === 'absent' ? { 'if-none-match': '*' } : { 'if-match': `"${expected.version}"` }
}
