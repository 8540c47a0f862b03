/**
 * A hybrid logical clock: 64-bit stamps that strictly increase, respect causality and stay close to wall time, after Kulkarni
 * et al., "Logical Physical Clocks" (2014). It reads no clock and stores nothing; time and the floor come as arguments.
 *
 * @example
 * ```ts
 * import { HybridLogicalClock } from '@starling/hlc'
 *
 * const clock = new HybridLogicalClock({ floor: 0n })
 * const stamp = clock.now(Date.now())
 *
 * const result = clock.receive(stamp + 5n, Date.now())
 * if (!result.ok) console.log(`refused, ${result.aheadMs} ms ahead`)
 * ```
 *
 * @packageDocumentation
 */
export { HybridLogicalClock, type HybridLogicalClockInit, type ReceiveResult } from './clock.ts'
export { DRIFT_MS_MAX, RESERVE_MS, SKEW_SOURCES_MAX } from './config.ts'
export { ClockAheadError } from './errors.ts'
export { SkewReport, type SkewReportInit, type SourceSkew } from './skew-report.ts'
export {
  decodeStamp,
  encodeStamp,
  STAMP_BYTES,
  STAMP_COUNTER_MAX,
  STAMP_MAX,
  STAMP_WALL_MS_MAX,
  stampCounter,
  stampOf,
  stampWallMs,
  type Stamp
} from './stamp.ts'
