import { describe, expect, test } from 'vitest'
import { RecordedMetrics } from '../../../tooling/vitest/recorded-metrics.ts'
import { throwingObservers } from '../../../tooling/vitest/throwing-observers.ts'
import {
  counter,
  counters,
  gauge,
  gauges,
  LABELS_MAX,
  NamedParts,
  OTHER_LABEL,
  registerFigures,
  type Figure
} from '../src/metrics.ts'

interface Stats {
  open: number
  sent: number
  byReason: Record<string, number>
}

const FIGURES: readonly Figure<Stats>[] = [
  counter('sent_total', 'Sent', ({ sent }) => sent),
  counters('refused_total', 'reason', 'Refused', ({ byReason }) => byReason),
  gauge('open', 'Open', ({ open }) => open),
  gauges('by_reason', 'reason', 'All', ({ byReason }) => byReason)
]

describe('figures', () => {
  test('are read when they are collected; counters rise by what was added', async () => {
    const metrics = new RecordedMetrics()
    const stats: Stats = { open: 1, sent: 5, byReason: { a: 1 } }
    registerFigures(metrics, () => stats, FIGURES)
    expect(metrics.collect()).toEqual({
      open: 1,
      sent_total: 5,
      refused_total: { a: 1 },
      by_reason: { a: 1 }
    })
    await Promise.resolve()
    expect(metrics.collect()['sent_total']).toBe(5)
    await Promise.resolve()
    Object.assign(stats, { open: 0, sent: 7, byReason: { a: 1, b: 2 } })
    expect(metrics.collect()).toMatchObject({ open: 0, sent_total: 7, refused_total: { a: 1, b: 2 } })
    await Promise.resolve()
    // What it is read from began anew: a counter never falls.
    Object.assign(stats, { sent: 3, byReason: { b: 0 } })
    expect(metrics.collect()).toMatchObject({ sent_total: 7, refused_total: { a: 1, b: 2 } })
    await Promise.resolve()
    stats.sent = 4
    expect(metrics.collect()).toMatchObject({ sent_total: 8 })
  })

  test('counters that throw stop nobody who brings them up to date', () => {
    const { metrics, calls } = throwingObservers()
    const refresh = registerFigures(metrics, () => ({ open: 0, sent: 1, byReason: { a: 1 } }), FIGURES)
    refresh()
    expect(calls).toEqual(['increment', 'increment'])
  })

  test('of one turn are read once', async () => {
    const metrics = new RecordedMetrics()
    let reads = 0
    registerFigures(metrics, () => ({ open: ++reads, sent: 0, byReason: {} }), FIGURES)
    expect(metrics.collect()).toMatchObject({ open: 1 })
    await Promise.resolve()
    expect(metrics.collect()).toMatchObject({ open: 2 })
  })

  test('say what they are', () => {
    const metrics = new RecordedMetrics()
    registerFigures(metrics, () => ({ open: 0, sent: 0, byReason: {} }), FIGURES)
    expect(Object.fromEntries(metrics.registered)).toEqual({
      open: { type: 'gauge', label: undefined, help: 'Open' },
      by_reason: { type: 'gauge', label: 'reason', help: 'All' },
      sent_total: { type: 'counter', label: undefined, help: 'Sent' },
      refused_total: { type: 'counter', label: 'reason', help: 'Refused' }
    })
  })

  test('without a gauge are refused: nothing would ever be counted', () => {
    const metrics = new RecordedMetrics()
    const from = (): Stats => ({ open: 0, sent: 0, byReason: {} })
    expect(() => registerFigures(metrics, from, FIGURES.slice(0, 1))).toThrow(TypeError)
    expect([...metrics.registered]).toEqual([])
  })
})

describe('parts by name', () => {
  test('are summed by label, and at zero when they are gone', () => {
    const parts = new NamedParts(({ count }: { count: number }) => count)
    parts.add('a', { count: 1 })
    const remove = parts.add('b', { count: 2 })
    parts.add('b', { count: 4 })
    const read = (count: number): number => count
    expect([parts.read().byName(read), parts.read().sum(read)]).toEqual([{ a: 1, b: 6 }, 7])
    remove()
    remove()
    expect(parts.read().byName(read)).toEqual({ a: 1, b: 4 })
    expect(parts.read().sums(count => ({ count, twice: 2 * count }))).toEqual({ count: 5, twice: 10 })
  })

  test('have a bounded number of labels, however many come and go', () => {
    const parts = new NamedParts((part: object) => part)
    for (let n = 0; n < 1_000; n++) parts.add(`name ${n}`, {})()
    parts.add('name 0', {})
    parts.add('name 999', {})
    parts.add('name 1000', {})
    const counts = parts.read().byName(() => 1)
    expect(Object.keys(counts)).toHaveLength(LABELS_MAX + 1)
    expect([counts['name 0'], counts[OTHER_LABEL], counts['name 1']]).toEqual([1, 2, 0])
  })

  test('are counted a last time before they go', async () => {
    const metrics = new RecordedMetrics()
    const parts = new NamedParts(({ sent }: { sent: number }) => sent)
    parts.refresh = registerFigures(metrics, () => parts.read(), [
      gauges('open', 'map', 'Open', all => all.byName(() => 1)),
      counters('sent_total', 'map', 'Sent', all => all.byName(sent => sent))
    ])
    const part = { sent: 3 }
    const remove = parts.add('a', part)
    metrics.collect()
    await Promise.resolve()
    part.sent = 8
    remove()
    parts.add('a', { sent: 2 })
    expect(metrics.collect()).toEqual({ open: { a: 1 }, sent_total: { a: 10 } })
  })
})
