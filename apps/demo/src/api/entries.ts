import { Hono, type Context } from 'hono'
import { PAGE_ENTRIES, type HttpLimits } from './config.ts'
import { fromJson, toJson } from './json-value.ts'
import { asRequested, RefusedRequest } from './problem.ts'
import type { ServedMap } from './served-map.ts'
import type { Entry, EntryPage, Json, WrittenEntry } from './types.ts'

/** The routes of a map's entries, below `/api/v1/maps/:map`. */
export function entryRoutes(
  mapOf: (context: Context) => ServedMap,
  { pageEntriesMax, pageCharactersMax }: Pick<HttpLimits, 'pageEntriesMax' | 'pageCharactersMax'>
): Hono {
  return new Hono()
    .get('/entries', context => {
      const { req } = context
      const limit = limitOf(req.query('limit'), pageEntriesMax)
      const bounds = { limit, pageCharactersMax }
      return context.json(pageOf(mapOf(context), bounds, req.query('prefix'), req.query('after')))
    })
    .get('/entries/:key', context => {
      const map = mapOf(context)
      const key = context.req.param('key')
      const entry = entryOf(map, key)
      if (entry === undefined) throw absent(map, key)
      return context.json(entry, 200, { etag: etagOf(entry.version) })
    })
    .put('/entries/:key', async context => {
      const map = mapOf(context)
      const key = context.req.param('key')
      const value = fromJson(await jsonBody(context))
      const expected = expectation(context)
      const options = writeOptions(context)
      const written = await asRequested(() =>
        expected === undefined
          ? map.set(key, value, options)
          : map.setIf(key, value, expected.version, options)
      )
      const body: WrittenEntry = { key, version: written.version, stamp: written.stamp.toString() }
      return context.json(body, 200, { etag: etagOf(written.version) })
    })
    .delete('/entries/:key', async context => {
      const map = mapOf(context)
      const key = context.req.param('key')
      const expected = expectation(context)
      const { ttlMs: _, ...options } = writeOptions(context)
      const removed = await asRequested(() =>
        expected === undefined ? map.delete(key, options) : map.deleteIf(key, expected.version, options)
      )
      if (!removed) throw absent(map, key)
      return context.body(null, 204)
    })
}

/** As many entries as fit, and where the next page begins if there are more. */
function pageOf(
  map: ServedMap,
  { limit, pageCharactersMax }: { readonly limit: number; readonly pageCharactersMax: number },
  prefix: string | undefined,
  after: string | undefined
): EntryPage {
  const found = map.range({
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { gt: after }),
    limit: limit + 1
  })
  const entries: Entry[] = []
  let characters = 0
  for (const [key] of found) {
    const entry = entryOf(map, key)
    if (entry === undefined) continue
    characters += JSON.stringify(entry).length
    const last = entries.at(-1)
    if (last !== undefined && (entries.length === limit || characters > pageCharactersMax)) {
      return { entries, next: last.key, size: map.size }
    }
    entries.push(entry)
  }
  return { entries, size: map.size }
}

function entryOf(map: ServedMap, key: string): Entry | undefined {
  const versioned = map.getWithVersion(key)
  if (versioned === undefined) return undefined
  const values = map.conflicts(key)
  return {
    key,
    value: toJson(versioned.value),
    version: versioned.version,
    ...(values.length > 1 ? { conflicts: values.map(({ value }) => toJson(value)) } : {}),
    ...(values[0]?.expiresAtMs === undefined ? {} : { expiresAtMs: values[0].expiresAtMs })
  }
}

function limitOf(text: string | undefined, max: number): number {
  const limit = text === undefined ? PAGE_ENTRIES : Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > max) {
    throw new RefusedRequest(
      400,
      'RangeError',
      `limit takes a whole number from 1 to ${max}, got "${text ?? ''}".`
    )
  }
  return limit
}

async function jsonBody(context: Context): Promise<Json> {
  const bytes = await context.req.arrayBuffer()
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new RefusedRequest(400, 'SyntaxError', `The body is not JSON: ${reason}. Text is JSON in quotes.`)
  }
}

/** What the writer says is there: a version, nothing (`version` undefined), or no word about it (undefined). */
function expectation({ req }: Context): { readonly version: string | undefined } | undefined {
  const match = req.header('if-match')
  const noneMatch = req.header('if-none-match')
  if (match === undefined && noneMatch === undefined) return undefined
  if (noneMatch !== undefined) {
    if (noneMatch !== '*' || match !== undefined) {
      throw new RefusedRequest(
        400,
        'PreconditionError',
        'If-None-Match takes "*" alone, and not beside If-Match.'
      )
    }
    return { version: undefined }
  }
  const version = /^"?([\w+/=-]{1,128})"?$/u.exec(match ?? '')?.[1]
  if (version === undefined) {
    throw new RefusedRequest(400, 'PreconditionError', 'If-Match takes one version, as an entry gives it.')
  }
  return { version }
}

function writeOptions({ req }: Context): { ttlMs?: number; replicas?: number; timeoutMs?: number } {
  const options: { ttlMs?: number; replicas?: number; timeoutMs?: number } = {}
  for (const name of ['ttlMs', 'replicas', 'timeoutMs'] as const) {
    const text = req.query(name)
    if (text === undefined) continue
    const value = Number(text)
    if (text === '' || !Number.isInteger(value) || value < 1) {
      throw new RefusedRequest(
        400,
        'RangeError',
        `${name} takes a whole number of at least 1, got "${text}".`
      )
    }
    options[name] = value
  }
  return options
}

const etagOf = (version: string): string => `"${version}"`

function absent(map: ServedMap, key: string): RefusedRequest {
  const detail =
    map.presence(key) === 'notSynced'
      ? 'It is not here, and this node has not compared itself with another yet.'
      : 'It is not here.'
  return new RefusedRequest(404, 'NoSuchKeyError', detail)
}
