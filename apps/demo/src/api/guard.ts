import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { TOKEN_BYTES_MIN } from './config.ts'
import { isHeaderText } from './header-text.ts'
import { RefusedRequest } from './problem.ts'

/** Who may speak to a server. */
export interface GuardInit {
  /** Where the server listens: an IP address. */
  readonly hostname: string
  /** What a client proves itself with. Needed for every address that is not loopback. */
  readonly token?: string | undefined
  /** Names by which the server may be called, beside its addresses. */
  readonly hostNames?: readonly string[]
}

/** Paths that tell whether the process lives and nothing else, so that they need no token. */
const WITHOUT_TOKEN: ReadonlySet<string> = new Set(['/health', '/ready'])
/** What carries a body. A browser asks this server before it sends a DELETE of another site, and is refused. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

export function isLoopback(hostname: string): boolean {
  return hostname === '::1' || /^127\.\d+\.\d+\.\d+$/u.test(hostname)
}

/**
 * Checks before anything listens that whoever can reach the address is meant to.
 *
 * @throws TypeError for an address that is no IP address, or not loopback without a token, and for a token that no header can carry;
 *   RangeError for a short token
 */
export function checkGuard({ hostname, token }: GuardInit): void {
  if (isIP(hostname) === 0) throw new TypeError(`The HTTP address must be an IP address, got "${hostname}".`)
  if (token !== undefined && Buffer.byteLength(token) < TOKEN_BYTES_MIN) {
    throw new RangeError(`The HTTP token must have at least ${TOKEN_BYTES_MIN} bytes.`)
  }
  if (token !== undefined && !isHeaderText(token)) {
    throw new TypeError(
      'The HTTP token must be printable ASCII, without a space at either end: clients send it in a header.'
    )
  }
  if (token === undefined && !isLoopback(hostname)) {
    throw new TypeError(
      `The HTTP address ${hostname} can be reached by others, so it needs a token of at least ${TOKEN_BYTES_MIN} bytes; without one only 127.0.0.1 and ::1 are served.`
    )
  }
}

/**
 * Refuses what a page of another site could make a browser send. The host must be this server's, or a name resolved to this address
 * could read everything (DNS rebinding). An origin, where there is one, must be the host itself; so must what the browser says of the
 * site that asks, but for following a link to the page. A body must be JSON, which no form can send. With a token every request must
 * carry it.
 */
export function guard(init: GuardInit): MiddlewareHandler {
  checkGuard(init)
  const token = init.token === undefined ? undefined : digest(init.token)
  return async (context, next) => {
    const { req } = context
    const host = req.header('host')
    if (host === undefined || !isOwnHost(host, init)) {
      throw new RefusedRequest(403, 'ForeignHostError', `This server is not "${host ?? ''}".`)
    }
    checkOrigin(host, req.header('origin'), req.header('sec-fetch-site'), {
      link:
        req.method === 'GET' && req.header('sec-fetch-mode') === 'navigate' && !req.path.startsWith('/api/')
    })
    if (WITH_BODY.has(req.method)) checkWrite(req.header('content-type'))
    if (token !== undefined && !WITHOUT_TOKEN.has(req.path)) {
      const login = context.req.query('token')
      if (login !== undefined && req.method === 'GET' && req.path === '/' && isToken(login, token)) {
        // The page itself cannot send a header with its streams: it is let in by a cookie of this session.
        return new Response(null, {
          status: 303,
          headers: {
            location: '/',
            'set-cookie': `${cookieName(host)}=${token.toString('hex')}; Path=/; HttpOnly; SameSite=Strict`
          }
        })
      }
      if (!hasToken(req.header('authorization'), cookieOf(req.header('cookie'), cookieName(host)), token)) {
        throw new RefusedRequest(
          401,
          'TokenNeededError',
          'Send the token as "Authorization: Bearer …", or open the page once with ?token=….',
          { 'www-authenticate': 'Bearer' }
        )
      }
    }
    await next()
  }
}

function isOwnHost(host: string, { hostname, hostNames = [] }: GuardInit): boolean {
  const match = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/iu.exec(host)
  if (match === null) return false
  const name = (match[1] as string).toLowerCase().replace(/^\[|\]$/gu, '')
  if (name === 'localhost') return isLoopback(hostname) || hostNames.includes(name)
  if (hostNames.some(each => each.toLowerCase() === name)) return true
  // An address cannot be rebound; on loopback no other one leads here.
  return isLoopback(hostname) ? isLoopback(name) : isIP(name) !== 0
}

function checkOrigin(
  host: string,
  origin: string | undefined,
  site: string | undefined,
  { link }: { readonly link: boolean }
): void {
  const foreignOrigin =
    origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== hostOf(host))
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none' && !link
  if (foreignOrigin || foreignSite) {
    throw new RefusedRequest(
      403,
      'ForeignOriginError',
      `Pages of other sites may not ask here (${origin ?? site ?? ''}).`
    )
  }
}

/** As `URL` writes a host: without the port that goes without saying. */
function hostOf(host: string): string | undefined {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).host : undefined
}

function checkWrite(type: string | undefined): void {
  if (type?.split(';')[0]?.trim().toLowerCase() === 'application/json') return
  throw new RefusedRequest(
    415,
    'JsonNeededError',
    `Send "content-type: application/json" with every change, got "${type ?? ''}".`
  )
}

/** Servers of one host share a browser's cookies, whatever their ports, so each has a name of its own for its own. */
function cookieName(host: string): string {
  return `starling-token-${/:(\d+)$/u.exec(host)?.[1] ?? 'default'}`
}

function cookieOf(cookies: string | undefined, name: string): string | undefined {
  return cookies
    ?.split(/;\s*/u)
    .find(each => each.startsWith(`${name}=`))
    ?.slice(name.length + 1)
}

function hasToken(authorization: string | undefined, session: string | undefined, token: Buffer): boolean {
  const bearer = /^Bearer (.+)$/iu.exec(authorization ?? '')?.[1]
  if (bearer !== undefined) return isToken(bearer, token)
  return session !== undefined && timingSafeEqual(digest(session), digest(token.toString('hex')))
}

/** In constant time: digests have one length, whatever was sent. */
function isToken(text: string, token: Buffer): boolean {
  return timingSafeEqual(digest(text), token)
}

function digest(text: string): Buffer {
  return createHash('sha256').update('starling http token\0').update(text).digest()
}
