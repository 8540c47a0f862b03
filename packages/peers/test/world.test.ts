import { seededRandom } from '@starling/ports'
import { describe, expect, test } from 'vitest'
import type { Intent } from '../src/index.ts'
import { FakeNet, type FakeNode } from './fake-net.ts'
import { runs } from './runs.ts'

const NODES = 5
const TURNS = 60

/** Histories that are healed, and more when FC_RUNS asks for them; each takes some hundred ms. */
const WORLDS = 10

interface World {
  readonly net: FakeNet
  readonly nodes: FakeNode[]
  readonly intents: { intent: Intent; at: FakeNode; to: FakeNode; continuous: boolean }[]
  readonly trace: string[]
}

/** Five nodes, a few minutes of wishes, losses, silences, stalls, restarts and revocations drawn from one seed. */
async function run(seed: number): Promise<World> {
  const net = new FakeNet(seed)
  const random = seededRandom(`world ${seed}`)
  const world: World = { net, nodes: [], intents: [], trace: [] }
  for (let n = 0; n < NODES; n++) world.nodes.push(await net.add())
  for (const node of world.nodes) listen(world, node)
  net.dialMs = () => random.below(80)
  net.onConnection = connection => {
    connection.delayMs = () => 20
  }
  for (let turn = 0; turn < TURNS; turn++) {
    const [one, other] = [world.nodes[random.below(NODES)], world.nodes[random.below(NODES)]]
    if (one === undefined || other === undefined || one === other) continue
    act(world, random.below(10), one, other)
    await net.time.advance(random.below(5_000))
    for (const node of world.nodes) {
      const peers = node.peers.sessions().map(session => session.peer)
      expect(peers.length).toBe(new Set(peers).size)
    }
  }
  return world
}

function listen({ net, nodes, trace }: World, node: FakeNode): void {
  const number = (peer: string): number => nodes.findIndex(each => each.peers.self === peer)
  const note = (what: string): void => void trace.push(`${net.time.nowMs} ${nodes.indexOf(node)} ${what}`)
  node.peers.onSession(event => {
    const peer = event.type === 'failed' ? event.peer : event.session.peer
    note(`${event.type} ${number(peer)} ${event.type === 'up' ? '' : event.reason}`)
  })
  node.peers.onPeer(event => note(event.type))
}

function act({ net, intents }: World, kind: number, one: FakeNode, other: FakeNode): void {
  const [connection] = one.connections
  switch (kind) {
    case 0:
      return connection?.abort(new Error('fault'))
    case 1:
      if (connection !== undefined) connection.mute = true
      return
    case 2:
      return one.peers.revoke(other.peers.self)
    case 3:
      return one.peers.restore(other.peers.self)
    case 4:
      return intents.find(({ at, to }) => at === one && to === other)?.intent.release()
    case 5:
      return net.time.freeze(7_000)
    case 6:
      return void one.peers.stop().then(() => one.peers.start())
    default: {
      const continuous = kind !== 9
      const intent = one.want(other, continuous ? 'continuous' : 'once')
      intents.push({ intent, at: one, to: other, continuous })
    }
  }
}

/** The faults are over: who wants whom is in session with it on one connection, and everybody else on at most one. */
async function healed({ net, nodes, intents }: World, seed: number): Promise<void> {
  for (const one of nodes) for (const other of nodes) one.peers.restore(other.peers.self)
  // What a stop took away is wished for again, once the last stop is over.
  await net.time.advance(6_000)
  const lasting = intents.filter(({ continuous }) => continuous)
  for (const { at, to } of lasting.slice(0, 4)) at.want(to)
  await net.time.advance(130_000)
  const wanted = [...lasting.slice(0, 4)]
  for (const each of lasting) if (each.intent.session !== undefined) wanted.push(each)
  for (const { at, to } of wanted) {
    expect(
      at.peers.sessions().map(({ peer }) => peer),
      `seed ${seed}`
    ).toContain(to.peers.self)
    expect(to.peers.sessions().map(({ peer }) => peer)).toContain(at.peers.self)
  }
  for (const { intent, continuous } of intents) {
    const over = await Promise.race([intent.ended, Promise.resolve(undefined)])
    if (over === undefined && (continuous || intent.session === undefined))
      expect(intent.session).toBeDefined()
  }
  for (const node of nodes) {
    const remotes = [...node.connections].map(connection => connection.remotePeer.toString())
    expect(remotes.length, `seed ${seed}`).toBe(new Set(remotes).size)
    expect(remotes.toSorted()).toEqual(
      node.peers
        .sessions()
        .map(({ peer }) => peer)
        .toSorted()
    )
  }
}

async function ended({ net, nodes, intents }: World): Promise<void> {
  await net.stop()
  for (const node of nodes) expect([...node.connections]).toEqual([])
  await Promise.all(intents.map(({ intent }) => intent.ended))
  expect(net.time.pending).toBe(0)
}

describe('a world of managers under injected time and randomness', () => {
  test('one seed gives one history, to the millisecond, another seed another', async () => {
    const histories: string[] = []
    for (let seed = 1; seed <= 6; seed++) {
      const [first, second] = [await run(seed), await run(seed)]
      expect(second.trace).toEqual(first.trace)
      expect(first.trace.length).toBeGreaterThan(15)
      histories.push(first.trace.join('\n'))
      for (const world of [first, second]) await ended(world)
    }
    expect(new Set(histories).size).toBe(histories.length)
  })

  test('after any such history every lasting wish is met on one connection, and a stop leaves nothing', async () => {
    const { numRuns } = runs(WORLDS)
    for (let seed = 100; seed < 100 + numRuns; seed++) {
      const world = await run(seed)
      await healed(world, seed)
      await ended(world)
    }
  }, 600_000)
})
