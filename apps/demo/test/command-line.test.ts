import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from './support/run.ts'

// Goal: the programs tell a person in one sentence what is wrong, with exit code 2 and nothing half-written; and the demo,
// run as a person runs it, holds the cluster to its promises.

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-command-line-'))
  writeFileSync(join(folder, 'file'), 'no folder')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const secret = ['--secret', 'a secret of some length']
const fresh = () => ['--data', join(folder, 'fresh')]

describe('one sentence and exit code 2 for', () => {
  test.each<[string, 'demo' | 'node', () => string[], RegExp]>([
    ['an unknown option of the demo', 'demo', () => ['--nodez', '3'], /--nodez.*Usage/u],
    ['a word too many', 'demo', () => ['more'], /'more'.*Usage/u],
    ['too few nodes', 'demo', () => ['--nodes', '1'], /--nodes takes a whole number from 3 to 50, got "1"/u],
    ['a number that is none', 'demo', () => ['--keys', 'many'], /--keys.*"many"/u],
    [
      'a data folder that is a file',
      'demo',
      () => ['--data', join(folder, 'file')],
      /--data: cannot use .*file/u
    ],
    ['an unknown option of the node', 'node', () => ['--port', '1'], /--port.*Usage/u],
    ['no data folder', 'node', () => secret, /--data is needed/u],
    ['no secret', 'node', () => fresh(), /needs a secret/u],
    ['a short secret', 'node', () => [...fresh(), '--secret', 'short'], /at least 16 bytes/u],
    [
      'a bad address to listen on',
      'node',
      () => [...fresh(), ...secret, '--listen', 'here'],
      /listen: "here"/u
    ],
    [
      'a bad address to join',
      'node',
      () => [...fresh(), ...secret, '--join', '/ip4/127.0.0.1/udp/1/quic-v1'],
      /names no peer/u
    ],
    [
      'a folder that is a file',
      'node',
      () => ['--data', join(folder, 'file'), ...secret],
      /data folder .*file/u
    ]
  ])('%s', async (_, program, args, sentence) => {
    const { code, stdout, stderr } = await run(program, args())
    expect(stderr).toMatch(sentence)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(readdirSync(folder)).toEqual(['file'])
  })
})

test.each(['demo', 'node'] as const)('%s --help explains the options', async program => {
  const { code, stdout } = await run(program, ['--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('--data DIR')
})

test('a page whose port is taken: one sentence with what to do, exit code 2, and the node has ended', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { code, stderr } = await run('node', [
    ...['--data', join(folder, 'taken')],
    ...secret,
    ...['--http-port', String(port), '--headless']
  ])
  server.close()
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(/^Cannot serve.*--http-port\.\n$/u)
  })
})

test('the prompt sets, reads, lists and removes, and the store is there the next time', async () => {
  const args = ['--data', join(folder, 'prompt'), ...secret]
  const first = await run('node', args, {
    input: 'set colour "blue"\nset n {"a": [1, 2]}\nget n\ndel colour\nkeys\npeers\nnonsense\n'
  })
  expect(first.stderr).toBe('')
  expect(first.code).toBe(0)
  expect(first.stdout).toContain('{"a":[1,2]}')
  expect(first.stdout).toContain('ok: removed')
  expect(first.stdout).toContain('"nonsense" is no command')
  const second = await run('node', args, { input: 'keys\nget colour\nquit\n' })
  expect(second.stdout).toMatch(/with 1 keys/u)
  expect(second.stdout).toContain('(absent)')
  rmSync(join(folder, 'prompt'), { recursive: true })
})

test('the demo converges, loses nothing, and leaves no process behind', async () => {
  const { code, stdout, stderr } = await run('demo', ['--nodes', '3', '--keys', '60', '--json'])
  const lines = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  expect(stderr).toBe('')
  expect(lines.at(-1)).toMatchObject({
    converged: true,
    nodes: 3,
    lostAcknowledged: 0,
    invented: 0,
    killed: 1,
    endedByThemselves: 3
  })
  expect(lines.at(-1)?.['acknowledged']).toBeGreaterThan(60)
  expect(code).toBe(0)
}, 120_000)
