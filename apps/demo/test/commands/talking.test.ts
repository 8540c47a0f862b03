import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { servedNode, type ServedNode } from '../api/support/served-node.ts'
import { Program } from '../support/program.ts'
import { run } from '../support/run.ts'

// Goal: what the commands print and how they end is what a person and a script need. Method: the built program as a process of its own,
// against a node that is served over HTTP.

let served: ServedNode
beforeAll(async () => {
  served = await servedNode()
})
afterAll(() => served.end())

const starling = (...args: readonly string[]) =>
  run('starling', [...args, '--map', 'things'], { environment: { STARLING_URL: served.url } })

test('set, get and del: values as JSON or text, exit code 1 for what is not there', async () => {
  expect(await starling('set', 'colour', 'blue')).toMatchObject({ code: 0, stderr: '' })
  expect(await starling('get', 'colour')).toEqual({ code: 0, stdout: 'blue\n', stderr: '' })
  expect(await starling('set', 'parts', '{"a": [1, 2]}')).toMatchObject({ code: 0 })
  expect(served.map.get('parts')).toEqual({ a: [1, 2] })
  expect(await starling('set', 'zip', '0123', '--text')).toMatchObject({ code: 0 })
  expect(served.map.get('zip')).toBe('0123')
  const environment = { STARLING_URL: served.url }
  const negative = ['set', '--map', 'things', '--', 'n', '-5']
  expect(await run('starling', negative, { environment })).toMatchObject({ code: 0 })
  expect(served.map.get('n')).toBe(-5)
  const { stdout } = await starling('get', 'parts', '--json')
  expect(JSON.parse(stdout)).toMatchObject({
    key: 'parts',
    value: { a: [1, 2] },
    version: expect.any(String)
  })
  expect(await starling('del', 'colour')).toMatchObject({ code: 0, stdout: 'ok: removed\n' })
  expect(await starling('del', 'colour')).toMatchObject({ code: 1, stdout: '' })
  expect(await starling('get', 'colour')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('colour')
  })
})

test('a value may come from standard input', async () => {
  const environment = { STARLING_URL: served.url }
  await run('starling', ['set', 'long', '-', '--map', 'things'], {
    environment,
    input: '{"from": "a file"}\n'
  })
  expect(served.map.get('long')).toEqual({ from: 'a file' })
})

test('a condition that does not hold is exit code 5', async () => {
  const { version } = await served.map.set('guarded', 1)
  expect((await starling('set', 'guarded', '2', '--if-absent')).code).toBe(5)
  expect((await starling('set', 'guarded', '2', '--if-version', '0123')).code).toBe(5)
  expect((await starling('del', 'guarded', '--if-version', '0123')).code).toBe(5)
  expect((await starling('set', 'guarded', '2', '--if-version', version)).code).toBe(0)
  expect(served.map.get('guarded')).toBe(2)
})

test('get --prefix lists, one line an entry, and control characters stay out of the terminal', async () => {
  await served.map.set('list/a', 'one')
  await served.map.set('list/b', '\u001B[2J')
  const { stdout } = await starling('get', '--prefix', 'list/')
  expect(stdout).toBe('list/a  one\nlist/b  "\\u001b[2J"\n')
  const json = (await starling('get', '--prefix', 'list/', '--json')).stdout.trim().split('\n')
  expect(json.map(line => (JSON.parse(line) as { key: string }).key)).toEqual(['list/a', 'list/b'])
})

test('watch prints changes as they come, ends by itself after --count, and by Ctrl-C', async () => {
  await served.map.set('seen', 'before')
  const args = [
    'watch',
    '--url',
    served.url,
    '--map',
    'things',
    '--prefix',
    'seen',
    '--json',
    '--from',
    'snapshot'
  ]
  const watching = new Program('starling', [...args, '--count', '2'])
  expect(JSON.parse(await watching.line())).toMatchObject({ type: 'set', key: 'seen', value: 'before' })
  await served.map.set('other', 1)
  await served.map.set('seen', 'after')
  expect(JSON.parse(await watching.line())).toMatchObject({ type: 'set', key: 'seen', value: 'after' })
  expect(await watching.ended()).toBe(0)
  const endless = new Program('starling', args)
  await endless.line()
  expect(await endless.end('SIGINT')).toBe(130)
})

