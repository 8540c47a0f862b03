import { expect, test } from 'vitest'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { throwingObservers } from '../../../tooling/vitest/throwing-observers.ts'
import { HEALTH_STATES } from '../src/health.ts'
import { gossip, openMap } from './support/open.ts'

test('figures of maps are by their name, and their ill health by its state', async () => {
  const metrics = new RecordedMetrics()
  const a = await openMap<string>({ name: 'a', metrics })
  const b = await openMap<string>({ name: 'b', startMs: 1_700_000_000_005, alone: false, metrics })
  await a.map.set('k', 'from a')
  await b.map.set('k', 'from b')
  await b.map.set('l', 'from b')
  gossip(a, b)
  const watch = a.map.watch()
  a.map.onChange(() => {
    throw new Error('defect')
  })
  await a.map.set('m', 'from a')
  const figures = metrics.collect()
  expect(figures).toMatchObject({
    starling_map_entries: { a: 3, b: 2 },
    starling_map_conflicts: { a: 1, b: 1 },
    starling_map_watchers: { a: 1, b: 0 },
    starling_map_healthy: { a: 1, b: 0 },
    starling_map_listeners_failed_total: { a: 1, b: 0 }
  })
  expect(figures['starling_map_ailing']).toEqual(
    Object.fromEntries(HEALTH_STATES.map(state => [state, state === 'not-synced' ? 1 : 0]))
  )
  await watch.return?.()
  await a.map.close()
  await a.map.closed
  expect(metrics.collect()).toMatchObject({ starling_map_entries: { a: 0, b: 2 } })
  await b.map.close()
})

test('metrics that throw keep no map from being written and closed', async () => {
  const { metrics, calls } = throwingObservers()
  const { map } = await openMap<string>({ name: 'a', metrics })
  await map.set('k', 'v')
  expect(map.get('k')).toBe('v')
  await map.close()
  await map.closed
  expect(calls).toContain('increment')
})
