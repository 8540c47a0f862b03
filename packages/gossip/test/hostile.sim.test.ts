import { createHmac } from 'node:crypto'
import { encodeMessage } from '@starling/hyparview'
import { expect, test } from 'vitest'
import { decodeBatch, encodeBatch, encodeFrame } from '../src/frames.ts'
import type { TopicReceiver } from '../src/links.ts'
import { topicToken } from '../src/topic-token.ts'
import type { FakeChannel } from './fake-channel.ts'
import { Swarm } from './fake-sessions.ts'

const hmac = (secret: Uint8Array, bytes: Uint8Array) =>
  new Uint8Array(createHmac('sha256', secret).update(bytes).digest())

/** Two honest nodes that are neighbours, and a channel of a hostile third to the first. */
async function attacked(): Promise<{ swarm: Swarm; received: string[]; channel: FakeChannel }> {
  const swarm = new Swarm()
  const received: string[] = []
  const topics = ['a', 'b'].map(key => swarm.join(key, 'secret', ['a']))
  topics[0]?.onMessage(payload => received.push(String(payload[0])))
  swarm.add('evil')
  swarm.connect('evil', 'a')
  await swarm.pass(1_000)
  // Its own gossip is stopped: what comes from it now is made by hand.
  const stopped = swarm.node('evil').gossip.stop()
  await swarm.pass(1_500)
  await stopped
  let channel: FakeChannel | undefined
  void swarm.channel('evil', 'a').then(opened => (channel = opened))
  await swarm.pass(100)
  if (channel === undefined) throw new Error('no channel')
  return { swarm, received, channel }
}

/** A payload of the other honest node still arrives. */
async function honestTraffic(swarm: Swarm, received: readonly string[]): Promise<void> {
  const before = received.length
  swarm.topic('b', 'secret').broadcast(new Uint8Array([7]))
  await swarm.pass(2_000)
  expect(received.length).toBe(before + 1)
}

test('bad frames are counted one by one, and the good frames beside them still count', async () => {
  const { swarm, received, channel } = await attacked()
  const token = topicToken(hmac, 'secret', 'evil', 'a')
  const good = encodeFrame({ type: 'bind', handle: 0, token })
  const noMessage = encodeFrame({ type: 'tree', handle: 0, body: new Uint8Array([99, 1, 2]) })
  channel.send(encodeBatch([new Uint8Array([250]), good, new Uint8Array([1, 5]), noMessage]))
  channel.send(new Uint8Array([200, 200, 200]))
  await swarm.pass(100)
  const stats = swarm.node('a').gossip.stats()
  expect(stats.malformed).toBe(3)
  expect(swarm.topic('a', 'secret').stats().malformed).toBe(1)
  await honestTraffic(swarm, received)
})

test('a peer that goes on sending bad frames is shut out, also when it opens another channel', async () => {
  const { swarm, received, channel } = await attacked()
  for (let i = 0; i < 20; i++)
    channel.send(encodeBatch(Array.from({ length: 10 }, () => new Uint8Array([250]))))
  await swarm.pass(100)
  expect(channel.over).toBe(true)
  expect(swarm.node('a').gossip.stats()).toMatchObject({ offendersClosed: 1, malformed: 101 })
  let second: FakeChannel | undefined
  void swarm.channel('evil', 'a').then(opened => (second = opened))
  await swarm.pass(100)
  expect(second?.over).toBe(true)
  await honestTraffic(swarm, received)
})

test('joins over the budget are answered and are no offence, a flood of them is one', async () => {
  const { swarm, received, channel } = await attacked()
  const bind = encodeFrame({ type: 'bind', handle: 0, token: topicToken(hmac, 'secret', 'evil', 'a') })
  const join = (requestId: number) => {
    const body = encodeMessage({ type: 'join', requestId, data: new Uint8Array(0) })
    return encodeFrame({ type: 'overlay', handle: 0, body })
  }
  channel.send(encodeBatch([bind, ...Array.from({ length: 200 }, (_, i) => join(i))]))
  await swarm.pass(500)
  expect(swarm.topic('a', 'secret').stats().refused).toBeGreaterThan(150)
  expect(swarm.node('a').gossip.stats()).toMatchObject({ offendersClosed: 0, malformed: 0 })
  for (let i = 0; i < 50 && !channel.over; i++) {
    channel.send(encodeBatch(Array.from({ length: 100 }, (_, at) => join(1_000 + 100 * i + at))))
    await swarm.pass(20)
  }
  expect(channel.over).toBe(true)
  expect(swarm.node('a').gossip.stats().offendersClosed).toBe(1)
  await honestTraffic(swarm, received)
})

