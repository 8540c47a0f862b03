import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createNode, type NodeInit, type PeerEvent, type StarlingNode } from '../src/index.ts'
import { eventually } from './node-process.ts'

// Goal: who is found where, who is in, and who is told.

const cluster = { name: 'test', secret: 'a secret of some length' }
const nodes: StarlingNode[] = []
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-node-'))
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(init: Partial<NodeInit> = {}): Promise<StarlingNode> {
  const node = await createNode({
    dataDir: join(folder, String(nodes.length)),
    listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
    cluster,
    ...init
  })
  nodes.push(node)
  return node
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

/** Waits until the node is in session with so many peers, and says with whom. */
async function inSession(node: StarlingNode, count: number): Promise<string[]> {
  const peers = await eventually(
    () => Promise.resolve(node.peers().filter(({ status }) => status === 'connected')),
    found => found.length === count
  )
  return peers.map(({ peer }) => peer)
}

describe('a node', () => {
  test('is found by name, and known to others by what it announces', async () => {
    const port = await freeUdpPort()
    const announced = `/dns4/localhost/udp/${port}/quic-v1`
    const a = await start({ listen: [`/ip4/127.0.0.1/udp/${port}/quic-v1`], announce: [announced] })
    expect(a.addresses()).toEqual([`${announced}/p2p/${a.id}`])
    await a.map('m')
    const b = await start({ contacts: a.addresses() })
    await b.map('m')
    expect(await inSession(b, 1)).toEqual([a.id])
    // It knows the other one only, is told by it where the first one is, and cannot be dialled itself.
    const c = await start({ contacts: b.addresses(), listen: [] })
    const map = await c.map<number>('m')
    await eventually(
      () => Promise.resolve(c.peers()),
      peers => peers.some(({ peer, status }) => peer === a.id && status === 'connected')
    )
    const known = c.peers().find(({ peer }) => peer === a.id)
    expect(known?.addresses.some(address => address.startsWith(announced))).toBe(true)
    await map.set('k', 1)
    expect(
      await eventually(
        async () => (await a.map<number>('m')).get('k'),
        value => value === 1
      )
    ).toBe(1)
  })

  test('does not take another peer at the contact’s address for the contact', async () => {
    const a = await start()
    await a.map('m')
    const other = '12D3KooWGC9LnUyrD9Rc5ZmBsyCSbqkMPVmFJJbrvnqN3bpV4TbZ'
    const b = await start({ contacts: a.addresses().map(address => address.replace(a.id, other)) })
    await b.map('m')
    const failed = await eventually(
      () => Promise.resolve(b.inspect().sessions),
      ({ dialsFailed }) => dialsFailed > 0
    )
    expect(failed.sessionsUp).toBe(0)
    // The contact's end may hear last that nothing came of the connection.
    await eventually(
      () => Promise.resolve(a.peers()),
      peers => peers.length === 0
    )
    expect(a.inspect().sessions.sessionsUp).toBe(0)
  })

  test('stops while it dials an address that never answers', async () => {
    const silent = createSocket('udp4')
    silent.bind(0, '127.0.0.1')
    await once(silent, 'listening')
    const dialled = once(silent, 'message')
    const contact = `/ip4/127.0.0.1/udp/${silent.address().port}/quic-v1`
    const a = await start({
      contacts: [`${contact}/p2p/12D3KooWGC9LnUyrD9Rc5ZmBsyCSbqkMPVmFJJbrvnqN3bpV4TbZ`]
    })
    await a.map('m')
    await dialled
    expect(await a.stop()).toEqual([])
    silent.close()
  })

  test('tells who joins and who leaves, to listeners and to readers', async () => {
    const a = await start()
    const events: PeerEvent['type'][] = []
    const stop = a.onPeer(({ type }) => events.push(type))
    const reader = a.peerEvents()[Symbol.asyncIterator]()
    await a.map('m')
    const b = await start({ contacts: a.addresses() })
    await b.map('m')
    expect((await reader.next()).value).toMatchObject({ type: 'peer:join', peer: b.id })
    expect(a.peers()).toMatchObject([
      { peer: b.id, status: 'connected', session: { channels: expect.any(Number) } }
    ])
    await b.stop()
    expect((await reader.next()).value).toEqual({ type: 'peer:leave', peer: b.id, reason: 'goodbye' })
    stop()
    await a.stop()
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    expect(events).toEqual(['peer:join', 'peer:leave'])
  })

  test('takes a peer off its list, and takes it back', async () => {
    const a = await start()
    const b = await start({ contacts: a.addresses() })
    const [mapA, mapB] = await Promise.all([a.map<number>('m'), b.map<number>('m')])
    await inSession(a, 1)
    a.setAllowed([])
    expect(await inSession(a, 0)).toEqual([])
    await mapB.set('k', 1)
    expect(mapA.get('k')).toBeUndefined()
    a.setAllowed([b.id])
    expect(await inSession(a, 1)).toEqual([b.id])
    a.setAllowed(undefined)
    await eventually(
      () => Promise.resolve(mapA.get('k')),
      value => value === 1
    )
  })

  test('refuses rules that are none, and keeps those it has', async () => {
    const a = await start()
    const b = await start({ contacts: a.addresses() })
    await Promise.all([a.map('m'), b.map('m')])
    await inSession(a, 1)
    const wrong: [() => void, string, RegExp][] = [
      [() => a.revoke('nobody'), 'TypeError', /revoke: "nobody" is not a peer id/u],
      [() => a.restore('nobody'), 'TypeError', /restore: "nobody" is not a peer id/u],
      [() => a.setAllowed('everybody' as never), 'TypeError', /setAllowed takes a list/u],
      [() => a.setAllowed(['nobody']), 'TypeError', /setAllowed: "nobody" is not a peer id/u],
      [() => a.setSecrets([]), 'TypeError', /secret/u],
      [() => a.setSecrets('short'), 'RangeError', /setSecrets needs at least 16 bytes, got 5/u],
      [() => a.setSecrets(7 as never), 'TypeError', /setSecrets takes text, bytes or a list/u],
      [() => a.setSecrets([7] as never), 'TypeError', /setSecrets takes text or bytes, got number/u]
    ]
    for (const [call, name, message] of wrong) {
      expect(call).toThrow(expect.objectContaining({ name, message: expect.stringMatching(message) }))
    }
    expect(await inSession(a, 1)).toEqual([b.id])
  })

  test('says that its file of saved peers is damaged, and starts', async () => {
    const first = await start({ dataDir: join(folder, 'own') })
    await first.stop()
    writeFileSync(join(folder, 'own', 'peers'), 'damaged')
    const warnings: Error[] = []
    const again = await start({ dataDir: join(folder, 'own'), onWarning: warning => warnings.push(warning) })
    expect(again.id).toBe(first.id)
    expect(warnings).toMatchObject([{ name: 'SavedPeersError', file: join(folder, 'own', 'peers') }])
  })
})
