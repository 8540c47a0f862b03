import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entryRoutes } from '../../src/api/entries.ts'
import { problemResponse } from '../../src/api/problem.ts'
import type { Entry, EntryPage } from '../../src/api/types.ts'
import { ask, type Question } from './support/ask.ts'
import { servedNode, type ServedNode } from './support/served-node.ts'

// Goal: what a map can do with a key, a browser and a script can do too, and a mistake is named. Method: a real node on loopback.

let served: ServedNode
beforeAll(async () => {
  served = await servedNode()
})
afterAll(() => served.end())

const json = { 'content-type': 'application/json' }
const entries = '/api/v1/maps/things/entries'
const at = (key: string): string => `${entries}/${encodeURIComponent(key)}`
const get = (path: string) => ask(served.url, path)
const put = (key: string, value: unknown, question: Question = {}) =>
  ask(served.url, at(key), {
    method: 'PUT',
    body: JSON.stringify(value),
    ...question,
    headers: { ...json, ...question.headers }
  })
const remove = (key: string, headers: Record<string, string> = {}) =>
  ask(served.url, at(key), { method: 'DELETE', headers })

describe('one entry', () => {
  test('is written, read and removed', async () => {
    const written = await put('colour', { name: 'blue', parts: [0, 0, 255] })
    expect(written.status).toBe(200)
    const { version } = written.json as Entry
    expect(written.headers.etag).toBe(`"${version}"`)
    const read = await get(at('colour'))
    expect(read.headers.etag).toBe(`"${version}"`)
    expect(read.json).toEqual({ key: 'colour', value: { name: 'blue', parts: [0, 0, 255] }, version })
    expect(served.map.get('colour')).toEqual({ name: 'blue', parts: [0, 0, 255] })
    expect((await remove('colour')).status).toBe(204)
    expect(await get(at('colour'))).toMatchObject({ status: 404, json: { name: 'NoSuchKeyError' } })
    expect((await remove('colour')).status).toBe(404)
  })

  test.each([
    'a/b',
    '%2F',
    '100%',
    'ü ß',
    '?#&=',
    '<script>',
    '"',
    '\\',
    '..a',
    '%',
    '__proto__',
    '\u{1F426}',
    '+ +'
  ])('may be called %j', async key => {
    expect((await put(key, 'x')).json).toMatchObject({ key })
    expect((await get(at(key))).json).toMatchObject({ key, value: 'x' })
    expect(served.map.get(key)).toBe('x')
    expect((await remove(key)).status).toBe(204)
  })

  test('may hold what JSON lacks', async () => {
    const value = { bytes: { $bytes: 'AQID' }, big: { $bigint: '9007199254740993' }, zero: { $number: '-0' } }
    expect((await put('odd', value)).status).toBe(200)
    expect(served.map.get('odd')).toEqual({
      bytes: new Uint8Array([1, 2, 3]),
      big: 9007199254740993n,
      zero: -0
    })
    expect((await get(at('odd'))).json).toMatchObject({ value })
    await remove('odd')
  })

  test('lives as long as asked', async () => {
    expect((await put('brief', 1)).status).toBe(200)
    expect((await get(at('brief'))).json).not.toHaveProperty('expiresAtMs')
    const brief = await ask(served.url, `${at('brief')}?ttlMs=3600000`, {
      method: 'PUT',
      body: '2',
      headers: json
    })
    expect(brief.status).toBe(200)
    const { expiresAtMs } = (await get(at('brief'))).json as Entry
    expect(expiresAtMs).toBeGreaterThan(Date.now() + 3_500_000)
    expect(expiresAtMs).toBeLessThanOrEqual(Date.now() + 3_600_000)
    await remove('brief')
  })
})

