import { Hono } from 'hono'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HTTP_LIMITS } from '../../src/api/config.ts'
import { EventStreams } from '../../src/api/event-stream.ts'
import { serve, type HttpServer } from '../../src/api/server.ts'
import { ask } from './support/ask.ts'

// Goal: the page's files are served, and nothing beside them.

let folder: string
let server: HttpServer
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'starling-pages-'))
  writeFileSync(join(folder, 'secret.txt'), 'the secret')
  const components = { routes: new Hono(), streams: new EventStreams(HTTP_LIMITS), limits: HTTP_LIMITS }
  server = await serve(components, { hostname: '127.0.0.1', port: 0, pages: join(folder, 'dist') })
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

test('without a build the page says how to make one; with one it is there without a new start', async () => {
  const before = await ask(server.url, '/')
  expect(before).toMatchObject({ status: 200 })
  expect(before.text).toContain('npm run setup')
  expect(before.text).not.toMatch(/<script|<style|style=|onclick/u)

  mkdirSync(join(folder, 'dist/assets'), { recursive: true })
  writeFileSync(join(folder, 'dist/index.html'), '<p>the page</p>')
  writeFileSync(join(folder, 'dist/assets/page-1a2b.js'), 'start()')
  for (const path of ['/', '/index.html', '/nodes/3', '/maps/demo']) {
    const { text, headers } = await ask(server.url, path)
    expect({ path, text }).toEqual({ path, text: '<p>the page</p>' })
    expect(headers['cache-control']).toBe('no-cache')
  }
  const script = await ask(server.url, '/assets/page-1a2b.js')
  expect(script).toMatchObject({ status: 200, text: 'start()' })
  expect(script.headers['content-type']).toMatch(/javascript/u)
  expect(script.headers['cache-control']).toContain('immutable')
  expect(await ask(server.url, '/assets/page-old.js')).toMatchObject({
    status: 404,
    json: { name: 'NoSuchPathError' }
  })
  expect(await ask(server.url, '/api/v1/nothing')).toMatchObject({ status: 404 })
})

test.each([
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/assets/../../secret.txt',
  '/assets/%2e%2e%2f%2e%2e%2fsecret.txt',
  '/assets/..%5c..%5csecret.txt',
  '//secret.txt',
  '/%00'
])('%s leads to no file outside', async path => {
  const { text } = await ask(server.url, path)
  expect(text).not.toContain('the secret')
})
