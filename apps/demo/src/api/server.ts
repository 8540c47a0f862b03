import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { HttpLimits } from './config.ts'
import type { EventStreams } from './event-stream.ts'
import { checkGuard, guard, type GuardInit } from './guard.ts'
import { problemResponse, RefusedRequest } from './problem.ts'
import { staticFiles } from './static-files.ts'

/** Where a server listens and whom it lets in. */
export interface ServerInit extends GuardInit {
  /** 0 takes any free one. */
  readonly port: number
  /** Folder of the page's files. Default: where the build puts them. */
  readonly pages?: string
}

/** What a server serves. */
export interface ServerComponents {
  readonly routes: Hono
  readonly streams: EventStreams
  readonly limits: HttpLimits
}

/** A server that listens. */
export interface HttpServer {
  /** Its address for a browser on this machine, ending in a slash. */
  readonly url: string
  /** Ends every connection and stream. Idempotent. */
  close(): Promise<void>
}

const PAGES = fileURLToPath(new URL('../../web/dist', import.meta.url))

/** No script, style or frame but the page's own, no guessing of types, and no address told to other sites. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY'
}

/** Everything a server answers: the guard first, then routes, then the page's files; whatever is thrown is a problem. */
export function application(
  components: ServerComponents,
  init: GuardInit & { readonly pages?: string }
): Hono {
  const { routes, limits } = components
  const app = new Hono()
  app.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
    if (context.req.path.startsWith('/api/')) context.header('cache-control', 'no-store')
    // Nobody will read it: a stream of events would keep its place among the readers.
    if (context.req.method === 'HEAD') await context.res.body?.cancel()
  })
  app.use(guard(init))
  app.use(async (context, next) => {
    checkAddress(context.req.url)
    checkBody(context.req.header('content-length'), context.req.header('transfer-encoding'), limits)
    await next()
  })
  app.route('/', routes)
  app.route('/', staticFiles(init.pages ?? PAGES))
  app.notFound(context =>
    problemResponse(
      new RefusedRequest(404, 'NoSuchPathError', `There is no ${context.req.method} ${context.req.path}.`)
    )
  )
  app.onError(error => problemResponse(error))
  return app
}

/** Broken escapes would be taken as they stand: two addresses for one key. */
function checkAddress(url: string): void {
  try {
    decodeURIComponent(url)
  } catch {
    throw new RefusedRequest(400, 'URIError', 'The address has a % that begins no UTF-8: write % as %25.')
  }
}

/** A body says how long it is before it comes; the connection holds it to its word. */
function checkBody(
  length: string | undefined,
  encoding: string | undefined,
  { bodyBytesMax }: Pick<HttpLimits, 'bodyBytesMax'>
): void {
  if (encoding !== undefined) {
    throw new RefusedRequest(411, 'LengthNeededError', 'Send the body with a content-length, not in chunks.')
  }
  if (Number(length ?? 0) > bodyBytesMax) {
    throw new RefusedRequest(
      413,
      'BodyTooLongError',
      `A body has at most ${bodyBytesMax} bytes, got ${length}.`
    )
  }
}

/**
 * Listens.
 *
 * @throws TypeError, RangeError for an address that others can reach without a token, or a token that is too short; what `listen` says,
 *   such as `EADDRINUSE`
 */
export async function serve(components: ServerComponents, init: ServerInit): Promise<HttpServer> {
  checkGuard(init)
  const { limits, streams } = components
  const { fetch } = application(components, init)
  const server = createAdaptorServer({
    fetch,
    overrideGlobalObjects: false,
    createServer,
    serverOptions: { headersTimeout: limits.headersTimeoutMs, requestTimeout: limits.requestTimeoutMs }
  }) as Server
  server.maxConnections = limits.connectionsMax
  server.prependListener('request', ({ socket }, response) => {
    response.setTimeout(limits.stalledReaderMs, () => closeStalled(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(init.port, init.hostname, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  const host = init.hostname.includes(':') ? `[${init.hostname}]` : init.hostname
  let closing: Promise<void> | undefined
  return {
    url: `http://${host}:${port}/`,
    close: () => (closing ??= closeServer(server, streams))
  }
}

/** Whoever takes nothing of its answer would hold it and a connection for ever; an answer that is still being made may take its time. */
function closeStalled(socket: Socket): void {
  if (socket.writableLength > 0) socket.destroy()
}

function closeServer(server: Server, streams: EventStreams): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    streams.close()
    server.closeAllConnections()
  })
}
