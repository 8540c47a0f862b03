import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HybridLogicalClock, SKEW_SOURCES_MAX, SkewReport, stampOf, type SourceSkew } from '../src/index.ts'
import { runs } from './runs.ts'

const OK = { ok: true } as const

describe('the skew report', () => {
  test('says for each source how far ahead it was, and what became of its stamps', () => {
    const clock = new HybridLogicalClock({ driftMsMax: 1000 })
    const report = new SkewReport()
    for (const [source, aheadMs] of [
      ['a', 200],
      ['b', 5000],
      ['a', -70_000],
      ['b', 999],
      ['b', 1001]
    ] as const) {
      const stamp = stampOf(100_000 + aheadMs)
      report.note(source, stamp, 100_000.9, clock.receive(stamp, 100_000.9))
    }
    expect(report.get('a')).toEqual({
      source: 'a',
      lastAheadMs: -70_000,
      greatestAheadMs: 200,
      accepted: 2,
      refused: 0
    })
    expect(report.all()).toEqual([
      { source: 'b', lastAheadMs: 1001, greatestAheadMs: 5000, accepted: 1, refused: 2 },
      report.get('a')
    ])
    report.forget('b')
    expect([report.size, report.get('b')]).toEqual([1, undefined])
  })

  test('holds as many sources as it may, a thousand and some by default', () => {
    const report = new SkewReport()
    for (let i = 0; i < 100_000; i++) report.note(`peer ${i}`, stampOf(0), 0, OK)
    expect(report.size).toBe(SKEW_SOURCES_MAX)
    expect(report.get('peer 99999')).toBeDefined()
  })

  test.each([0, -1, 1.5, Number.NaN, Infinity])('refuses room for %s sources', sourcesMax => {
    expect(() => new SkewReport({ sourcesMax })).toThrow(RangeError)
  })

  test('is a count of everything each remembered source sent, and forgets who was silent for longest', () => {
    const note = fc.record({
      source: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      aheadMs: fc.integer({ min: -50, max: 50 }),
      ok: fc.boolean()
    })
    fc.assert(
      fc.property(fc.array(note), fc.integer({ min: 1, max: 4 }), (notes, sourcesMax) => {
        const report = new SkewReport({ sourcesMax })
        let model: (SourceSkew & { at: number })[] = []
        notes.forEach(({ source, aheadMs, ok }, at) => {
          report.note(source, stampOf(100 + aheadMs), 100, ok ? OK : { ok, reason: 'future', aheadMs })
          const before = model.find(each => each.source === source)
          const now = {
            source,
            lastAheadMs: aheadMs,
            greatestAheadMs: Math.max(before?.greatestAheadMs ?? -Infinity, aheadMs),
            accepted: (before?.accepted ?? 0) + (ok ? 1 : 0),
            refused: (before?.refused ?? 0) + (ok ? 0 : 1),
            at
          }
          model = [...model.filter(each => each !== before), now]
            .toSorted((a, b) => b.at - a.at)
            .slice(0, sourcesMax)
        })
        const plain = model.map(({ source, lastAheadMs, greatestAheadMs, accepted, refused }) => {
          return { source, lastAheadMs, greatestAheadMs, accepted, refused }
        })
        const bySource = (a: SourceSkew, b: SourceSkew): number => (a.source < b.source ? -1 : 1)
        expect([...report.all()].toSorted(bySource)).toEqual(plain.toSorted(bySource))
        const ahead = report.all().map(each => each.greatestAheadMs)
        expect(ahead).toEqual(ahead.toSorted((a, b) => b - a))
      }),
      runs(10_000)
    )
  })
})
