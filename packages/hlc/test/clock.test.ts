import { DecodeError } from '@starling/codec'
import { describe, expect, test } from 'vitest'
import {
  ClockAheadError,
  decodeStamp,
  encodeStamp,
  HybridLogicalClock,
  STAMP_MAX,
  STAMP_WALL_MS_MAX,
  stampCounter,
  stampOf,
  stampWallMs,
  type Stamp
} from '../src/index.ts'

const parts = (stamp: Stamp) => `${stampWallMs(stamp)}.${stampCounter(stamp)}`

describe('stamps', () => {
  test('pack and unpack, in 8 bytes whose order is time order', () => {
    const stamp = stampOf(1_700_000_000_000, 7)
    expect(parts(stamp)).toBe('1700000000000.7')
    expect(Buffer.from(encodeStamp(stamp)).toString('hex')).toBe('018bcfe568000007')
    expect(decodeStamp(encodeStamp(stamp))).toBe(stamp)
    expect(stampOf(STAMP_WALL_MS_MAX, 65535)).toBe(STAMP_MAX)
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 48])('the wall time %s is a RangeError, never cut to fit', wallMs => {
    expect(() => stampOf(wallMs)).toThrow(RangeError)
  })

  test.each([-1, 0.5, 65536])('the counter %s is a RangeError', counter => {
    expect(() => stampOf(0, counter)).toThrow(RangeError)
  })

  test('encoding refuses what is no stamp, decoding what is not 8 bytes', () => {
    expect(() => encodeStamp(-1n)).toThrow(RangeError)
    expect(() => encodeStamp(STAMP_MAX + 1n)).toThrow(RangeError)
    expect(() => decodeStamp(new Uint8Array(7))).toThrow(DecodeError)
    expect(() => decodeStamp(new Uint8Array(9))).toThrow(DecodeError)
  })
})

describe('now', () => {
  test('follows the wall, and counts while it stands still or steps back', () => {
    const clock = new HybridLogicalClock()
    expect([10, 10, 7, 12].map(wallMs => parts(clock.now(wallMs)))).toEqual(['10.0', '10.1', '10.2', '12.0'])
    expect(parts(clock.last)).toBe('12.0')
  })

  test('drops fractions of a millisecond and takes a time before the epoch as the epoch', () => {
    const clock = new HybridLogicalClock()
    expect(parts(clock.now(-5))).toBe('0.1')
    expect(parts(clock.now(10.9))).toBe('10.0')
  })

  test('borrows a millisecond when the counter is used up', () => {
    const clock = new HybridLogicalClock({ floor: stampOf(10, 65535) })
    expect(parts(clock.now(10))).toBe('11.0')
    expect(parts(clock.now(11))).toBe('11.1')
  })

  test('starts above the floor, also when the wall clock was set back by an hour', () => {
    const before = new HybridLogicalClock()
    let floor = 0n
    for (let i = 0; i < 5; i++) floor = before.now(3_600_000)
    const after = new HybridLogicalClock({ floor })
    expect(after.now(0)).toBeGreaterThan(floor)
  })

  test.each([Number.NaN, Infinity, 2 ** 48])('the wall time %s is a RangeError', wallMs => {
    expect(() => new HybridLogicalClock().now(wallMs)).toThrow(RangeError)
  })

  test('ends at the last stamp instead of wrapping round', () => {
    const clock = new HybridLogicalClock({ floor: STAMP_MAX - 1n })
    expect(clock.now(5)).toBe(STAMP_MAX)
    expect(() => clock.now(5)).toThrow(RangeError)
    expect(clock.last).toBe(STAMP_MAX)
  })

  test.each([
    { floor: -1n },
    { floor: STAMP_MAX + 1n },
    { driftMsMax: -1 },
    { driftMsMax: Number.NaN },
    { reserveMs: -1 }
  ])('refuses to start from %o', init => {
    expect(() => new HybridLogicalClock(init)).toThrow(RangeError)
  })
})

