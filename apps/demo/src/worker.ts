// One node of the demo's cluster, in a process of its own. It does what the launcher asks, and ends when the launcher does.
import type { ReplicatedMap, StarlingNode } from '@starling/node'
import { createNode } from '@starling/node'
import type { Content, Reply, Request, Started, StartOptions, Status } from './worker-protocol.ts'

/** The map all demo nodes share, and what a value looks like: the name of the write that made it, and some substance. */
const MAP_NAME = 'demo'
interface DemoValue {
  write: string
  note: string
}

let node: StarlingNode | undefined
let map: ReplicatedMap<DemoValue> | undefined
/** Own writes not yet settled, per key: whoever writes next in this process has seen them. */
const inFlight = new Map<string, Set<string>>()

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
process.on('disconnect', () => void node?.stop())
// Ctrl-C reaches the whole group; the launcher decides what it means.
process.on('SIGINT', () => {})

async function answer(request: Request): Promise<unknown> {
  switch (request.type) {
    case 'start':
      return await start(request.options)
    case 'set':
      return await tracked(request.key, request.write, demoMap =>
        demoMap.set(request.key, { write: request.write, note: `written by process ${process.pid}` })
      )
    case 'delete':
      return await tracked(request.key, request.write, demoMap => demoMap.delete(request.key))
    case 'status':
      return status()
    case 'content':
      return content()
    case 'stop':
      await node?.stop()
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
    cluster: { name: options.clusterName, secret: options.secret }
  })
  map = await node.map<DemoValue>(MAP_NAME)
  return { id: node.id, addresses: node.addresses(), recoveredKeys: map.size }
}

/** Says what a write has seen before handing it over: the live values here, and this process's own writes in flight. */
async function tracked(
  key: string,
  write: string,
  hand: (map: ReplicatedMap<DemoValue>) => Promise<unknown>
): Promise<void> {
  if (map === undefined) throw new Error('The node is not started.')
  const own = inFlight.get(key) ?? new Set()
  inFlight.set(key, own)
  send({ type: 'issued', write, seen: [...map.conflicts(key).map(({ value }) => value.write), ...own] })
  own.add(write)
  try {
    await hand(map)
  } finally {
    own.delete(write)
    if (own.size === 0) inFlight.delete(key)
  }
}

function status(): Status {
  if (node === undefined || map === undefined) return { peers: 0, keys: 0, messages: 0 }
  const { sessions, gossip } = node.inspect()
  return { peers: sessions.sessions, keys: map.size, messages: gossip.framesSent + gossip.framesReceived }
}

function content(): Content {
  const demoMap = map
  if (demoMap === undefined) return []
  return [...demoMap.keys()].sort().map(
    key =>
      [
        key,
        demoMap
          .conflicts(key)
          .map(({ value }) => value.write)
          .sort()
      ] as const
  )
}

function send(reply: Reply): void {
  // Without a channel there is nobody to tell.
  if (process.connected) process.send?.(reply, () => {})
}
