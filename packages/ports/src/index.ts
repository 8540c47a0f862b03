/**
 * The ports a Starling driver is given instead of reaching for the platform: time, timers, randomness and hashing, and whom it is
 * watched by.
 *
 * The root export holds types, the seeded generator and two pure draws; the implementation on the platform is
 * `@starling/ports/system`, `@starling/ports/metrics` registers what a part counts, and `@starling/ports/guarded` takes a log or a
 * histogram so that nothing it throws is heard. A package that only names these types cannot read a clock or draw a number by itself, which is
 * what lets the same code run in the simulator.
 *
 * @example
 * ```ts
 * import { seededRandom, sample } from '@starling/ports'
 *
 * const random = seededRandom(42)
 * sample(random, ['a', 'b', 'c'], 2)
 * ```
 *
 * @packageDocumentation
 */
import type { Clock } from './clock.ts'
import type { Hash, Hmac } from './hash.ts'
import type { Random } from './random.ts'
import type { Timers } from './timers.ts'

export type { Clock } from './clock.ts'
export type { Hash, Hmac } from './hash.ts'
export type {
  ComponentLogger,
  Log,
  MetricCounter,
  MetricCounterGroup,
  MetricHistogram,
  Metrics,
  Observers
} from './observing.ts'
export { pick, sample, type Random, type SeededRandom } from './random.ts'
export { seededRandom } from './seeded-random.ts'
export type { TimerHandle, Timers } from './timers.ts'

/** Every port at once: what a whole node, real or simulated, is given. */
export interface Ports {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly hash: Hash
  readonly hmac: Hmac
}