describe('a conditional write', () => {
  test('wins at its version and is refused at another', async () => {
    const { version } = (await put('c', 1)).json as Entry
    expect((await put('c', 2, { headers: { 'if-match': '"0123"' } })).json).toMatchObject({
      status: 412,
      name: 'VersionMismatchError'
    })
    const second = await put('c', 2, { headers: { 'if-match': `"${version}"` } })
    expect(second.status).toBe(200)
    expect((await put('c', 3, { headers: { 'if-match': `"${version}"` } })).status).toBe(412)
    expect((await remove('c', { 'if-match': `"${version}"` })).status).toBe(412)
    expect(served.map.get('c')).toBe(2)
    expect((await remove('c', { 'if-match': `"${(second.json as Entry).version}"` })).status).toBe(204)
  })

  test('removes only at its version, also while a write of the same node is on its way', async () => {
    const { version } = (await put('c', 1)).json as Entry
    const { map } = served
    let write: Promise<unknown> | undefined
    const routes = entryRoutes(
      () => {
        // The map goes on showing what the request names until this is on disk.
        write = map.set('c', 2)
        return map
      },
      { pageEntriesMax: 10, pageCharactersMax: 1500 }
    ).onError(problemResponse)
    const headers = { 'if-match': `"${version}"` }
    const removed = await routes.request('/entries/c', { method: 'DELETE', headers })
    expect(removed.status).toBe(412)
    await write
    expect(map.get('c')).toBe(2)
    await remove('c')
  })

  test('may ask for a key that is absent', async () => {
    const absent = { headers: { 'if-none-match': '*' } }
    expect((await put('new', 1, absent)).status).toBe(200)
    expect((await put('new', 2, absent)).status).toBe(412)
    await remove('new')
  })

  test.each<[Record<string, string>]>([
    [{ 'if-match': '*' }],
    [{ 'if-match': '"a", "b"' }],
    [{ 'if-none-match': '"a"' }],
    [{ 'if-none-match': '*', 'if-match': '"a"' }]
  ])('with %o is a mistake, and not taken for none', async headers => {
    expect((await put('c', 1, { headers })).json).toMatchObject({ status: 400, name: 'PreconditionError' })
    expect(served.map.has('c')).toBe(false)
  })
})

