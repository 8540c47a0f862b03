import { Hono } from 'hono'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HTTP_LIMITS } from '../../src/api/config.ts'
import { EventStreams } from '../../src/api/event-stream.ts'
import { checkGuard, type GuardInit } from '../../src/api/guard.ts'
import { application, serve, type HttpServer, type ServerComponents } from '../../src/api/server.ts'
import { ask } from './support/ask.ts'

// Goal: nobody reaches a server who is not meant to: a page of another site, a name that was bound to this address, a stranger
// without the token. Method: the whole application with two routes, asked with every header a browser or an attacker may send.

const TOKEN = 'a token of some length'

const components: ServerComponents = {
  routes: new Hono()
    .get('/api/v1/thing', context => context.text('the thing'))
    .post('/api/v1/thing', async context => context.text(`changed to ${await context.req.text()}`))
    .get('/health', context => context.text('well')),
  streams: new EventStreams(HTTP_LIMITS),
  limits: { ...HTTP_LIMITS, bodyBytesMax: 100, connectionsMax: 3 }
}

async function status(init: GuardInit, path: string, headers: Record<string, string>, method = 'GET') {
  const body = method === 'GET' ? {} : { body: '{}' }
  const response = await application(components, init).request(`http://127.0.0.1${path}`, {
    method,
    headers,
    ...body
  })
  return response.status
}

const loopback: GuardInit = { hostname: '127.0.0.1' }
const everywhere: GuardInit = { hostname: '0.0.0.0', token: TOKEN, hostNames: ['flags.internal'] }
const bearer = { authorization: `Bearer ${TOKEN}` }

test.each(['a token of some léngth', 'a token of some length\n', ' a token of some length'])(
  'a token that no header can carry is refused before anything listens: %j',
  token => {
    expect(() => checkGuard({ hostname: '127.0.0.1', token })).toThrow(/printable ASCII/u)
  }
)

describe('the host', () => {
  test.each<[GuardInit, string, number]>([
    [loopback, '127.0.0.1:8080', 200],
    [loopback, '127.0.0.1', 200],
    [loopback, 'localhost:8080', 200],
    [loopback, 'LOCALHOST', 200],
    [loopback, '[::1]:8080', 200],
    [loopback, 'evil.example', 403],
    [loopback, 'localhost.evil.example', 403],
    [loopback, '127.0.0.1.evil.example', 403],
    [loopback, '10.0.0.7:8080', 403],
    [loopback, 'user@localhost', 403],
    [loopback, 'localhost:80:80', 403],
    [loopback, '', 403],
    [everywhere, '10.0.0.7:8080', 200],
    [everywhere, '[fd00::7]:8080', 200],
    [everywhere, 'flags.internal:8080', 200],
    [everywhere, 'evil.example', 403],
    [everywhere, 'localhost', 403]
  ])('for %o, "%s" is answered with %i', async (init, host, expected) => {
    expect(await status(init, '/api/v1/thing', { host, ...bearer })).toBe(expected)
  })
})

