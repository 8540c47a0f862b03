import { expect, test } from 'vitest'
import { RecordedLogger } from '../../../tooling/vitest/recorded-logger.ts'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { throwingObservers } from '../../../tooling/vitest/throwing-observers.ts'
import { Swarm } from './fake-sessions.ts'

test('figures are those of the topics, and lines tell of neighbours and of what was closed', async () => {
  const swarm = new Swarm(1, { strikesMax: 2 })
  const [metrics, logger] = [new RecordedMetrics(), new RecordedLogger()]
  swarm.observers = { metrics, logger }
  const topic = swarm.join('n0', 'flags', [])
  swarm.observers = {}
  for (const key of ['n1', 'n2', 'n3']) swarm.join(key, 'flags', ['n0'])
  await swarm.pass(5_000)
  topic.broadcast(new Uint8Array(10))
  swarm.topic('n2', 'flags').broadcast(new Uint8Array(10))
  await swarm.pass(5_000)
  const { tree, passive } = topic.stats()
  const stats = swarm.node('n0').gossip.stats()
  expect(metrics.collect()).toMatchObject({
    starling_gossip_topics: 1,
    starling_gossip_links: { eager: tree.eager, lazy: tree.lazy },
    starling_gossip_passive_peers: passive,
    starling_gossip_isolated_topics: 0,
    starling_gossip_broadcasts_total: 1,
    starling_gossip_delivered_total: 1,
    starling_gossip_frames_total: { sent: stats.framesSent, received: stats.framesReceived },
    starling_gossip_malformed_total: 0
  })
  expect(logger.lines).toContain('starling:gossip: flags: n1 is a neighbour')
  swarm.node('n0').gossip.onBroadcast(() => {
    throw new TypeError('defect')
  })
  topic.broadcast(new Uint8Array(10))
  for (const session of swarm.node('n1').sessions.values()) {
    for (const channel of session.channels) {
      for (let i = 0; i < 5; i++) channel.send(Uint8Array.of(1, 99))
    }
  }
  await swarm.pass(1_000)
  expect(logger.lines).toContain('starling:gossip error: a broadcast listener threw - TypeError')
  expect(logger.lines).toContain('starling:gossip: the channel of n1 was closed: it sent too many bad frames')
  expect(
    logger.lines.some(line => line.startsWith('starling:gossip: flags: n1 is no neighbour any more'))
  ).toBe(true)
  expect(metrics.collect()).toMatchObject({
    starling_gossip_offenders_total: 1,
    starling_gossip_listeners_failed_total: 1
  })
})

test('a logger and metrics that throw keep no topic from its neighbours, its messages and its end', async () => {
  const swarm = new Swarm(1, { strikesMax: 2 })
  const { metrics, logger, calls } = throwingObservers()
  swarm.observers = { metrics, logger }
  const topic = swarm.join('n0', 'flags', [])
  swarm.observers = {}
  for (const key of ['n1', 'n2', 'n3']) swarm.join(key, 'flags', ['n0'])
  await swarm.pass(5_000)
  expect(topic.neighbors()).toHaveLength(3)
  const heard: string[] = []
  topic.onMessage((_, from) => heard.push(from))
  swarm.topic('n2', 'flags').broadcast(new Uint8Array(10))
  await swarm.pass(5_000)
  expect(heard).toHaveLength(1)
  for (const session of swarm.node('n1').sessions.values()) {
    for (const channel of session.channels) {
      for (let i = 0; i < 5; i++) channel.send(Uint8Array.of(1, 99))
    }
  }
  await swarm.pass(1_000)
  expect(topic.neighbors()).not.toContain('n1')
  expect(new Set(calls)).toEqual(new Set(['log']))
})
