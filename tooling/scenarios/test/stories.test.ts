import { STALE_DOTS_MAX } from '@starling/ormap'
import { expect, test } from 'vitest'
import type { ClusterAction, ClusterPlan } from '../src/cluster/cluster-plan.ts'
import { playCluster } from '../src/cluster/play-cluster.ts'
import type { Metrics } from '../src/report.ts'

// Goal: stories of whole clusters that lost data or stood still are played as they were told. Method: plans written by hand for the
// simulated cluster, whose checkers judge the end: all agree, nothing is lost, nothing comes back, watchers were told, calls answered.

const SECOND = 1_000
const SETTLE_MS = 180 * SECOND

type Timed = ClusterPlan['actions'][number]

function at(seconds: number, ...actions: readonly ClusterAction[]): Timed[] {
  return actions.map(action => ({ ...action, atMs: seconds * SECOND }))
}

async function play(
  nodes: number,
  forgetting: ClusterPlan['forgetting'],
  actions: readonly Timed[]
): Promise<Metrics> {
  const ordered = actions.toSorted((a, b) => a.atMs - b.atMs)
  const healMs = Math.max(...ordered.map(each => each.atMs + ('lastsMs' in each ? each.lastsMs : 0))) + SECOND
  const { violations, metrics } = await playCluster({
    format: 1,
    world: 'replicas',
    scenario: 'cluster',
    seed: 1,
    nodes,
    forgetting,
    healMs,
    endMs: healMs + SETTLE_MS,
    actions: ordered
  })
  expect(violations).toEqual([])
  return metrics
}

const set = (node: number, key: string): ClusterAction => ({ type: 'set', node, key })
const remove = (node: number, key: string): ClusterAction => ({ type: 'remove', node, key })

test('E2E-1: a node whose stamps are a year ahead stops nobody, and nobody follows it', async () => {
  const metrics = await play(3, 'byKnown', [
    ...at(5, set(0, 'a'), set(1, 'b')),
    ...at(8, { type: 'wrongClock', node: 2, byMs: 365 * 86_400 * SECOND, lastsMs: 30 * SECOND }),
    ...at(10, set(2, 'a'), remove(2, 'b'), set(2, 'c')),
    ...at(12, set(0, 'a'), set(1, 'b')),
    ...at(30, set(0, 'c'), set(1, 'a'))
  ])
  expect(metrics).toMatchObject({ operations: 9, acknowledged: 9, refused: 0 })
})

test.each(['byAge', 'byKnown'] as const)(
  'E2E-2: the removal of the last key reaches who was away, over a restart of the remover: %s',
  async forgetting => {
    const metrics = await play(3, forgetting, [
      ...at(5, set(0, 'only')),
      ...at(10, { type: 'partition', side: [2], lastsMs: 60 * SECOND }),
      ...at(12, remove(0, 'only')),
      ...at(20, { type: 'kill', node: 0, downMs: 5 * SECOND }),
      ...at(30, { type: 'restart', node: 1, downMs: 5 * SECOND })
    ])
    expect(metrics).toMatchObject({ operations: 2, acknowledged: 2, keys: 1 })
  }
)

test('E2E-3: acknowledged writes in quick succession are told once and in order, on slow links', async () => {
  const metrics = await play(3, 'byAge', [
    ...at(4, { type: 'slow', node: 1, extraMs: 800, lastsMs: 20 * SECOND }),
    ...at(5, set(0, 'k'), set(0, 'k'), remove(0, 'k')),
    ...at(5.3, set(1, 'k')),
    ...at(5.5, set(0, 'k'), remove(0, 'k'), set(0, 'k'))
  ])
  expect(metrics).toMatchObject({ operations: 7, acknowledged: 7 })
})

test('E2E-5: halves that wrote apart for ten minutes are one cluster again', async () => {
  const metrics = await play(4, 'byKnown', [
    ...at(5, set(0, 'a'), set(3, 'b'), set(1, 'c')),
    ...at(10, { type: 'partition', side: [0, 1], lastsMs: 600 * SECOND }),
    ...at(60, set(0, 'a'), set(2, 'a'), remove(1, 'b')),
    ...at(300, set(3, 'b'), remove(2, 'c'), set(1, 'd')),
    ...at(500, { type: 'kill', node: 1, downMs: 10 * SECOND })
  ])
  expect(metrics).toMatchObject({ operations: 9, acknowledged: 9 })
})

test('E2E-6: in a cluster larger than a view, links that come and go remove nothing', async () => {
  const nodes = 12
  const all = Array.from({ length: nodes }, (_, node) => node)
  const metrics = await play(nodes, 'byAge', [
    // Node 0 is everybody's contact, so whoever joins late pushes a link of somebody else out.
    ...all.slice(9).flatMap((node, i) => at(15 + 5 * i, { type: 'join', node })),
    ...all.slice(0, 9).flatMap(node => at(8, set(node, `service ${node}`))),
    ...all.slice(9).flatMap(node => at(30, set(node, `service ${node}`))),
    ...at(40, { type: 'partition', side: [1, 2], lastsMs: 10 * SECOND })
  ])
  expect(metrics).toMatchObject({ operations: nodes, acknowledged: nodes, keys: nodes })
})

test('E2E-7: what a short cut kept from being broadcast arrives without another write', async () => {
  const metrics = await play(3, 'byAge', [
    ...at(10, { type: 'partition', side: [1], lastsMs: 2 * SECOND }),
    ...at(11, set(0, 'k'), remove(0, 'other'), set(2, 'other')),
    ...at(11.5, { type: 'kill', node: 0, downMs: 3 * SECOND })
  ])
  expect(metrics).toMatchObject({ operations: 3, acknowledged: 3 })
})

test('E2E-8: writes that were acknowledged are there after the power of every node was cut', async () => {
  const nodes = [0, 1, 2]
  const metrics = await play(3, 'byAge', [
    ...nodes.flatMap(node => at(5, set(node, 'shared'), set(node, `own ${node}`))),
    ...nodes.flatMap(node => at(6, set(node, `own ${node}`))),
    ...nodes.map(node => ({ type: 'powerCut', node, downMs: 4 * SECOND, atMs: 6.5 * SECOND }) as const),
    ...nodes.flatMap(node => at(20, set(node, 'shared')))
  ])
  expect(metrics).toMatchObject({ operations: 12, acknowledged: 12, powerCutFaults: 3 })
})

test('a node that missed the removal of many values, and comes when all evidence is gone, stops until its operator has decided', async () => {
  const keys = STALE_DOTS_MAX + 16
  const metrics = await play(3, 'byKnown', [
    ...at(5, { type: 'flood', node: 0, keys, lastsMs: 40 * SECOND }),
    ...at(30, { type: 'partition', side: [2], lastsMs: 240 * SECOND })
  ])
  expect(metrics).toMatchObject({ acknowledged: 2 * keys, keys, staleConflictSeen: 1 })
})
