import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HybridLogicalClock, stampOf, stampWallMs, type Stamp } from '../src/index.ts'
import { runs } from './runs.ts'

// Goal: causality and bounded lead for replicas whose wall clocks do whatever wall clocks have done. Method: three clocks, each
// on a wall that stalls, creeps, falls back, jumps a year ahead and returns, exchanging their last stamps.

const NOON = 1_790_000_000_000
const YEAR_MS = 365 * 24 * 3_600_000
const DRIFT_MS = 60_000
const CLOCKS = [0, 1, 2] as const

interface Wall {
  offsetMs: number
  /** Where it was before it jumped. */
  home: number
  /** The latest time it ever showed. */
  latestMs: number
}

const wallStep = fc.oneof(
  fc.constant({ type: 'stall' as const }),
  fc.record({ type: fc.constant('creep' as const), ms: fc.integer({ min: 1, max: 5000 }) }),
  fc.record({ type: fc.constant('back' as const), ms: fc.constantFrom(1, 1000, 3_600_000, YEAR_MS) }),
  fc.constant({ type: 'yearAhead' as const }),
  fc.constant({ type: 'return' as const })
)

const step = fc.record({
  who: fc.constantFrom(...CLOCKS),
  wall: wallStep,
  action: fc.constantFrom('now' as const, 'now' as const, 'send' as const),
  to: fc.constantFrom(...CLOCKS)
})

function move(wall: Wall, each: { type: string; ms?: number }): number {
  if (each.type === 'creep') wall.offsetMs += each.ms ?? 0
  if (each.type === 'back') wall.offsetMs -= each.ms ?? 0
  if (each.type === 'yearAhead') {
    wall.home = wall.offsetMs
    wall.offsetMs += YEAR_MS
  }
  if (each.type === 'return') wall.offsetMs = wall.home
  return NOON + wall.offsetMs
}

test('whatever the walls do, stamps strictly increase, effects exceed causes, and no lead exceeds what the own wall ever allowed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const clocks = CLOCKS.map(() => new HybridLogicalClock({ driftMsMax: DRIFT_MS }))
      const walls = CLOCKS.map((): Wall => ({ offsetMs: 0, home: 0, latestMs: NOON }))
      const last = CLOCKS.map((): Stamp => 0n)
      for (const { who, wall, action, to } of steps) {
        const sender = clocks[who] as HybridLogicalClock
        const senderWall = walls[who] as Wall
        const wallMs = move(senderWall, wall)
        senderWall.latestMs = Math.max(senderWall.latestMs, wallMs)
        const stamp = sender.now(wallMs)
        expect(stamp).toBeGreaterThan(last[who] as Stamp)
        expect(stamp).toBeGreaterThanOrEqual(stampOf(wallMs))
        last[who] = stamp
        if (action === 'send') {
          const receiver = clocks[to] as HybridLogicalClock
          const receiverWall = walls[to] as Wall
          const receiverMs = NOON + receiverWall.offsetMs
          const aheadMs = stampWallMs(stamp) - receiverMs
          const before = receiver.last
          const result = receiver.receive(stamp, receiverMs)
          expect(result.ok).toBe(aheadMs <= DRIFT_MS)
          if (!result.ok) expect(receiver.last).toBe(before)
          const effect = receiver.now(receiverMs)
          expect(effect).toBeGreaterThan(last[to] as Stamp)
          if (result.ok) expect(effect).toBeGreaterThan(stamp)
          last[to] = effect
        }
        for (const i of CLOCKS) {
          // Its own wall may have carried it as far as it ever was; others no more than the bound beyond that.
          const { latestMs } = walls[i] as Wall
          expect(stampWallMs((clocks[i] as HybridLogicalClock).last)).toBeLessThanOrEqual(latestMs + DRIFT_MS)
        }
      }
    }),
    runs(10_000)
  )
})
