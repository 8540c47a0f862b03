import type { Problem } from './types.ts'

/** A request that is refused, and what the refusal says. `errorName` is stable and listed in the documentation. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest'
  readonly status: number
  readonly errorName: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    errorName: string,
    detail: string,
    headers: Readonly<Record<string, string>> = {}
  ) {
    super(detail)
    this.status = status
    this.errorName = errorName
    this.headers = headers
  }
}

/** The status of each error of a map that a request can meet. All others are 500. */
const STATUS_OF: Readonly<Record<string, number>> = {
  InvalidKeyError: 400,
  JsonValueError: 400,
  UnencodableValueError: 422,
  IllFormedTextError: 422,
  SchemaError: 422,
  VersionMismatchError: 412,
  ValueTooLargeError: 413,
  QuotaExceededError: 507,
  ReplicationTimeoutError: 504,
  MapClosedError: 503,
  ReplicaClosedError: 503,
  ReplicaPoisonedError: 503,
  IndeterminateWriteError: 503,
  WriteQueueFullError: 503,
  WatcherLimitError: 503,
  RenewalLimitError: 503,
  NodeStoppedError: 503,
  ClockAheadError: 503
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not right',
  401: 'A token is needed',
  403: 'Not from there',
  404: 'Not there',
  405: 'Not in this way',
  409: 'Not now',
  411: 'How long?',
  412: 'Changed meanwhile',
  413: 'Too long',
  415: 'Not JSON',
  422: 'Not a value for this map',
  500: 'A bug',
  502: 'The member did not answer',
  503: 'Not available now',
  504: 'Not on enough nodes in time',
  507: 'No room'
}

/** What a map calls a programmer's error is a mistake in the request, here where requests become its arguments. */
export async function asRequested<T>(call: () => Promise<T> | T): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    throw new RefusedRequest(400, error.name, error.message)
  }
}

/** Whatever was thrown, as a response of type `application/problem+json`. */
export function problemResponse(error: unknown): Response {
  const problem = problemOf(error)
  const headers = error instanceof RefusedRequest ? error.headers : {}
  return new Response(`${JSON.stringify(problem)}\n`, {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers }
  })
}

function problemOf(error: unknown): Problem {
  if (error instanceof RefusedRequest) return problem(error.status, error.errorName, error.message)
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  return problem(STATUS_OF[name] ?? 500, name, message)
}

function problem(status: number, name: string, detail: string): Problem {
  return { type: 'about:blank', title: TITLES[status] ?? 'Refused', status, detail, name }
}
