import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkOptions } from '../src/options.ts'
import { createNode, type NodeInit, type StarlingNode } from '../src/index.ts'

// Goal: every mistake is one typed error whose sentence says what to do, and leaves nothing behind.

const cluster = { name: 'test', secret: 'a secret of some length' }
const peer = '12D3KooWGC9LnUyrD9Rc5ZmBsyCSbqkMPVmFJJbrvnqN3bpV4TbZ'
let folder: string
let dataDir: string
const nodes: StarlingNode[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-node-'))
  dataDir = join(folder, 'data')
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(init: Partial<NodeInit> = {}): Promise<StarlingNode> {
  const node = await createNode({ dataDir, cluster, ...init })
  nodes.push(node)
  return node
}

test.each([
  [
    'throws',
    () => {
      throw new Error('mine')
    }
  ],
  ['rejects', () => Promise.reject(new Error('mine'))]
])('a listener to warnings that %s stops nothing', async (_how, onWarning) => {
  const config = checkOptions({ dataDir, cluster, onWarning: onWarning as never })
  expect(() => config.onWarning(new Error('a warning') as never)).not.toThrow()
  await new Promise(resolve => void setImmediate(resolve))
})

describe('createNode refuses, before it opens anything,', () => {
  test.each<[string, Partial<NodeInit>, string, RegExp]>([
    ['no rule for who gets in', { cluster: { name: 'test' } }, 'TypeError', /secret/u],
    [
      'a short secret',
      { cluster: { name: 'test', secret: 'short' } },
      'RangeError',
      /at least 16 bytes, got 5/u
    ],
    [
      'a short secret among others',
      { cluster: { name: 'test', secret: ['long enough to be one', 'x'] } },
      'RangeError',
      /got 1/u
    ],
    [
      'no cluster name',
      { cluster: { name: '', secret: 'a secret of some length' } },
      'TypeError',
      /cluster\.name/u
    ],
    ['an address that is none', { listen: ['nonsense'] }, 'TypeError', /listen.*"nonsense"/u],
    [
      'a TCP address on a node that speaks QUIC',
      { listen: ['/ip4/127.0.0.1/tcp/1'] },
      'TypeError',
      /listen: "\/ip4\/127.0.0.1\/tcp\/1" is not a QUIC address but a TCP one.* set transports to 'tcp' or 'both'/u
    ],
    [
      'a QUIC contact on a node that speaks TCP',
      { transports: 'tcp', contacts: [`/ip4/127.0.0.1/udp/1/quic-v1/p2p/${peer}`] },
      'TypeError',
      /contacts: .* is not a TCP address but a QUIC one.* set transports to 'quic' or 'both'/u
    ],
    [
      'an address of a transport that nobody speaks',
      { transports: 'both', announce: ['/dns4/example.com/tcp/443/wss'] },
      'TypeError',
      /announce: .* is not a QUIC or TCP address; write it like/u
    ],
    ['an address without a port', { listen: ['/ip4/127.0.0.1'] }, 'TypeError', /not a QUIC address/u],
    [
      'a name to listen on',
      { listen: ['/dns4/example.com/udp/1/quic-v1'] },
      'TypeError',
      /listen: .* is a name; listen on an IP address/u
    ],
    [
      'an address to listen on that names a peer',
      { listen: [`/ip4/127.0.0.1/udp/0/quic-v1/p2p/${peer}`] },
      'TypeError',
      /listen: .* names a peer; leave \/p2p\/ and what follows out/u
    ],
    [
      'an address to announce that names a peer',
      { announce: [`/ip4/127.0.0.1/udp/1/quic-v1/p2p/${peer}`] },
      'TypeError',
      /announce: .* names a peer; leave \/p2p\/ and what follows out/u
    ],
    [
      'a choice of transports that is none',
      { transports: 'udp' as never },
      'TypeError',
      /transports takes 'quic', 'tcp' or 'both', got "udp"/u
    ],
    [
      'seventeen addresses to announce',
      { announce: Array.from({ length: 17 }, () => '/ip4/127.0.0.1/udp/1/quic-v1') },
      'RangeError',
      /announce takes at most 16 addresses, got 17/u
    ],
    [
      'a contact without a peer id',
      { contacts: ['/ip4/127.0.0.1/udp/1/quic-v1'] },
      'TypeError',
      /names no peer/u
    ],
    [
      'a contact whose peer id is none',
      { contacts: ['/ip4/127.0.0.1/udp/1/quic-v1/p2p/nonsense'] },
      'TypeError',
      /contacts: "nonsense" is not a peer id/u
    ],
    [
      'an allow list with what is no peer id',
      { cluster: { name: 'test', allow: ['nonsense'] } },
      'TypeError',
      /cluster\.allow: "nonsense"/u
    ],
    [
      'an allow list that is none',
      { cluster: { name: 'test', allow: peer as never } },
      'TypeError',
      /cluster\.allow takes a list/u
    ],
    [
      'a single address in place of a list',
      { listen: '/ip4/127.0.0.1/udp/0/quic-v1' as never },
      'TypeError',
      /listen/u
    ],
    [
      'nine secrets',
      { cluster: { name: 'test', secret: Array.from({ length: 9 }, () => 'a secret of some length') } },
      'RangeError',
      /at most 8/u
    ],
    ['a name that is no text', { cluster: { name: 'a\udc00', open: true } }, 'TypeError', /lone surrogate/u],
    [
      'open with something else',
      { cluster: { name: 'a', open: 'no' as never } },
      'TypeError',
      /cluster\.open/u
    ],
    ['metadata that is no text', { metadata: { name: 1 as never } }, 'TypeError', /metadata.*"name"/u],
    ['too much metadata', { metadata: { name: 'x'.repeat(2_000) } }, 'RangeError', /metadata.*1024/u],
    ['an empty folder name', { dataDir: '' }, 'TypeError', /dataDir/u],
    ['a drift bound of nothing', { driftMsMax: 0 }, 'RangeError', /driftMsMax/u]
  ])('%s', async (_, init, name, message) => {
    await expect(start(init)).rejects.toMatchObject({ name, message: expect.stringMatching(message) })
    expect(existsSync(dataDir)).toBe(false)
  })
})

describe('createNode says what is wrong with', () => {
  test('a folder that is a file', async () => {
    writeFileSync(dataDir, 'a file')
    await expect(start()).rejects.toMatchObject({
      name: 'DataFolderError',
      message: expect.stringContaining(dataDir)
    })
  })

  test('a folder that another node has, and names the owner', async () => {
    await start()
    await expect(start()).rejects.toMatchObject({
      name: 'StoreLockedError',
      message: expect.stringContaining(String(process.pid))
    })
  })

  test('an identity that is no key, and leaves it as it is', async () => {
    const first = await start()
    await first.stop()
    writeFileSync(join(dataDir, 'identity'), 'not a key')
    await expect(start()).rejects.toMatchObject({ name: 'IdentityDamagedError' })
    // The store was let go again.
    writeFileSync(join(dataDir, 'identity'), 'still not a key')
    await expect(start()).rejects.toMatchObject({ name: 'IdentityDamagedError' })
  })

  test('a port that is taken, and lets go of the folder', async () => {
    const socket = createSocket('udp4')
    await new Promise<void>(resolve => {
      socket.bind(0, '127.0.0.1', resolve)
    })
    const listen = [`/ip4/127.0.0.1/udp/${socket.address().port}/quic-v1`]
    try {
      await expect(start({ listen })).rejects.toMatchObject({ name: 'ListenError', addresses: listen })
    } finally {
      socket.close()
    }
    const node = await start()
    expect(node.addresses()).toEqual([])
  })
})

describe('a map says what is wrong with', () => {
  test('keys and values, before anything is written', async () => {
    const map = await (await start()).map<unknown>('m')
    const bad: [unknown, unknown][] = [
      [7, 1],
      ['', 1],
      ['x'.repeat(1025), 1],
      ['k', () => 1],
      ['k', 'v'.repeat(70_000)],
      ['\uD800', 1]
    ]
    for (const [key, value] of bad) {
      await expect(map.set(key as string, value)).rejects.toMatchObject({
        name: expect.stringMatching(/^(TypeError|RangeError|UnencodableValueError|ValueTooLargeError)$/u)
      })
    }
    expect(map.size).toBe(0)
    expect(map.stats().replica.batches).toBe(0)
  })

  test('other options under an open name', async () => {
    const node = await start()
    const map = await node.map('m')
    expect(await node.map('m')).toBe(map)
    await expect(node.map('m', { durability: 'memory' })).rejects.toMatchObject({
      name: 'MapOptionsMismatchError'
    })
  })

  test('a node that was stopped', async () => {
    const node = await start()
    expect(await node.stop()).toEqual([])
    await expect(node.map('m')).rejects.toMatchObject({ name: 'NodeStoppedError' })
  })
})

test('a map that was closed can be opened again, with its content', async () => {
  const node = await start()
  const map = await node.map('m')
  await map.set('k', 1)
  await map.close()
  const again = await node.map('m', { durability: 'sync' })
  expect(again).not.toBe(map)
  expect(again.get('k')).toBe(1)
})

test('MAP-D13: whatever a map is called, its name is no path and no property', async () => {
  const names = ['../../outside', '/tmp/outside', '.', 'a/b', 'a\u0000b', '__proto__', 'CON']
  const node = await start()
  for (const name of names) await (await node.map<string>(name)).set('k', name)
  await node.stop()
  expect(readdirSync(folder)).toEqual(['data'])
  expect(readdirSync(dataDir, { recursive: true }).filter(file => String(file).includes('outside'))).toEqual(
    []
  )
  const again = await start()
  for (const name of names) expect((await again.map<string>(name)).get('k')).toBe(name)
})

test('the identity stays, is private, and is all there is beside the store', async () => {
  const first = await start()
  await first.stop()
  const second = await start()
  expect(second.id).toBe(first.id)
  expect(readdirSync(dataDir)).toEqual(expect.arrayContaining(['identity', 'store']))
})
