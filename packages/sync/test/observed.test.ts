import { expect, test } from 'vitest'
import { RecordedLogger } from '../../../tooling/vitest/recorded-logger.ts'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { throwingObservers } from '../../../tooling/vitest/throwing-observers.ts'
import { FakeNetwork } from './fake-network.ts'
import { closeAll, DONE, protocol, testNode } from './fixtures.ts'

test('rounds are counted by how they ended, timed, and told; a peer that differs lags until it does not', async () => {
  const network = new FakeNetwork()
  const [metrics, logger] = [new RecordedMetrics(), new RecordedLogger()]
  const init = { backoffMsMin: 1_000, backoffMsMax: 1_000 }
  const a = testNode(network, 'a', ['b'], init, { metrics, logger })
  const b = testNode(network, 'b', ['a'], init)
  let round = 0
  const outcomes = [
    { complete: true, entriesSent: 0, entriesReceived: 0 },
    { complete: true, entriesSent: 3, entriesReceived: 1 },
    { complete: false, entriesSent: 0, entriesReceived: 2 }
  ]
  const handle = a.open(
    't',
    protocol(async (_, { progress }) => {
      progress({ toSend: 3, toReceive: 1 })
      await new Promise<void>(resolve => void network.time.schedule(250, resolve))
      const outcome = outcomes[round++]
      if (outcome === undefined) throw new RangeError('defect')
      return outcome
    })
  )
  b.open(
    't',
    protocol(async () => ({ complete: true, entriesSent: 0, entriesReceived: 0 }))
  )
  network.connect('a', 'b')
  await network.time.advance(900)
  expect(metrics.collect()).toMatchObject({ starling_sync_lagging_peers: 0, starling_sync_lag_seconds: 0 })
  for (let i = 0; i < 3; i++) {
    handle.reconcile()
    await network.time.advance(900)
  }
  const figures = metrics.collect()
  expect(figures).toMatchObject({
    starling_sync_topics: 1,
    starling_sync_sessions: 1,
    starling_sync_lagging_peers: 1,
    starling_sync_rounds_total: { equal: 1, different: 1, incomplete: 1, failed: 1 },
    starling_sync_entries_total: { sent: 3, received: 3 }
  })
  expect(figures['starling_sync_lag_seconds']).toBeGreaterThan(0.9)
  const seconds = figures['starling_sync_round_seconds'] as readonly number[]
  expect(seconds).toHaveLength(4)
  for (const each of seconds) expect(each).toBeGreaterThanOrEqual(0.25)
  expect(logger.lines).toContain('starling:sync: t: a round with b failed - RangeError')
  expect(logger.lines).toContain('starling:sync trace: t: a round with b, sent 3, got 1')
  await closeAll(network, a, b)
})

test('a logger, a histogram and a listener that throw end no round, no session and no turn', async () => {
  const network = new FakeNetwork()
  const observers = throwingObservers()
  const a = testNode(network, 'a', ['b'], { backoffMsMin: 1_000, backoffMsMax: 1_000 }, observers)
  const b = testNode(network, 'b', ['a'], { backoffMsMin: 1_000, backoffMsMax: 1_000 })
  let rounds = 0
  const handle = a.open(
    't',
    protocol(async () => {
      if (rounds++ === 1) throw new RangeError('defect')
      return DONE
    })
  )
  handle.onRound(() => {
    throw new Error('a listener')
  })
  b.open(
    't',
    protocol(async () => DONE)
  )
  network.connect('a', 'b')
  await network.time.advance(900)
  for (let i = 0; i < 3; i++) {
    handle.reconcile()
    await network.time.advance(5_000)
  }
  expect([...new Set(observers.calls)].toSorted()).toEqual(['log', 'log.trace', 'observe'])
  expect(handle.peers()).toEqual(['b'])
  expect(handle.sessions()).toMatchObject([{ peer: 'b', state: 'live', failures: 0 }])
  const { roundsRunning, roundsWaiting, roundsCompleted, roundsFailed, listenersFailed } = a.sync.stats()
  expect({ roundsRunning, roundsWaiting, roundsFailed }).toEqual({
    roundsRunning: 0,
    roundsWaiting: 0,
    roundsFailed: 1
  })
  expect(roundsCompleted).toBeGreaterThanOrEqual(3)
  expect(listenersFailed).toBe(roundsCompleted + roundsFailed)
  await closeAll(network, a, b)
})