describe('a page of another site', () => {
  const host = '127.0.0.1:8080'
  test.each<[string, Record<string, string>, number]>([
    ['the server’s own page', { origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' }, 200],
    ['no browser', {}, 200],
    ['a bookmark', { 'sec-fetch-site': 'none' }, 200],
    ['a foreign origin', { origin: 'http://evil.example' }, 403],
    ['another port of this machine', { origin: 'http://127.0.0.1:9090' }, 403],
    ['another name of this machine', { origin: 'http://localhost:8080' }, 403],
    ['a page without an origin', { origin: 'null' }, 403],
    ['nonsense', { origin: '::' }, 403],
    ['a picture on a foreign page', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    ['a page on another port', { 'sec-fetch-site': 'same-site' }, 403],
    ['a link to the interface', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 403]
  ])('%s reads and writes alike', async (_, headers, expected) => {
    expect(await status(loopback, '/api/v1/thing', { host, ...headers })).toBe(expected)
    const json = { 'content-type': 'application/json' }
    expect(await status(loopback, '/api/v1/thing', { host, ...headers, ...json }, 'POST')).toBe(expected)
  })

  test('may link to the page, and to nothing else', async () => {
    const link = { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    expect(await status(loopback, '/', link)).toBe(200)
    expect(await status(loopback, '/', { ...link, origin: 'http://evil.example' })).toBe(403)
  })

  test.each([
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data', 415],
    ['application/jsonp', 415]
  ])('what a form can send is no change: %s is answered with %i', async (type, expected) => {
    expect(await status(loopback, '/api/v1/thing', { host, 'content-type': type }, 'POST')).toBe(expected)
  })
})

describe('the token', () => {
  const host = '10.0.0.7:8080'

  test.each<[GuardInit, RegExp]>([
    [{ hostname: '0.0.0.0' }, /needs a token/u],
    [{ hostname: '10.0.0.7' }, /needs a token/u],
    [{ hostname: '::' }, /needs a token/u],
    [{ hostname: '0.0.0.0', token: 'short' }, /at least 16 bytes/u],
    [{ hostname: 'localhost' }, /must be an IP address/u]
  ])('%o is refused before anything listens', async (init, sentence) => {
    await expect(serve(components, { ...init, port: 0 })).rejects.toThrow(sentence)
  })

  test('without it, or with another, nothing is told', async () => {
    for (const headers of [{}, { authorization: 'Bearer another token' }, { authorization: TOKEN }]) {
      const response = await application(components, everywhere).request('http://127.0.0.1/api/v1/thing', {
        headers: { host, ...headers }
      })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
      expect(await response.text()).not.toContain('thing')
    }
    expect(await status(everywhere, '/', { host })).toBe(401)
  })

  test('whether the process lives may be asked without it', async () => {
    expect(await status(everywhere, '/health', { host })).toBe(200)
  })

  test('a page is let in once and stays in by a cookie no script and no other site can use', async () => {
    const app = application(components, everywhere)
    const login = await app.request(`http://127.0.0.1/?token=${encodeURIComponent(TOKEN)}`, {
      headers: { host }
    })
    expect([login.status, login.headers.get('location')]).toEqual([303, '/'])
    const set = login.headers.get('set-cookie') ?? ''
    expect(set).toMatch(/; HttpOnly; SameSite=Strict$/u)
    expect(set).not.toContain(TOKEN)
    const cookie = set.split(';')[0] as string
    expect(await status(everywhere, '/api/v1/thing', { host, cookie })).toBe(200)
    expect(await status(everywhere, '/api/v1/thing', { host, cookie: `other=1; ${cookie}` })).toBe(200)
    expect(await status(everywhere, '/api/v1/thing', { host, cookie: `${cookie}0` })).toBe(401)
    expect(await status(everywhere, '/?token=another+token+here', { host })).toBe(401)
    expect(await status(everywhere, `/api/v1/thing?token=${encodeURIComponent(TOKEN)}`, { host })).toBe(401)
  })
})

describe('two servers of one host', () => {
  test.each([
    ['localhost:4100', 'localhost:4200'],
    ['127.0.0.1', '127.0.0.1:8080'],
    ['[::1]:4100', '[::1]:4101']
  ])('let a browser stay in both: %s and %s', async (one, other) => {
    // A browser keeps one jar of cookies for a host, whatever the port.
    const jar = new Map<string, string>()
    const inits = [one, other].map((_, index) => ({
      hostname: '127.0.0.1',
      token: `the token of server ${index}`
    }))
    for (const [index, host] of [one, other].entries()) {
      const init = inits[index] as GuardInit
      const login = await application(components, init).request(
        `http://127.0.0.1/?token=${encodeURIComponent(init.token ?? '')}`,
        { headers: { host } }
      )
      const [name = '', value = ''] = login.headers.get('set-cookie')?.split(';')[0]?.split('=') ?? []
      jar.set(name, value)
    }
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    for (const [index, host] of [one, other].entries()) {
      expect(await status(inits[index] as GuardInit, '/api/v1/thing', { host, cookie })).toBe(200)
    }
  })
})

describe('over a connection', () => {
  let server: HttpServer
  beforeAll(async () => {
    server = await serve(components, { hostname: '127.0.0.1', port: 0 })
  })
  afterAll(() => server.close())
  const json = { 'content-type': 'application/json' }

  test('a body says how long it is, and is not longer than allowed', async () => {
    const post = { method: 'POST', headers: json }
    expect(await ask(server.url, '/api/v1/thing', { ...post, body: '"blue"' })).toMatchObject({
      status: 200,
      text: 'changed to "blue"'
    })
    expect(await ask(server.url, '/api/v1/thing', { ...post, body: 'x'.repeat(101) })).toMatchObject({
      status: 413,
      json: { name: 'BodyTooLongError', status: 413 }
    })
    expect(await ask(server.url, '/api/v1/thing', { ...post, body: '"blue"', chunked: true })).toMatchObject({
      status: 411
    })
  })

  test('every answer, refusals too, forbids foreign scripts, frames and guessing', async () => {
    for (const path of ['/', '/api/v1/thing', '/api/v1/nothing']) {
      const { headers } = await ask(server.url, path)
      expect(headers['content-security-policy']).toContain("default-src 'self'")
      expect(headers['content-security-policy']).not.toMatch(/unsafe|\*/u)
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' })
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    }
  })

  test('a refusal is a problem with a name', async () => {
    const { headers, json } = await ask(server.url, '/api/v1/nothing')
    expect(headers['content-type']).toBe('application/problem+json')
    expect(json).toEqual({
      type: 'about:blank',
      title: 'Not there',
      status: 404,
      detail: 'There is no GET /api/v1/nothing.',
      name: 'NoSuchPathError'
    })
  })

  test('a connection too many is closed, and a place that is free again is taken', async () => {
    const port = Number(new URL(server.url).port)
    const sockets: Socket[] = []
    const open = (): Promise<'answered' | 'closed'> =>
      new Promise(resolve => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.write('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        })
        sockets.push(socket)
        socket.once('data', () => resolve('answered'))
        socket.once('close', () => resolve('closed'))
        socket.on('error', () => resolve('closed'))
      })
    expect([await open(), await open(), await open(), await open()]).toEqual([
      'answered',
      'answered',
      'answered',
      'closed'
    ])
    const gone = new Promise(resolve => sockets[0]?.once('close', resolve))
    sockets[0]?.end()
    await gone
    await expect.poll(open).toBe('answered')
    for (const socket of sockets) socket.destroy()
  })
})
