import { expect, test } from 'vitest'
import type { Pulse } from '../../src/api/types.ts'
import { checkAcknowledged } from '../../src/cluster/acknowledged-check.ts'
import { agreement } from '../../src/cluster/agreement.ts'
import { Ledger } from '../../src/cluster/ledger.ts'
import type { Content } from '../../src/cluster/worker-protocol.ts'

// Goal: the page's two verdicts, "all agree" and "nothing is lost", can fail.

const pulse = (...maps: [name: string, fingerprint: string][]): Pulse => ({
  id: 'x',
  name: 'x',
  atMs: 1,
  swarms: [],
  maps: maps.map(([name, fingerprint]) => ({
    name,
    fingerprint,
    size: 0,
    health: [],
    conflicts: 0,
    lagging: []
  })),
  counters: {
    messagesSent: 0,
    messagesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    writes: 0,
    delivered: 0,
    redundant: 0
  },
  broadcasts: [],
  broadcastsLeftOff: 0
})

test.each<[boolean, (Pulse | undefined)[]]>([
  [true, [pulse(['a', '1']), pulse(['a', '1'])]],
  [true, [pulse(['a', '1'], ['b', '2']), pulse(['b', '2'], ['a', '1'])]],
  [true, [pulse(['a', '1'])]],
  [false, [pulse(['a', '1']), pulse(['a', '2'])]],
  [false, [pulse(['a', '1'], ['b', '2']), pulse(['a', '1'])]],
  [false, [pulse(['a', '1']), undefined]],
  [false, [undefined]],
  [false, []]
])('that all agree is %s for %#', (expected, pulses) => {
  expect(agreement(pulses)).toBe(expected)
})

const nodeWith = (content: Content, state: 'running' | 'paused' = 'running') => ({
  state,
  content: () => Promise.resolve(content)
})

test('a write that was acknowledged and is nowhere is told, with its key and its node', async () => {
  const ledger = new Ledger()
  const kept = ledger.open('a', 'set', 0)
  const lost = ledger.open('b', 'set', 1)
  for (const entry of [kept, lost]) {
    ledger.issued(entry.write, [])
    entry.outcome = 'acknowledged'
  }
  const content: Content = [['a', [{ write: kept.write, stamp: '1' }]]]
  const result = await checkAcknowledged({ nodes: [nodeWith(content), nodeWith(content)], ledger })
  expect(result).toEqual({
    checked: 2,
    unchecked: 0,
    lost: ['w2 of "b", acknowledged by node-2'],
    invented: []
  })
})

test('a check judges what was acknowledged before it looked, and no later write', async () => {
  const ledger = new Ledger()
  const late = ledger.open('a', 'set', 0)
  const node = {
    state: 'running' as const,
    content: () => {
      late.outcome = 'acknowledged'
      return Promise.resolve([])
    }
  }
  expect(await checkAcknowledged({ nodes: [node], ledger })).toEqual({
    checked: 0,
    unchecked: 0,
    lost: [],
    invented: []
  })
  expect(ledger.size).toBe(1)
})

test('there is no verdict while a member does not run or does not answer', async () => {
  const ledger = new Ledger()
  expect(await checkAcknowledged({ nodes: [nodeWith([]), nodeWith([], 'paused')], ledger })).toBeUndefined()
  const gone = { state: 'running' as const, content: () => Promise.reject(new Error('gone')) }
  expect(await checkAcknowledged({ nodes: [nodeWith([]), gone], ledger })).toBeUndefined()
})
