import { afterEach, expect } from 'vitest'
import type { FramedChannel, PeersInit } from '../src/index.ts'
import { FakeNet, type FakeNode } from './fake-net.ts'

/** Worlds of the test that is running; after it every one must be empty. */
const nets: FakeNet[] = []

export function newNet(seed?: number): FakeNet {
  const net = new FakeNet(seed)
  nets.push(net)
  return net
}

afterEach(async () => {
  for (const net of nets.splice(0)) {
    await net.stop()
    for (const node of net.nodes) {
      expect([...node.connections]).toEqual([])
      expect(node.listenerCount).toBe(0)
      expect(node.handlers.size).toBe(0)
    }
    // Whatever was in flight between the nodes has landed; no timer of a manager is left.
    await net.time.advance(1_000)
    expect(net.time.pending).toBe(0)
  }
})

export async function pair(
  init: Partial<PeersInit> = {}
): Promise<{ net: FakeNet; a: FakeNode; b: FakeNode }> {
  const net = newNet()
  return { net, a: await net.add(init), b: await net.add(init) }
}

export function mute(...nodes: FakeNode[]): void {
  for (const node of nodes) for (const connection of node.connections) connection.mute = true
}

export async function opened(net: FakeNet, node: FakeNode, tag: string): Promise<FramedChannel> {
  const opening = node.peers.sessions()[0]?.openChannel(tag)
  await net.time.advance(200)
  if (opening === undefined) throw new Error('no session')
  return opening
}

export async function drainAll(
  channel: AsyncIterable<Uint8Array> & { end(): Promise<void> },
  into: number[] = []
): Promise<void> {
  try {
    for await (const bytes of channel) into.push(bytes.length)
    await channel.end()
  } catch {
    into.push(-1)
  }
}
