import type { GossipSwarm, SwarmInit } from './gossip-contender.ts'
import { startMemoryHost, type MemoryHost, type RawStream } from './memory-host.ts'

const PROTOCOL = '/starling/bench/tree/1'
/** Links of a node in the tree: one towards the root, the others away from it. */
const DEGREE = 5

interface Member {
  readonly host: MemoryHost
  readonly streams: RawStream[]
}

/**
 * The least code that does the work: a tree that somebody has drawn, in which each node passes on what it gets. Nobody joins,
 * leaves or repairs anything, a lost payload is lost, and the length of the payloads is known.
 *
 * @param payloadBytes length of each payload.
 */
export async function startFloorTree(
  { nodes, latencyMs }: SwarmInit,
  payloadBytes: number
): Promise<GossipSwarm> {
  const totals = { copies: 0, bytes: 0 }
  const listeners: ((node: number, payload: Uint8Array) => void)[] = []
  const members: Member[] = []
  const pass = (node: number, payload: Uint8Array, from: RawStream | undefined): void => {
    for (const stream of members[node]?.streams ?? []) {
      if (stream === from) continue
      stream.send(payload)
      totals.copies++
      totals.bytes += payload.length
    }
  }
  const adopt = (node: number, stream: RawStream): void => {
    members[node]?.streams.push(stream)
    let rest = new Uint8Array(0)
    stream.addEventListener('message', ({ data }) => {
      rest = joined(rest, data.subarray())
      for (; rest.length >= payloadBytes; rest = rest.subarray(payloadBytes)) {
        const payload = rest.slice(0, payloadBytes)
        for (const listener of listeners) listener(node, payload)
        pass(node, payload, stream)
      }
    })
  }
  for (let node = 0; node < nodes; node++) {
    const host = await startMemoryHost(latencyMs, {})
    await host.handle(PROTOCOL, stream => adopt(node, stream), { maxInboundStreams: DEGREE })
    members.push({ host, streams: [] })
    if (node === 0) continue
    const parent = members[Math.floor((node - 1) / (DEGREE - 1))] as Member
    const connection = await host.dial(parent.host.getMultiaddrs())
    adopt(node, await connection.newStream(PROTOCOL, {}))
  }
  return {
    size: nodes,
    broadcast: (node, payload) => pass(node, payload, undefined),
    onDelivery: listener => void listeners.push(listener),
    totals: () => ({ ...totals }),
    async stop() {
      await Promise.all(members.map(({ host }) => host.stop()))
    }
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}
