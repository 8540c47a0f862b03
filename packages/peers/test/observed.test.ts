import { expect, test } from 'vitest'
import { RecordedLogger } from '../../../tooling/vitest/recorded-logger.ts'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { newNet } from './fake-world.ts'

test('figures are those of the sessions, and lines tell of every session, failure and silence', async () => {
  const net = newNet()
  const [metrics, logger] = [new RecordedMetrics(), new RecordedLogger()]
  net.observers = { metrics, logger }
  const a = await net.add()
  net.observers = {}
  const b = await net.add()
  const stranger = await net.add({ cluster: { name: 'test', secrets: ['another secret of enough bytes'] } })
  a.want(b)
  await net.time.advance(500)
  stranger.want(a, 'once')
  await net.time.advance(500)
  expect(metrics.collect()).toMatchObject({
    starling_peers_sessions: 1,
    starling_peers_connections: 1,
    starling_peers_sessions_up_total: 1,
    starling_peers_failures_total: { AdmissionError: 1 }
  })
  for (const connection of b.connections) connection.mute = true
  await net.time.advance(3_000)
  for (const connection of b.connections) connection.mute = false
  await net.time.advance(3_000)
  for (const connection of [...b.connections]) connection.abort(new Error('fault'))
  await net.time.advance(10)
  const [peer, other] = [b.peers.self, stranger.peers.self]
  const lines = logger.lines.map(line => line.replace(/\d+(\.\d+)? ms/u, 'some ms'))
  expect(lines).toEqual([
    `starling:peers: session with ${peer} is up`,
    `starling:peers: ${other} was turned away - AdmissionError`,
    `starling:peers: ${peer} is silent for some ms`,
    `starling:peers: ${peer} is heard again`,
    `starling:peers: session with ${peer} is down: lost`
  ])
  expect(metrics.collect()).toMatchObject({ starling_peers_suspicions_total: 1, starling_peers_sessions: 0 })
})
