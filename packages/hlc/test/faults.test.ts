import { describe, expect, test } from 'vitest'
import { HybridLogicalClock, SkewReport, stampOf, stampWallMs, type Stamp } from '../src/index.ts'

// Goal: what goes wrong with clocks on real hosts stays harmless. Each test is one fault and the outcome it must have.

const DRIFT_MS = 60_000
const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS
const NOON = 1_790_000_000_000

/** Issues stamps at the given wall times and checks that each exceeds the one before. */
function increasing(clock: HybridLogicalClock, wallTimes: readonly number[]): Stamp {
  let last = clock.last
  for (const wallMs of wallTimes) {
    const next = clock.now(wallMs)
    expect(next).toBeGreaterThan(last)
    last = next
  }
  return last
}

describe('a stamp from the future', () => {
  test('beyond the bound is refused, leaves the clock where it was and is charged to who sent it', () => {
    const clock = new HybridLogicalClock()
    const report = new SkewReport()
    const before = clock.now(NOON)
    const stamp = stampOf(NOON + DRIFT_MS + 1)
    const result = clock.receive(stamp, NOON)
    report.note('broken', stamp, NOON, result)
    expect(result).toEqual({ ok: false, reason: 'future', aheadMs: DRIFT_MS + 1 })
    expect(clock.last).toBe(before)
    expect(report.get('broken')).toMatchObject({ refused: 1, greatestAheadMs: DRIFT_MS + 1 })
  })

  test('at the bound is accepted, and a chain of peers that each add to it gets no further', () => {
    const chain = Array.from({ length: 20 }, () => new HybridLogicalClock())
    let stamp = stampOf(NOON + DRIFT_MS)
    for (const clock of chain) {
      // Each peer's wall is right, and each claims 59 s more than what it was told.
      const result = clock.receive(stamp, NOON)
      if (result.ok) stamp = stampOf(stampWallMs(clock.now(NOON)) + 59_000)
      expect(clock.aheadMs(NOON)).toBeLessThanOrEqual(DRIFT_MS)
    }
    expect(chain.map(clock => clock.aheadMs(NOON))).toEqual([DRIFT_MS, ...chain.slice(1).map(() => -NOON)])
  })
})

test('a hundred thousand stamps are taken in by one call, the greatest anywhere among them', () => {
  const clock = new HybridLogicalClock()
  const stamps = Array.from({ length: 100_000 }, (_, i) => stampOf(NOON - Math.abs(i - 60_000), i % 65_536))
  expect(clock.receiveMax(stamps, NOON)).toEqual({ ok: true })
  expect(clock.last).toBe(stamps[60_000])
})

describe('a wall clock', () => {
  test.each([
    ['an hour', HOUR_MS],
    ['a year', YEAR_MS]
  ])('set back by %s: stamps go on, and the lead is told', (_, backMs) => {
    const clock = new HybridLogicalClock()
    increasing(clock, [NOON, NOON + 1, NOON - backMs, NOON - backMs, NOON - backMs + 50])
    expect(clock.aheadMs(NOON - backMs)).toBe(backMs + 1)
    expect(clock.isAhead(NOON - backMs)).toBe(true)
    increasing(clock, [NOON + 2])
    expect(clock.isAhead(NOON + 2)).toBe(false)
  })

  test('a year ahead for a moment: who wrote then knows it afterwards, and everyone refuses what it writes', () => {
    const clock = new HybridLogicalClock()
    const peer = new HybridLogicalClock()
    clock.now(NOON)
    expect(clock.isAhead(NOON)).toBe(false)
    const written = clock.now(NOON + YEAR_MS)
    const later = increasing(clock, [NOON + 1, NOON + 2])
    expect(later).toBeGreaterThan(written)
    expect(clock.isAhead(NOON + 2)).toBe(true)
    expect(peer.receive(later, NOON + 2)).toMatchObject({ ok: false, reason: 'future' })
    // Repaired means: a new clock from the wall. Its stamps are taken again.
    const repaired = new HybridLogicalClock()
    expect(peer.receive(repaired.now(NOON + 3), NOON + 3)).toEqual({ ok: true })
  })

  test('a year ahead without a write in that time leaves no trace', () => {
    const clock = new HybridLogicalClock()
    clock.now(NOON)
    expect(clock.receive(stampOf(NOON + 5), NOON + YEAR_MS)).toEqual({ ok: true })
    expect(clock.isAhead(NOON + YEAR_MS)).toBe(false)
    expect(clock.isAhead(NOON + 6)).toBe(false)
  })

  test('that stands still while more stamps are issued than one millisecond has borrows from the next', () => {
    const clock = new HybridLogicalClock()
    let last = clock.now(NOON)
    for (let i = 0; i < 200_000; i++) {
      const next = clock.now(NOON)
      if (next <= last) throw new Error(`${next} after ${last}`)
      last = next
    }
    expect(clock.aheadMs(NOON)).toBe(3)
    expect(clock.isAhead(NOON)).toBe(false)
    expect(stampWallMs(clock.now(NOON + 4))).toBe(NOON + 4)
  })
})

describe('a restart', () => {
  test('with the wall an hour back issues stamps above everything from before, borrowed milliseconds included', () => {
    let reserved = 0n
    const onReserve = (stamp: Stamp): void => {
      reserved = stamp
    }
    const before = new HybridLogicalClock({ onReserve })
    let last = 0n
    for (let i = 0; i < 70_000; i++) last = before.now(NOON)
    expect(before.receive(stampOf(NOON + DRIFT_MS), NOON)).toEqual({ ok: true })
    last = before.now(NOON)
    expect(stampWallMs(last)).toBe(NOON + DRIFT_MS)
    const after = new HybridLogicalClock({ floor: reserved, onReserve })
    expect(after.now(NOON - HOUR_MS)).toBeGreaterThan(last)
  })

  test('with the floor right below the end of all stamps reserves the last one, and ends there', () => {
    const reserved: Stamp[] = []
    const floor = stampOf(2 ** 48 - 1, 65_533)
    const clock = new HybridLogicalClock({ floor, onReserve: stamp => reserved.push(stamp) })
    increasing(clock, [NOON, NOON])
    expect(reserved).toEqual([stampOf(2 ** 48 - 1, 65_535)])
    expect(() => clock.now(NOON)).toThrow(RangeError)
  })
})
