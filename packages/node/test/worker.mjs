// A node in a process of its own, for the end-to-end tests: it runs the build and does what the test asks over IPC.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNode } from '../dist/index.js'
import { answerCalls } from './answer-calls.mjs'

let node
let map
let dataDir
const peerEvents = []
const warnings = []

const methods = {
  async start(options) {
    await methods.create(options)
    await methods.open()
    return { id: node.id, addresses: node.addresses(), size: map.size }
  },
  /** Listens, and dials nobody yet. */
  async create(options) {
    dataDir = options.dataDir
    node = await createNode({
      listen: ['/ip4/127.0.0.1/udp/0/quic-v1'],
      onWarning: warning => warnings.push({ name: warning.name, message: warning.message }),
      ...options
    })
    node.onPeer(({ type, peer, reason }) => peerEvents.push({ type, peer, reason }))
    return { id: node.id, addresses: node.addresses() }
  },
  async open() {
    map = await node.map('test')
  },
  /** Nothing runs in this process for so long but the threads of native code. */
  block: ms => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  neighbors: () => node.inspect().maps.flatMap(each => each.neighbors),
  peerEvents: () => peerEvents,
  warnings: () => warnings,
  savedPeers: () => readFile(join(dataDir, 'peers'), 'utf8').catch(() => ''),
  peers: () => node.peers().map(({ peer, status }) => ({ peer, status })),
  revoke: peer => node.revoke(peer),
  restore: peer => node.restore(peer),
  setSecrets: secrets => node.setSecrets(secrets),
  set: async (key, value) => void (await map.set(key, value)),
  delete: async key => await map.delete(key),
  get: key => map.get(key),
  size: () => map.size,
  content: () =>
    [...map.keys()].sort().map(key => [
      key,
      map
        .conflicts(key)
        .map(({ value }) => JSON.stringify(value))
        .sort()
    ]),
  inspect() {
    const { peers, sessions, streams, maps } = node.inspect()
    return {
      sessions: sessions.sessions,
      connections: sessions.connections,
      failuresByError: sessions.failuresByError,
      errors: peers.map(peer => peer.lastError?.name),
      streams: streams.streams,
      neighbors: maps.flatMap(each => each.neighbors)
    }
  },
  async stop() {
    const abandoned = await node.stop()
    // From here on only the channel to the test keeps this process alive.
    setImmediate(() => process.disconnect())
    return abandoned.map(({ name }) => name)
  }
}

answerCalls(methods)
process.on('disconnect', () => void node?.stop())