test('inspect is a page for people and everything for programs', async () => {
  const environment = { STARLING_URL: served.url }
  const summary = await run('starling', ['inspect'], { environment })
  expect(summary).toMatchObject({ code: 0, stderr: '' })
  expect(summary.stdout).toContain(served.node.id)
  expect(summary.stdout).toMatch(/things +\d+ keys +well/u)
  const { stdout: json } = await run('starling', ['inspect', '--json'], { environment })
  expect(JSON.parse(json)).toMatchObject({ id: served.node.id, maps: [{ name: 'things' }] })
})

test('bench-write writes, counts, and leaves nothing behind', async () => {
  const before = served.map.size
  const { code, stdout, stderr } = await starling('bench-write', '--count', '40', '--window', '8', '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({ writes: 40, window: 8, writesPerSecond: expect.any(Number) })
  expect(served.map.size).toBe(before)
})

describe('one sentence and an exit code for', () => {
  let nowhere: string
  beforeAll(async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    nowhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await new Promise(resolve => server.close(resolve))
  })
  test.each<[string, readonly string[], number, RegExp]>([
    ['nothing', [], 2, /^$/u],
    ['no such command', ['gett'], 2, /no command "gett"; did you mean get\?/u],
    ['a command nobody can guess', ['banana'], 2, /there are up, node, get/u],
    ['no such option', ['get', 'k', '--jsn'], 2, /no option --jsn; did you mean --json\?/u],
    ['a negative number', ['set', 'n', '-5'], 2, /Put -- before/u],
    ['a word too few', ['set', 'k'], 2, /set needs VALUE/u],
    ['a word too many', ['set', 'k', 'two', 'words'], 2, /in quotes/u],
    ['a number that is none', ['set', 'k', '1', '--ttl', 'soon'], 2, /--ttl takes a whole number/u],
    ['conditions that contradict', ['set', 'k', '1', '--if-absent', '--if-version', 'a'], 2, /contradict/u],
    ['an address that is none', ['get', 'k', '--url', 'here'], 2, /--url takes an address/u],
    [
      'nobody there',
      ['get', 'k', '--url', 'NOWHERE'],
      3,
      /Nothing listens at http:\/\/127\.0\.0\.1:\d+\/: start a cluster/u
    ],
    [
      'a token no header can carry',
      ['get', 'k', '--token', 'a token ✓'],
      2,
      /--token takes printable ASCII/u
    ],
    ['nobody to watch', ['watch', '--url', 'NOWHERE'], 3, /Nothing listens/u],
    ['a cluster that needs a port that is none', ['up', '--http-port', '99999'], 2, /--http-port takes/u],
    ['a node without a folder', ['node'], 2, /--data is needed/u],
    [
      'a page for all without a token',
      ['node', '--data', '/tmp', '--http-host', '0.0.0.0'],
      2,
      /secret|--http-port/u
    ]
  ])('%s', async (_, args, code, sentence) => {
    const ended = await run(
      'starling',
      args.map(arg => (arg === 'NOWHERE' ? nowhere : arg))
    )
    expect(ended.code).toBe(code)
    expect(ended.stderr).toMatch(sentence)
    expect(ended.stderr.split('\n').length).toBeLessThanOrEqual(2)
  })

  test.each([
    ['set', '..', '1'],
    ['get', '.'],
    ['del', ''],
    ['watch', '--map', '..']
  ])('what an address takes for a step in a path: %s %s %s', async (...args) => {
    const { code, stderr } = await run('starling', args, { environment: { STARLING_URL: served.url } })
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^"\.{0,2}" cannot be part/u) })
  })

  test('a token that is missing says how to give it', async () => {
    const server = createServer((_, response) => {
      response.writeHead(401, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify({ status: 401, detail: 'Send a header.', name: 'TokenNeededError' }))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    expect(await run('starling', ['get', 'k', '--url', url])).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/--token or set STARLING_TOKEN/u)
    })
    await new Promise(resolve => server.close(resolve))
  })

  test('a map that is not there, and a value that is too long: the node’s own words, exit code 4', async () => {
    const { code, stderr } = await run('starling', ['get', 'k'], {
      environment: { STARLING_URL: served.url }
    })
    expect({ code, stderr }).toEqual({ code: 4, stderr: 'Map "demo" is not served here; there is things.\n' })
    expect(await starling('set', 'k', 'x'.repeat(2000))).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/1000 bytes/u)
    })
  })
})

test('--help explains each command and its exit codes', async () => {
  const overview = await run('starling', ['--help'])
  expect(overview).toMatchObject({ code: 0, stderr: '' })
  expect(overview.stdout).toMatch(/Exit codes: 0 done; 1 /u)
  expect((await run('starling', ['help', 'set'])).stdout).toBe(
    (await run('starling', ['set', '--help'])).stdout
  )
})
