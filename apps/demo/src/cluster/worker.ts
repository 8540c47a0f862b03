// One node of the demo's cluster, in a process of its own. It does what the launcher asks, and ends when the launcher does.
import type { ReplicatedMap, StarlingNode } from '@starling/node'
import { createNode } from '@starling/node'
import { nodeMetrics } from '../api/metrics.ts'
import { serveNode, type NodeServer } from '../api/node-server.ts'
import { TrackedWrites } from './tracked-writes.ts'
import type { Content, Reply, Request, Started, StartOptions, Status } from './worker-protocol.ts'

/** The map all demo nodes share. */
const MAP_NAME = 'demo'

let node: StarlingNode | undefined
let map: ReplicatedMap<unknown> | undefined
let writes: TrackedWrites | undefined
let server: NodeServer | undefined
const revoked = new Set<string>()

process.on('message', (request: Request) => {
  answer(request).then(
    value => send({ type: 'answer', id: request.id, value }),
    (error: unknown) => {
      const { name, message } = error instanceof Error ? error : new Error(String(error))
      send({ type: 'refusal', id: request.id, name, message })
    }
  )
})

// The launcher is gone: nobody is left to ask for a stop.
process.on('disconnect', () => void stop())
// Ctrl-C reaches the whole group; the launcher decides what it means.
process.on('SIGINT', () => {})

async function answer(request: Request): Promise<unknown> {
  switch (request.type) {
    case 'start':
      return await start(request.options)
    case 'set':
      return await started(writes).set(request.key, request.write)
    case 'delete':
      return await started(writes).delete(request.key, request.write)
    case 'status':
      return status()
    case 'content':
      return content()
    case 'revoke':
      revokeOnly(request.peers)
      return undefined
    case 'stop':
      await stop()
      // Nothing else keeps this process alive: it ends by itself once the channel to the launcher is closed.
      setImmediate(() => process.disconnect())
      return undefined
  }
}

async function start(options: StartOptions): Promise<Started> {
  node = await createNode({
    dataDir: options.dataDir,
    listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
    contacts: options.contacts,
    cluster: { name: options.clusterName, secret: options.secret },
    ...(options.served === undefined ? {} : { metadata: { name: options.served }, metrics: nodeMetrics })
  })
  revokeOnly(options.revoked ?? [])
  map = await node.map(MAP_NAME)
  writes = new TrackedWrites(map, send)
  if (options.served !== undefined) {
    server = await serveNode({
      node,
      maps: new Map([[MAP_NAME, writes.served()]]),
      cluster: options.clusterName,
      name: options.served,
      hostname: '127.0.0.1',
      port: 0
    })
  }
  return { id: node.id, addresses: node.addresses(), recoveredKeys: map.size, url: server?.url }
}

async function stop(): Promise<void> {
  await server?.close()
  await node?.stop()
}

function revokeOnly(peers: readonly string[]): void {
  const running = started(node)
  for (const peer of revoked) {
    if (peers.includes(peer)) continue
    running.restore(peer)
    revoked.delete(peer)
  }
  for (const peer of peers) {
    if (revoked.has(peer)) continue
    running.revoke(peer)
    revoked.add(peer)
  }
}

function status(): Status {
  if (node === undefined || map === undefined) return { peers: 0, keys: 0, messages: 0 }
  const { sessions, gossip } = node.inspect()
  return { peers: sessions.sessions, keys: map.size, messages: gossip.framesSent + gossip.framesReceived }
}

function content(): Content {
  const tracked = writes
  if (map === undefined || tracked === undefined) return []
  return [...map.keys()].sort().map(key => [key, tracked.live(key)] as const)
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('The node is not started.')
  return part
}

function send(reply: Reply): void {
  // Without a channel there is nobody to tell.
  if (process.connected) process.send?.(reply, () => {})
}
