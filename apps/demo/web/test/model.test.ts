import { describe, expect, test } from 'vitest'
import type { Pulse } from '../../src/api/types.ts'
import {
  BROADCASTS_REMEMBERED_MAX,
  DIFFERS_AFTER_MS,
  DOTS_MAX,
  HOP_MS,
  LOG_LINES_MAX,
  PLOT_SAMPLES_MAX,
  TRAFFIC_DELAY_MS
} from '../src/config.ts'
import { Differences } from '../src/model/convergence.ts'
import { LogLines } from '../src/model/log-lines.ts'
import { overlayOfCluster, overlayOfNode, topicsOf } from '../src/model/overlay.ts'
import { RateHistory } from '../src/model/rates.ts'
import { Traffic } from '../src/model/traffic.ts'
import { readValue, shortText } from '../src/model/value-text.ts'
import { eventText } from '../src/model/wording.ts'
import { FakeCluster } from './fake-cluster.ts'

const none = {
  messagesSent: 0,
  messagesReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  writes: 0,
  delivered: 0,
  redundant: 0
}

function pulse(changes: Partial<Pulse>): Pulse {
  return {
    id: 'a',
    name: 'a',
    atMs: 0,
    swarms: [],
    maps: [],
    counters: none,
    broadcasts: [],
    broadcastsLeftOff: 0,
    ...changes
  }
}

describe('the event log', () => {
  test('keeps the newest lines, newest first, and draws the same array when nothing came', () => {
    const log = new LogLines()
    for (let i = 0; i < LOG_LINES_MAX + 20; i++)
      log.add({ atMs: i, node: 'a', type: 't', text: `line ${i}` }, `f-${i + 1}`)
    const lines = log.newestFirst()
    expect(lines).toHaveLength(LOG_LINES_MAX)
    expect(lines[0]?.text).toBe(`line ${LOG_LINES_MAX + 19}`)
    expect(lines.at(-1)?.text).toBe('line 20')
    expect(log.newestFirst()).toBe(lines)
    log.add({ atMs: 0, node: 'a', type: 't', text: 'one more' }, `f-${LOG_LINES_MAX + 21}`)
    // Told again after a reconnection.
    log.add({ atMs: 0, node: 'a', type: 't', text: 'one more' }, `f-${LOG_LINES_MAX + 21}`)
    expect(
      log
        .newestFirst()
        .map(({ text }) => text)
        .slice(0, 2)
    ).toEqual(['one more', `line ${LOG_LINES_MAX + 19}`])
    expect(log.newestFirst()).toHaveLength(LOG_LINES_MAX)
  })

  test('says how many lines are missing, and nothing when the process is another', () => {
    const log = new LogLines()
    const line = { atMs: 0, node: 'a', type: 't', text: 'x' }
    log.add(line, 'f-1')
    log.add(line, 'f-5')
    log.add(line, 'g-9')
    expect(log.newestFirst().map(({ text }) => text)).toEqual(['x', 'x', '3 events not shown', 'x'])
  })
})

describe('rates', () => {
  test('are differences of totals by time, added up over all nodes', () => {
    const rates = new RateHistory()
    rates.sample(1_000, [pulse({ atMs: 1_000 }), pulse({ id: 'b', atMs: 900 })])
    rates.sample(3_000, [
      pulse({ atMs: 3_000, counters: { ...none, messagesSent: 20 } }),
      pulse({ id: 'b', atMs: 1_900, counters: { ...none, messagesSent: 5 } })
    ])
    expect(rates.of('a').messagesSent).toBe(10)
    expect(rates.columns().rates.at(-1)?.messagesSent).toBe(15)
  })

  test('a process started anew counts from nothing, not below it', () => {
    const rates = new RateHistory()
    rates.sample(1_000, [pulse({ atMs: 1_000, counters: { ...none, writes: 50 } })])
    rates.sample(2_000, [pulse({ atMs: 2_000, counters: { ...none, writes: 2 } })])
    expect(rates.of('a').writes).toBe(0)
  })

  test('ten minutes are kept, one sample a second, however many pulses come', () => {
    const rates = new RateHistory()
    for (let ms = 0; ms < 3_600_000; ms += 250) rates.sample(ms, [pulse({ atMs: ms })])
    expect(rates.columns().seconds).toHaveLength(PLOT_SAMPLES_MAX)
    expect(rates.columns().seconds.at(-1)).toBe(3_599)
  })
})

