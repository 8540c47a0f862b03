import { readEvents, type ReadEvent } from '../api/event-reader.ts'
import { isHeaderText } from '../api/header-text.ts'
import type { ClusterState, Problem } from '../api/types.ts'
import { UsageError } from '../usage-error.ts'
import type { CommandContext, Given, Option } from './command.ts'

/** Where `starling up` serves its cluster unless told otherwise, and where the other commands look for it. */
export const DEFAULT_PORT = 4100

/** How long an answer may take to begin, ms. A write that waits for other nodes says itself how long. */
const ANSWER_TIMEOUT_MS = 30_000

/** Options of every command that talks to a running node. */
export const CLIENT_OPTIONS: Readonly<Record<'url' | 'token' | 'member' | 'json', Option>> = {
  url: {
    value: 'URL',
    help: `the node's or the cluster's address (default STARLING_URL, else http://127.0.0.1:${DEFAULT_PORT}/)`
  },
  token: { value: 'TEXT', help: 'what the node demands of its clients (default STARLING_TOKEN)' },
  member: {
    value: 'N',
    help: 'which member of a local cluster to ask, from 1 (default: the first that runs)'
  },
  json: { help: 'print JSON' }
}

/** Nothing answers at the address. */
export class NoServerError extends Error {
  override readonly name = 'NoServerError'
}

/** The node refused, and said why. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(
      problem.name === 'TokenNeededError'
        ? 'The node demands a token, and this is not it: give --token or set STARLING_TOKEN.'
        : problem.detail
    )
    this.problem = problem
  }
}

export interface Ask {
  readonly method?: 'GET' | 'PUT' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Ends the question and its answer; default: what ends the command. */
  readonly signal?: AbortSignal
}

/** A running node's API; a member's, where the address is a local cluster's. */
export class Client {
  readonly #base: URL
  readonly #headers: Readonly<Record<string, string>>
  readonly #signal: AbortSignal

  private constructor(base: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal) {
    this.#base = base
    this.#headers = headers
    this.#signal = signal
  }

  /** @throws NoServerError, ProblemError, UsageError */
  static async connect(given: Given, { environment, signal }: CommandContext): Promise<Client> {
    const address = given.text('url') ?? environment['STARLING_URL'] ?? `http://127.0.0.1:${DEFAULT_PORT}/`
    if (!URL.canParse(address) || !/^https?:$/u.test(new URL(address).protocol)) {
      throw new UsageError(`--url takes an address like http://127.0.0.1:${DEFAULT_PORT}/, got "${address}".`)
    }
    const url = new URL(address)
    const token = given.text('token') ?? environment['STARLING_TOKEN']
    if (token !== undefined && !isHeaderText(token)) {
      throw new UsageError(
        '--token takes printable ASCII, without a space at either end; so does STARLING_TOKEN.'
      )
    }
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const client = new Client(new URL('/api/v1/', url), headers, signal)
    const member = given.number('member', 1, 999)
    const { role } = (await client.json('role')) as { role?: unknown }
    if (role === 'node') return client
    if (role !== 'cluster') throw new NoServerError(`${url.href} answers, but not as a Starling node.`)
    const index = member === undefined ? await client.#firstRunning() : member - 1
    return new Client(new URL(`/api/v1/cluster/nodes/${index}/api/`, url), headers, signal)
  }

  /** Asks for JSON below `/api/v1/`. */
  async json(path: string, ask: Ask = {}): Promise<unknown> {
    const text = await this.ask(path, ask, response =>
      response.text().catch((error: unknown) => {
        throw new NoServerError(this.#absence(error), { cause: error })
      })
    )
    try {
      return text === '' ? undefined : (JSON.parse(text) as unknown)
    } catch {
      throw new NoServerError(`${this.#base.origin} answers, but not as a Starling node.`)
    }
  }

  /** Follows a stream of events until it ends. */
  async *events(path: string, ask: Ask = {}): AsyncGenerator<ReadEvent, undefined> {
    const { response, over } = await this.#begin(path, ask)
    try {
      if (response.body !== null) yield* readEvents(response.body)
    } finally {
      over()
    }
    return undefined
  }

  /**
   * Asks, and reads the answer.
   *
   * @throws NoServerError, ProblemError, and what `read` throws
   */
  async ask<T>(path: string, ask: Ask, read: (response: Response) => Promise<T>): Promise<T> {
    const { response, over } = await this.#begin(path, ask)
    try {
      return await read(response)
    } finally {
      over()
    }
  }

  /** Asks. The answer ends with the signal until it is `over`. */
  async #begin(
    path: string,
    { method = 'GET', headers = {}, body, signal = this.#signal }: Ask
  ): Promise<{ readonly response: Response; readonly over: () => void }> {
    // Not `AbortSignal.any`: what ends a command outlives its questions, and would hold on to each of them.
    const asking = new AbortController()
    const end = (): void => asking.abort(signal.reason)
    const over = (): void => signal.removeEventListener('abort', end)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    const timer = setTimeout(() => {
      asking.abort(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`))
    }, ANSWER_TIMEOUT_MS)
    try {
      const response = await fetch(new URL(path, this.#base), {
        method,
        headers: { ...this.#headers, ...headers },
        signal: asking.signal,
        ...(body === undefined ? {} : { body })
      })
      if (!response.ok) throw await problemOf(response)
      return { response, over }
    } catch (error) {
      over()
      if (error instanceof ProblemError || signal.aborted) throw error
      throw new NoServerError(this.#absence(error), { cause: error })
    } finally {
      // A stream goes on for as long as it likes once it has begun.
      clearTimeout(timer)
    }
  }

  #absence(error: unknown): string {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
    const { port, href } = this.#base
    const at = new URL('/', href).href
    if (code === 'ECONNREFUSED') {
      return `Nothing listens at ${at}: start a cluster with "starling up" or a node with "starling node … --http-port ${port || DEFAULT_PORT}", or say where it is with --url or STARLING_URL.`
    }
    return `${at} does not answer (${cause instanceof Error ? cause.message : String(cause)}).`
  }

  async #firstRunning(): Promise<number> {
    const { members } = (await this.json('cluster')) as ClusterState
    const running = members.find(({ state }) => state === 'running')
    if (running === undefined)
      throw new NoServerError('No member of the cluster runs: restart one on its page.')
    return running.index
  }
}

async function problemOf(response: Response): Promise<ProblemError> {
  const { status, statusText } = response
  const fallback: Problem = {
    type: 'about:blank',
    title: statusText,
    status,
    detail: `The answer is ${status}.`
  }
  const problem = (await response.json().catch(() => undefined)) as Problem | undefined
  return new ProblemError(typeof problem?.detail === 'string' ? problem : fallback)
}

/**
 * A path below `/api/v1/` for a map, with what follows.
 *
 * @throws UsageError for what an address takes for a step in a path
 */
export function mapPath(map: string, ...rest: readonly string[]): string {
  const parts = ['maps', map, ...rest]
  const step = parts.find(part => part === '' || part === '.' || part === '..')
  if (step !== undefined) {
    throw new UsageError(
      `"${step}" cannot be part of an address: a map or a key of that name is not reached over HTTP.`
    )
  }
  return parts.map(part => encodeURIComponent(part)).join('/')
}
