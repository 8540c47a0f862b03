import { expect, test } from 'vitest'
import { RecordedLogger } from '../../../tooling/vitest/recorded-logger.ts'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { throwingObservers } from '../../../tooling/vitest/throwing-observers.ts'
import { MemoryLog } from './support/memory-log.ts'
import { openNode, put, remove, settle, watchFate } from './support/world.ts'

test('figures of replicas are by their name, commits are timed, and what happens is told', async () => {
  const [metrics, logger] = [new RecordedMetrics(), new RecordedLogger()]
  const observers = { metrics, logger }
  const a = await openNode({ name: 'a', observers })
  const b = await openNode({ name: 'b', observers })
  await a.replica.commit([put('k', 'v'), put('l', 'v')])
  await a.replica.commit([remove('l')])
  await b.replica.commit([put('m', 'v')])
  expect(metrics.collect()).toMatchObject({
    starling_replica_keys: { a: 1, b: 1 },
    starling_replica_entries: { a: 2, b: 1 },
    starling_replica_evidence: { a: 1, b: 0 },
    starling_replica_local_writes_total: { a: 3, b: 1 },
    starling_replica_poisoned: 0,
    starling_replica_commit_seconds: [0, 0, 0]
  })
  b.broadcast.deliver(Uint8Array.of(255, 255))
  await settle()
  expect(metrics.collect()).toMatchObject({ starling_replica_dropped_total: { malformed: 1 } })
  expect(logger.lines).toEqual([
    'starling:replica: a: 0 keys recovered, 0 rows bad',
    'starling:replica: b: 0 keys recovered, 0 rows bad',
    'starling:replica: b: entries of peer refused: malformed'
  ])
  await a.replica.close()
  expect(metrics.collect()).toMatchObject({
    starling_replica_keys: { a: 0, b: 1 },
    starling_replica_local_writes_total: { a: 3, b: 1 }
  })
  await b.replica.close()
  await settle()
})

test('a logger that throws keeps nobody from an answer when the log fails', async () => {
  const { logger, calls } = throwingObservers()
  const log = new MemoryLog('manual')
  const node = await openNode({ log, observers: { logger } })
  const fate = watchFate(node.replica.commit([put('k', 'v')]))
  await settle()
  log.fail(true)
  await settle()
  expect(fate.error()).toMatchObject({ name: 'IndeterminateWriteError' })
  await node.replica.reopen()
  await node.replica.close()
  expect(calls).toContain('log.error')
})

test('metrics that throw reject no durable commit, and keep no replica from closing', async () => {
  const { metrics, calls } = throwingObservers()
  const log = new MemoryLog()
  const node = await openNode({ log, observers: { metrics } })
  await expect(node.replica.commit([put('k', 'v')])).resolves.toMatchObject([{ version: expect.any(String) }])
  expect(calls).toEqual(['observe'])
  await node.replica.close()
  expect(calls).toContain('increment')
  expect(log.closed).toBe(true)
})