describe('broadcasts on their way', () => {
  const seen = (id: string, hops: number, from?: string): Pulse['broadcasts'][number] => ({
    topic: 't',
    id,
    hops,
    bytes: 1,
    atMs: 0,
    ...(from === undefined ? {} : { from })
  })

  test('a hop starts when the one before has ended, although its news came earlier', () => {
    const traffic = new Traffic()
    traffic.see(pulse({ id: 'c', atMs: 1, broadcasts: [seen('x', 2, 'b')] }), 0)
    traffic.see(pulse({ id: 'b', atMs: 1, broadcasts: [seen('x', 1, 'a')] }), 400)
    const [second, first] = traffic.dots(0)
    expect(first).toMatchObject({ from: 'a', to: 'b', startMs: TRAFFIC_DELAY_MS })
    expect(second).toMatchObject({ from: 'b', to: 'c', startMs: TRAFFIC_DELAY_MS + HOP_MS })
    expect(traffic.dots(TRAFFIC_DELAY_MS + 2 * HOP_MS)).toEqual([])
  })

  test('a pulse that comes again is not drawn again', () => {
    const traffic = new Traffic()
    const same = pulse({ atMs: 1, broadcasts: [seen('x', 1, 'b')] })
    traffic.see(same, 0)
    traffic.see(same, 10)
    expect(traffic.dots(0)).toHaveLength(1)
  })

  test('dots are capped, and the memory of broadcasts too', () => {
    const traffic = new Traffic()
    for (let i = 1; i < 10_000; i++)
      traffic.see(pulse({ atMs: i, broadcasts: [seen(`x${i}`, 1, 'b')] }), i / 100)
    expect(traffic.dots(0).length).toBeLessThanOrEqual(DOTS_MAX)
    const late = pulse({ atMs: 20_000, broadcasts: [seen('x1', 1, 'b')] })
    traffic.see(late, 1_000_000)
    // Forgotten, so it starts anew instead of in the past.
    expect(BROADCASTS_REMEMBERED_MAX).toBeLessThan(9_999)
    expect(traffic.dots(1_000_000)).toHaveLength(1)
  })
})

describe('the overlay', () => {
  test('a link is drawn once, eager when one end sends whole messages over it', () => {
    const cluster = new FakeCluster(4)
    const overlay = overlayOfCluster(cluster.state(), 'flags', new Set())
    expect(overlay.nodes.map(({ name }) => name)).toEqual(['node-0', 'node-1', 'node-2', 'node-3'])
    expect(overlay.edges).toHaveLength(6)
    expect(overlay.edges.filter(({ eager }) => eager)).toHaveLength(4)
  })

  test('what a killed node said last draws no link', () => {
    const cluster = new FakeCluster(2)
    cluster.announce()
    cluster.act(0, 'kill')
    cluster.act(1, 'pause')
    expect(overlayOfCluster(cluster.state(), undefined, new Set()).edges).toEqual([])
  })

  test('a node’s own page shows it and its neighbours', () => {
    const cluster = new FakeCluster(5)
    const { nodes } = overlayOfNode(cluster.pulse(2), 'flags', new Map([['12D3KooWFake0003', 'carol']]))
    expect(nodes[0]?.look).toBe('running')
    expect(nodes.slice(1).every(({ look }) => look === 'peer')).toBe(true)
    expect(nodes.map(({ name }) => name)).toContain('carol')
    expect(topicsOf([cluster.pulse(2)])).toEqual(['flags'])
  })

  test('who holds something else than most for a while differs, since it was first seen', () => {
    const cluster = new FakeCluster(3)
    const differences = new Differences()
    cluster.split([2])
    cluster.write(2, 'k', 1)
    expect(differences.update(cluster.state().members, 5).size).toBe(0)
    cluster.write(2, 'k', 2)
    expect(differences.update(cluster.state().members, DIFFERS_AFTER_MS + 4).size).toBe(0)
    expect([...differences.update(cluster.state().members, DIFFERS_AFTER_MS + 5)]).toEqual([[2, 5]])
    cluster.heal()
    expect(differences.update(cluster.state().members, 9_000).size).toBe(0)
  })
})

test('an event is told in words, with names for ids', () => {
  const id = `12D3KooW${'a'.repeat(44)}`
  expect(eventText('peer:join', `peer:join ${id}`, new Map([[id, 'carol']]))).toBe('is in session with carol')
  expect(eventText('peer:leave', `peer:leave ${id}`, new Map())).toBe('is no longer in session with …aaaaaa')
  expect(eventText('split', 'split: a | b', new Map())).toBe('split: a | b')
})

describe('a typed value', () => {
  test.each([
    ['{"a":1}', { a: 1 }],
    ['12', 12],
    ['"12"', '12'],
    ['hello world', 'hello world'],
    ['null', null]
  ])('%s', (text, value) => {
    expect(readValue(text)).toMatchObject({ type: 'value', value })
  })

  test.each(['', '{"a":', '[1', '"open'])('%j is refused with a reason', text => {
    expect(readValue(text).type).toBe('bad')
  })

  test('a long one is cut in the table', () => {
    expect(shortText('x'.repeat(100_000)).length).toBeLessThan(200)
  })
})
