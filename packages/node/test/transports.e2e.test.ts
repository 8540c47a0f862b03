import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually, NodeProcess } from './node-process.ts'

// Goal: where UDP is blocked or QUIC has no binary, a cluster works over TCP, and nodes that speak both join the two kinds.

const cluster = { name: 'e2e', secret: 'the secret of the end-to-end tests' }
const TCP = '/ip4/127.0.0.1/tcp/0'
const QUIC = '/ip4/127.0.0.1/udp/0/quic-v1'
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-e2e-'))
})

afterEach(async () => {
  await NodeProcess.endAll()
  rmSync(folder, { recursive: true, force: true })
})

async function start(name: string, options: Record<string, unknown>, env: Record<string, string> = {}) {
  const node = new NodeProcess(env)
  const started = await node.start({ dataDir: join(folder, name), cluster, ...options })
  return { node, ...started }
}

/** Each writes a key of its own, and each has to see those of all. */
async function exchange(nodes: readonly NodeProcess[]): Promise<void> {
  await Promise.all(nodes.map((node, index) => node.call('set', `from ${index}`, index)))
  const sizes = await eventually(
    () => Promise.all(nodes.map(node => node.call<number>('size'))),
    found => found.every(size => size === nodes.length)
  )
  expect(sizes).toEqual(nodes.map(() => nodes.length))
}

test('two processes over TCP: writes go both ways, and a stopped one ends by itself', async () => {
  const a = await start('a', { transports: 'tcp', listen: [TCP], contacts: [] })
  expect(a.addresses).toEqual([expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3/u)])
  const b = await start('b', { transports: 'tcp', listen: [TCP], contacts: a.addresses })
  await exchange([a.node, b.node])
  expect(await b.node.call('stop')).toEqual([])
  expect(await b.node.exited).toBe(0)
})

test('a process that speaks both joins one that speaks QUIC and one that speaks TCP', async () => {
  const hub = await start('hub', { transports: 'both', listen: [QUIC, TCP], contacts: [] })
  expect(hub.addresses).toHaveLength(2)
  const quic = await start('quic', {
    contacts: hub.addresses.filter(address => address.includes('/quic-v1/'))
  })
  const tcp = await start('tcp', {
    transports: 'tcp',
    listen: [TCP],
    contacts: hub.addresses.filter(address => address.includes('/tcp/'))
  })
  const both = await start('both', { transports: 'both', listen: [QUIC, TCP], contacts: hub.addresses })
  await exchange([hub.node, quic.node, tcp.node, both.node])
})

test('without a QUIC binary a node says what to do, opens nothing, and works over TCP', async () => {
  // Where this is set the binding loads its binary from there and nowhere else.
  const env = { NAPI_RS_NATIVE_LIBRARY_PATH: join(folder, 'missing.node') }
  const a = await start('a', { transports: 'tcp', listen: [TCP], contacts: [] })
  const node = new NodeProcess(env)
  const options = { dataDir: join(folder, 'b'), cluster, contacts: a.addresses, listen: [TCP] }
  for (const transports of ['quic', 'both']) {
    await expect(
      node.start({ ...options, transports, ...(transports === 'quic' ? { listen: [], contacts: [] } : {}) })
    ).rejects.toMatchObject({
      name: 'TransportUnavailableError',
      message: expect.stringMatching(/QUIC cannot be loaded .* Set transports: 'tcp'/u)
    })
  }
  await node.start({ ...options, transports: 'tcp' })
  await exchange([a.node, node])
})