describe('a mistake', () => {
  test.each<[string, () => Promise<{ json: unknown }>, object]>([
    ['no such map', () => get('/api/v1/maps/others/entries'), { status: 404, name: 'NoSuchMapError' }],
    [
      'a name like a method',
      () => get('/api/v1/maps/constructor/entries'),
      { status: 404, name: 'NoSuchMapError' }
    ],
    ['no JSON', () => put('k', 0, { body: 'blue' }), { status: 400, name: 'SyntaxError' }],
    ['nothing', () => put('k', 0, { body: '' }), { status: 400, name: 'SyntaxError' }],
    ['half a tag', () => put('k', { $bigint: 'many' }), { status: 400, name: 'JsonValueError' }],
    ['a deep value', () => put('k', JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`)), { status: 422 }],
    [
      'a very deep value',
      () => put('k', 0, { body: `${'['.repeat(90_000)}${']'.repeat(90_000)}` }),
      { status: 400 }
    ],
    ['a long value', () => put('k', 'x'.repeat(1001)), { status: 413, name: 'ValueTooLargeError' }],
    ['a long key', () => put('k'.repeat(1025), 1), { status: 400 }],
    ['a limit that is none', () => get(`${entries}?limit=0`), { status: 400, name: 'RangeError' }],
    ['a limit too high', () => get(`${entries}?limit=1001`), { status: 400, name: 'RangeError' }],
    [
      'a time to live that is none',
      () => ask(served.url, `${at('k')}?ttlMs=soon`, { method: 'PUT', body: '1', headers: json }),
      { status: 400, name: 'RangeError' }
    ],
    [
      'a time to live too long',
      () => ask(served.url, `${at('k')}?ttlMs=999999999999999`, { method: 'PUT', body: '1', headers: json }),
      { status: 400, name: 'RangeError' }
    ],
    [
      'more copies than there are nodes',
      () =>
        ask(served.url, `${at('r')}?replicas=2&timeoutMs=50`, { method: 'PUT', body: '1', headers: json }),
      { status: 504, name: 'ReplicationTimeoutError' }
    ],
    ['no such way', () => ask(served.url, at('k'), { method: 'PATCH', headers: json }), { status: 404 }]
  ])('%s is named', async (_, asking, expected) => {
    expect((await asking()).json).toMatchObject(expected)
    expect(served.map.has('k')).toBe(false)
  })

  test.each(['%ff', '%', 'a%2', '%ed%a0%80', 'k?ttlMs=%ff'])(
    'an address of broken escapes is named: %s',
    async path => {
      const asked = ask(served.url, `${entries}/${path}`, { method: 'PUT', body: '1', headers: json })
      expect((await asked).json).toMatchObject({ status: 400, name: 'URIError' })
      expect([...served.map.keys()].filter(key => key.startsWith('%') || key.startsWith('a%'))).toEqual([])
    }
  )

  test('text that is no UTF-8 is named, and not written as something else', async () => {
    const body = Buffer.from('"caf\u00E9"', 'latin1')
    const answer = await fetch(new URL(at('k'), served.url), { method: 'PUT', body, headers: json })
    expect(await answer.json()).toMatchObject({ status: 400, name: 'SyntaxError' })
    expect(served.map.has('k')).toBe(false)
  })

  test('a map is not opened by asking for it', async () => {
    await put('k', 1)
    await get('/api/v1/maps/others/entries/k')
    expect(served.node.inspect().maps.map(({ name }) => name)).toEqual(['things'])
    await remove('k')
    await remove('r')
  })
})

test('a page after the other shows every entry once, in order', async () => {
  const keys = Array.from({ length: 25 }, (_, index) => `page-${String(index).padStart(2, '0')}`)
  await Promise.all(keys.map(key => served.map.set(key, key)))
  await served.map.set('other', 1)
  const seen: string[] = []
  let after: string | undefined
  do {
    const query = new URLSearchParams({
      prefix: 'page-',
      limit: '10',
      ...(after === undefined ? {} : { after })
    })
    const page = (await get(`${entries}?${query}`)).json as EntryPage
    expect(page.size).toBe(served.map.size)
    seen.push(...page.entries.map(({ key }) => key))
    after = page.next
  } while (after !== undefined)
  expect(seen).toEqual(keys)
})

test('a page of long entries ends early and says where the next begins; one too long for a page is there alone', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    await served.map.set(`long/${name}`, name === 'd' ? '\u0001'.repeat(900) : 'x'.repeat(500))
  }
  const routes = entryRoutes(() => served.map, { pageEntriesMax: 10, pageCharactersMax: 1500 })
  const pages: string[][] = []
  let after = ''
  do {
    const query = new URLSearchParams({ prefix: 'long/', limit: '10', after })
    const page = (await (await routes.request(`/entries?${query}`)).json()) as EntryPage
    pages.push(page.entries.map(({ key }) => key.replace('long/', '')))
    after = page.next ?? ''
  } while (after !== '')
  expect(pages).toEqual([['a', 'b'], ['c'], ['d'], ['e']])
})

test('a node says who it is, how it is, and what it counts', async () => {
  expect((await get('/api/v1/role')).json).toEqual({ role: 'node' })
  expect((await get('/api/v1/node')).json).toMatchObject({
    id: served.node.id,
    name: 'one',
    cluster: 'http',
    maps: ['things']
  })
  expect((await get('/api/v1/inspect')).json).toMatchObject({
    id: served.node.id,
    maps: [{ name: 'things' }]
  })
  for (const path of ['/health', '/ready']) expect((await get(path)).json).toEqual({ ok: true, reasons: [] })
  const { headers, text } = await get('/metrics')
  expect(headers['content-type']).toMatch(/^text\/plain/u)
  await served.map.set('counted', 1)
  expect(text).toMatch(/^starling_map_entries\{map="things"\} \d+$/mu)
  expect(text).toMatch(/^process_cpu_seconds_total \d/mu)
  const entries = new RegExp(`^starling_map_entries\\{map="things"\\} ${served.map.size}$`, 'mu')
  expect((await get('/metrics')).text).toMatch(entries)
})
