import { createNode } from '@starling/node'
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Finding } from '../../src/commands/doctor/check.ts'
import { contact } from '../../src/commands/doctor/contact-check.ts'
import { addresses, nodeVersion, udpPort } from '../../src/commands/doctor/host-checks.ts'
import { dataFolder, store } from '../../src/commands/doctor/store-checks.ts'
import { run } from '../support/run.ts'

// Goal: each check can find what it looks for, and says what to do.

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-doctor-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ID = '12D3KooWBhV2TqzTjZ8rM7E4tWmUqPTRgAXWnuDAhEuLm3TLPZ4w'

test('an old Node is found', () => {
  expect(nodeVersion('20.20.2')).toMatchObject({ state: 'failed', advice: expect.stringMatching(/22/u) })
  expect(nodeVersion('22.13.0')).toMatchObject({ state: 'ok' })
})

test('a port in use is found', async () => {
  const socket: Socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(0, () => resolve()))
  const { port } = socket.address()
  expect(await udpPort(port)).toMatchObject({ state: 'failed', found: expect.stringMatching(/EADDRINUSE/u) })
  await new Promise<void>(resolve => socket.close(() => resolve()))
  expect(await udpPort(port)).toMatchObject({ state: 'ok' })
})

test('a host nobody can reach is found', () => {
  const at = (address: string, internal: boolean) => ({ address, internal, family: 'IPv4' })
  expect(addresses({ lo: [at('127.0.0.1', true)], eth0: [at('fe80::1', false)] })).toMatchObject({
    state: 'warning'
  })
  expect(addresses({ eth0: [at('10.0.0.7', false)] })).toMatchObject({ state: 'ok', found: '10.0.0.7' })
})

test.each([
  ['nonsense', 'failed'],
  ['/ip4/10.0.0.7/udp/4001/quic-v1', 'failed'],
  [`/ip4/10.0.0.7/udp/4001/quic-v1/p2p/${ID}`, 'ok'],
  [`/dns4/localhost/udp/4001/quic-v1/p2p/${ID}`, 'ok'],
  [`/dns4/no-such-host.invalid/udp/4001/quic-v1/p2p/${ID}`, 'failed']
])('contact %s is %s', async (address, state) => {
  expect(await contact(address)).toMatchObject({ state })
})

describe('a store', () => {
  test('is checked row by row, is left alone while a node runs on it, and need not be there', async () => {
    const dataDir = join(folder, 'node')
    expect([await dataFolder(dataDir), await store(dataDir)]).toMatchObject([
      { state: 'skipped' },
      { state: 'skipped' }
    ])
    const node = await createNode({ dataDir, cluster: { name: 'doctor', open: true } })
    const map = await node.map('things')
    await map.set('a', 1)
    expect(await store(dataDir)).toMatchObject({ state: 'skipped', found: expect.stringMatching(/running/u) })
    await node.stop()
    expect(await store(dataDir)).toMatchObject({
      state: 'ok',
      found: expect.stringMatching(/rows in \d+ logs/u)
    })
    expect(await dataFolder(dataDir)).toMatchObject({
      check: 'data folder',
      found: expect.stringMatching(/MiB free/u)
    })
  })

  test('in a file, or that cannot be opened, is found', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    expect(await dataFolder(file)).toMatchObject({ state: 'failed' })
    writeFileSync(join(folder, 'store'), 'no database')
    expect(await store(folder)).toMatchObject({ state: 'failed' })
  })
})

describe('the command', () => {
  let aheadMs = 0
  let server: Server
  let url: string
  beforeAll(async () => {
    server = createServer((request, response) => {
      response.end(
        JSON.stringify(request.url === '/api/v1/role' ? { role: 'node' } : { nowMs: Date.now() + aheadMs })
      )
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
  afterAll(() => server.close())

  const findings = async (...args: string[]): Promise<{ code: number | null; found: Finding[] }> => {
    const { code, stdout } = await run('starling', ['doctor', '--json', ...args])
    return { code, found: JSON.parse(stdout) as Finding[] }
  }

  test.each([
    [0, 0, 'ok'],
    [5_000, 0, 'warning'],
    [-5_000, 0, 'warning'],
    [90_000, 1, 'failed']
  ])('with a clock %i ms ahead ends with %i', async (ms, expected, state) => {
    aheadMs = ms
    const { code, found } = await findings('--url', url, '--port', '45999')
    expect(found.find(({ check }) => check === 'clock')).toMatchObject({ state })
    expect(found.find(({ check }) => check === 'quic and store')).toMatchObject({ state: 'ok' })
    expect(code).toBe(expected)
  })

  test('of nobody says so, beside what else was found', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await new Promise(resolve => server.close(resolve))
    const { code, found } = await findings('--url', url, '--port', '45999')
    expect(found.find(({ check }) => check === 'clock')).toMatchObject({
      state: 'failed',
      found: expect.stringMatching(/^Nothing listens/u)
    })
    expect(found.find(({ check }) => check === 'quic and store')).toMatchObject({ state: 'ok' })
    expect(code).toBe(1)
  })

  test('advises in words', async () => {
    const { code, stdout } = await run('starling', ['doctor', '--port', '45999', '--join', 'nonsense'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/failed +contact nonsense +no address\n +→ Give it as a node prints it/u)
  })
})
