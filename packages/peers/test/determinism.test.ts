import { describe, expect, test } from 'vitest'
import { seededRandom } from '@starling/ports'
import type { Intent } from '../src/index.ts'
import { FakeNet, type FakeNode } from './fake-net.ts'

/** Five nodes, a few minutes of wishes, losses, silences, and revocations drawn from one seed, and all that was seen. */
async function run(seed: number): Promise<string[]> {
  const net = new FakeNet(seed)
  const random = seededRandom(`world ${seed}`)
  const trace: string[] = []
  const nodes: FakeNode[] = []
  for (let n = 0; n < 5; n++) nodes.push(await net.add())
  const number = (peer: string): number => nodes.findIndex(node => node.peers.self === peer)
  for (const [n, node] of nodes.entries()) {
    const note = (what: string): void =>
      void trace.push(`${Math.round(net.time.nowMs * 1e6) / 1e6} ${n} ${what}`)
    node.peers.onSession(event => {
      const peer = event.type === 'failed' ? event.peer : event.session.peer
      note(`${event.type} ${number(peer)} ${event.type === 'up' ? '' : event.reason}`)
    })
    node.peers.onPeer(event => note(event.type))
  }
  net.dialMs = () => random.below(80)
  net.onConnection = connection => {
    connection.delayMs = () => 20
  }
  const intents: Intent[] = []
  for (let turn = 0; turn < 60; turn++) {
    const one = nodes[random.below(5)]
    const other = nodes[random.below(5)]
    if (one === undefined || other === undefined || one === other) continue
    const [connection] = one.connections
    switch (random.below(6)) {
      case 0:
        connection?.abort(new Error('fault'))
        break
      case 1:
        if (connection !== undefined) connection.mute = true
        break
      case 2:
        one.peers.revoke(other.peers.self)
        break
      case 3:
        one.peers.restore(other.peers.self)
        break
      case 4:
        intents[random.below(Math.max(1, intents.length))]?.release()
        break
      default:
        intents.push(one.want(other, random.below(2) === 0 ? 'once' : 'continuous'))
    }
    await net.time.advance(random.below(5_000))
    for (const node of nodes) {
      const peers = node.peers.sessions().map(session => session.peer)
      expect(peers.length).toBe(new Set(peers).size)
    }
  }
  for (const dial of net.dials) trace.push(`dial ${dial.atMs} ${dial.address}`)
  await net.stop()
  for (const node of nodes) expect([...node.connections]).toEqual([])
  return trace
}

describe('the manager under injected time and randomness', () => {
  test('one seed gives one history, to the millisecond, another seed another', async () => {
    const histories: string[] = []
    for (let seed = 1; seed <= 8; seed++) {
      const first = await run(seed)
      expect(await run(seed)).toEqual(first)
      expect(first.length).toBeGreaterThan(15)
      histories.push(first.join('\n'))
    }
    expect(new Set(histories).size).toBe(histories.length)
  })
})