test('a token cannot be sent back to pretend that one holds the topic', async () => {
  const { swarm, channel } = await attacked()
  const before = swarm.node('a').gossip.stats().unknownTopics
  channel.send(
    encodeBatch([
      encodeFrame({ type: 'bind', handle: 0, token: topicToken(hmac, 'secret', 'a', 'evil') }),
      encodeFrame({ type: 'overlay', handle: 0, body: new Uint8Array([1]) })
    ])
  )
  await swarm.pass(100)
  expect(swarm.node('a').gossip.stats().unknownTopics).toBe(before + 1)
})

test('an answer that this node is a stranger ends a link, but not one that is younger than the answer may be', async () => {
  const swarm = new Swarm()
  swarm.join('a', 'secret', [])
  swarm.join('b', 'secret', ['a'])
  const topic = swarm.topic('a', 'secret') as unknown as TopicReceiver
  for (let i = 0; i < 50 && swarm.topic('a', 'secret').neighbors().length === 0; i++) await swarm.pass(20)
  const downs: string[] = []
  swarm.topic('a', 'secret').onNeighbor(({ type, peer }) => downs.push(`${type} ${peer}`))
  topic.refused('b', 'stranger')
  await swarm.pass(4_000)
  expect(downs).toEqual([])
  await swarm.pass(2_000)
  topic.refused('b', 'stranger')
  expect(downs).toEqual(['down b'])
})

test('handles, frames without a topic and stray answers cost nothing', async () => {
  const { swarm, received, channel } = await attacked()
  for (let handle = 0; handle < 2_000 && !channel.over; handle++) {
    const token = new Uint8Array(16).fill(handle)
    channel.send(encodeBatch([encodeFrame({ type: 'bind', handle, token })]))
    if (handle % 100 === 0) await swarm.pass(5)
  }
  await swarm.pass(100)
  // Beyond the limit of handles each further one is a bad frame.
  expect(swarm.node('a').gossip.stats().offendersClosed).toBe(1)
  await honestTraffic(swarm, received)
})

test('a neighbour that floods, grafts and prunes as it likes does not keep payloads from the others', async () => {
  const { swarm, received, channel } = await attacked()
  const token = topicToken(hmac, 'secret', 'evil', 'a')
  const tree = (body: number[]) => encodeFrame({ type: 'tree', handle: 0, body: new Uint8Array(body) })
  const graft = tree([3, 1, 0])
  const prune = tree([4])
  channel.send(encodeBatch([encodeFrame({ type: 'bind', handle: 0, token })]))
  for (let i = 0; i < 200; i++) channel.send(encodeBatch([graft, prune]))
  await swarm.pass(100)
  const stats = swarm.topic('a', 'secret').stats()
  expect(stats.tree.strangers).toBeGreaterThanOrEqual(400)
  expect(stats.neighbors).toBe(1)
  // Each is told that there is no link, so that an honest one would end it on its side too.
  const answers = channel.received.flatMap(decodeBatch).filter(frame => frame?.type === 'stranger')
  expect(answers).toHaveLength(400)
  await honestTraffic(swarm, received)
})

test('naming topics that nobody holds costs one HMAC for each open topic, however often it is done', async () => {
  const { swarm, received, channel } = await attacked()
  for (let i = 0; i < 50; i++) swarm.join('a', `topic ${i}`, [])
  await swarm.pass(100)
  const before = swarm.hmacs
  for (let i = 0; i < 200; i++) {
    const bind = encodeFrame({ type: 'bind', handle: i, token: new Uint8Array(16).fill(i) })
    channel.send(encodeBatch([bind]))
  }
  await swarm.pass(500)
  expect(swarm.hmacs - before).toBeLessThanOrEqual(51)
  await honestTraffic(swarm, received)
})