describe('receive', () => {
  test('accepts up to the drift bound and exceeds what it accepted', () => {
    const clock = new HybridLogicalClock({ driftMsMax: 1000 })
    expect(clock.receive(stampOf(6001), 5000)).toEqual({ ok: false, reason: 'future', aheadMs: 1001 })
    expect(parts(clock.now(5000))).toBe('5000.0')
    expect(clock.receive(stampOf(6000, 3), 5000)).toEqual({ ok: true })
    expect(parts(clock.now(5000))).toBe('6000.4')
  })

  test('never throws at the ceiling of the counter', () => {
    const clock = new HybridLogicalClock()
    expect(clock.receive(stampOf(5000, 65535), 5000)).toEqual({ ok: true })
    expect(parts(clock.now(5000))).toBe('5001.0')
    expect(parts(clock.now(5001))).toBe('5001.1')
  })

  test('the bound is against the local wall clock: a chain of peers cannot ratchet it', () => {
    const clock = new HybridLogicalClock({ driftMsMax: 1000 })
    for (let i = 1; i <= 10; i++) clock.receive(stampOf(5000 + i * 900), 5000)
    expect(clock.aheadMs(5000)).toBe(900)
  })

  test('a batch is accepted or refused as one, and an empty one is accepted', () => {
    const clock = new HybridLogicalClock({ driftMsMax: 1000 })
    expect(clock.receiveMax([stampOf(5500), stampOf(9000), stampOf(5600)], 5000).ok).toBe(false)
    expect(clock.last).toBe(0n)
    expect(clock.receiveMax([stampOf(5500), stampOf(5900, 2), stampOf(5600)], 5000).ok).toBe(true)
    expect(clock.last).toBe(stampOf(5900, 2))
    expect(clock.receiveMax([], 5000).ok).toBe(true)
  })

  test('a clock that is ahead still refuses a stamp beyond the bound that is below its own', () => {
    const clock = new HybridLogicalClock({ floor: stampOf(10_000_000), driftMsMax: 1000 })
    expect(clock.receive(stampOf(9_000_000), 5000).ok).toBe(false)
  })
})

describe('a clock ahead of its wall', () => {
  test('is reported beyond the drift bound, and not at it', () => {
    const clock = new HybridLogicalClock({ floor: stampOf(6000), driftMsMax: 1000 })
    expect(clock.isAhead(5000)).toBe(false)
    expect(clock.isAhead(4999)).toBe(true)
    expect(clock.aheadMs(4999)).toBe(1001)
    expect(clock.aheadMs(7000)).toBe(-1000)
    expect(new ClockAheadError(1001, 1000)).toMatchObject({
      name: 'ClockAheadError',
      aheadMs: 1001,
      driftMsMax: 1000
    })
  })
})

describe('the reservation', () => {
  test('is made before the stamp is issued, and covers every stamp until the next', () => {
    const reserved: Stamp[] = []
    const clock = new HybridLogicalClock({ onReserve: stamp => reserved.push(stamp) })
    for (let wallMs = 100_000; wallMs <= 125_000; wallMs += 100) {
      expect(clock.now(wallMs)).toBeLessThanOrEqual(reserved.at(-1) as Stamp)
    }
    expect(reserved.map(parts)).toEqual(['110000.0', '120100.0', '130200.0'])
  })

  test('does not issue what could not be reserved', () => {
    let broken = true
    const clock = new HybridLogicalClock({
      onReserve: () => {
        if (broken) throw new Error('disk full')
      }
    })
    expect(() => clock.now(50)).toThrow('disk full')
    // What failed does not count as reserved: it is asked for again, and so is the stamp refused again.
    expect(() => clock.now(50)).toThrow('disk full')
    expect(clock.last).toBe(0n)
    broken = false
    expect(parts(clock.now(50))).toBe('50.0')
  })

  test('a thousand restarts in ten seconds lead the wall by at most eleven', () => {
    let floor = 0n
    let wallMs = 1_000_000
    for (let i = 0; i < 1000; i++) {
      wallMs += 10
      const clock = new HybridLogicalClock({
        floor,
        onReserve: reserved => {
          floor = reserved
        }
      })
      const before = floor
      expect(clock.now(wallMs)).toBeGreaterThan(before)
      expect(clock.aheadMs(wallMs)).toBeLessThanOrEqual(11_000)
    }
  })
})
