import { expect } from 'vitest'
import type { Observers } from '@starling/ports'
import { systemHmac } from '@starling/ports/system'
import {
  createSync,
  type RoundEvent,
  type Sync,
  type SyncHandle,
  type SyncInit,
  type SyncProtocol
} from '../src/index.ts'
import { FakeNeighbors, FakeNetwork, type FakeSessions } from './fake-network.ts'

export interface TestNode {
  readonly name: string
  readonly sync: Sync
  readonly sessions: FakeSessions
  readonly neighbors: FakeNeighbors
  readonly rounds: RoundEvent[]
  open(topic: string, protocol: SyncProtocol): SyncHandle
}

/** A node on a fake network. All its topics share one neighbour set. */
export function testNode(
  network: FakeNetwork,
  name: string,
  neighbors: readonly string[] = [],
  init?: SyncInit,
  observers: Observers = {}
): TestNode {
  const sessions = network.node(name)
  const sync = createSync(
    {
      ...observers,
      sessions,
      clock: network.time,
      timers: network.time,
      random: network.random.fork(name),
      hmac: systemHmac
    },
    init
  )
  const source = new FakeNeighbors(neighbors)
  const rounds: RoundEvent[] = []
  return {
    name,
    sync,
    sessions,
    neighbors: source,
    rounds,
    open(topic, protocol) {
      const handle = sync.open(topic, { protocol, neighbors: source })
      handle.onRound(event => void rounds.push(event))
      return handle
    }
  }
}

/** A protocol made of a function. */
export function protocol(reconcile: SyncProtocol['reconcile']): SyncProtocol {
  return { reconcile }
}

export const DONE = { complete: true, entriesSent: 0, entriesReceived: 0 } as const

/** Two connected neighbours; `b` is the greater and opens. */
export function pair(seed: number | string = 1): {
  readonly network: FakeNetwork
  readonly a: TestNode
  readonly b: TestNode
} {
  const network = new FakeNetwork(seed)
  return { network, a: testNode(network, 'a', ['b']), b: testNode(network, 'b', ['a']) }
}

export async function closeAll(network: FakeNetwork, ...nodes: readonly TestNode[]): Promise<void> {
  await Promise.all([...nodes.map(node => node.sync.close()), network.time.advance(20_000)])
  expect(network.time.pending).toBe(0)
}
