import { DRIFT_MS_MAX, RESERVE_MS } from './config.ts'
import {
  STAMP_COUNTER_MAX,
  STAMP_MAX,
  STAMP_WALL_MS_MAX,
  stampCounter,
  stampOf,
  stampWallMs,
  type Stamp
} from './stamp.ts'

/** What a clock starts from. */
export interface HybridLogicalClockInit {
  /** Every stamp will be greater than this one. Give the greatest stamp that may ever have been issued or stored; default 0. */
  readonly floor?: Stamp
  /** How far a received stamp may be ahead of the local wall clock, in ms; default {@link DRIFT_MS_MAX}. */
  readonly driftMsMax?: number
  /** How far ahead of the wall clock a reservation reaches, in ms; default {@link RESERVE_MS}. Only with `onReserve`. */
  readonly reserveMs?: number
  /**
   * Called before a stamp above the last reservation is issued, with the new one: no stamp above it will be issued before the
   * next call. Store it before the stamp leaves the process, and give it as `floor` at the next start. Without it nothing is
   * reserved, and every stamp must be stored by other means before it leaves.
   */
  readonly onReserve?: (reserved: Stamp) => void
}

/** What became of a received stamp. `aheadMs` is its distance from the local wall clock. */
export type ReceiveResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'future'; readonly aheadMs: number }

const ACCEPTED: ReceiveResult = { ok: true }

/**
 * A hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014). Its stamps strictly increase, exceed every stamp it
 * has accepted, and stay close to wall time: a received stamp can never push it further than the drift bound ahead of the
 * *local* wall clock, so that a chain of peers cannot ratchet it up.
 *
 * It reads no clock. Every method takes the local wall time in ms since the epoch; fractions are dropped, and a time before the
 * epoch counts as the epoch.
 */
export class HybridLogicalClock {
  /** How far a received stamp may be ahead of the local wall clock, in ms. */
  readonly driftMsMax: number
  readonly #reserveMs: number
  readonly #onReserve: ((reserved: Stamp) => void) | undefined
  #last: Stamp
  // The two parts of #last: comparing and counting numbers costs a fraction of doing it with bigints.
  #wallMs: number
  #counter: number
  #reserved: Stamp
  #reservedWallMs: number

  constructor(init: HybridLogicalClockInit = {}) {
    const { floor = 0n, driftMsMax = DRIFT_MS_MAX, reserveMs = RESERVE_MS, onReserve } = init
    if (floor < 0n || floor > STAMP_MAX) throw new RangeError(`floor must be a stamp, got ${floor}`)
    if (!(driftMsMax >= 0)) throw new RangeError(`driftMsMax must be 0 or more, got ${driftMsMax}`)
    if (!(reserveMs >= 0)) throw new RangeError(`reserveMs must be 0 or more, got ${reserveMs}`)
    this.driftMsMax = driftMsMax
    this.#reserveMs = Math.floor(reserveMs)
    this.#onReserve = onReserve
    this.#last = this.#reserved = floor
    this.#wallMs = this.#reservedWallMs = stampWallMs(floor)
    this.#counter = stampCounter(floor)
  }

  /** The greatest stamp that was issued or accepted; at first the floor. */
  get last(): Stamp {
    return this.#last
  }

  /**
   * Issues a stamp: the wall time where that is later than everything before, else one more than the last. When the counter is
   * used up, it borrows a millisecond from the future. It also issues while the clock is ahead: ask {@link isAhead} first where
   * the stamp is for a write.
   *
   * @throws RangeError when `wallMs` is not a finite time below 2^48, or when the last stamp of all has been issued.
   */
  now(wallMs: number): Stamp {
    // The usual case by far: the same millisecond again, and nothing to reserve.
    if (wallMs < this.#wallMs + 1 && this.#counter < STAMP_COUNTER_MAX && this.#onReserve === undefined) {
      this.#counter++
      this.#last += 1n
      return this.#last
    }
    return this.#next(wholeMs(wallMs))
  }

  /**
   * Takes note of a stamp from elsewhere, so that the next one issued is greater. A stamp too far ahead of the local wall clock
   * is refused, and changes nothing. Never throws for a decoded stamp.
   */
  receive(stamp: Stamp, wallMs: number): ReceiveResult {
    const stampWall = stampWallMs(stamp)
    const aheadMs = stampWall - wholeMs(wallMs)
    // The bound holds for every stamp alike, also for one that the clock already exceeds.
    if (aheadMs > this.driftMsMax) return { ok: false, reason: 'future', aheadMs }
    if (stampWall >= this.#wallMs && stamp > this.#last) {
      this.#last = stamp
      this.#wallMs = stampWall
      this.#counter = stampCounter(stamp)
    }
    return ACCEPTED
  }

  /** Takes note of many stamps at once, all or none: the greatest decides. No stamp at all is accepted. */
  receiveMax(stamps: Iterable<Stamp>, wallMs: number): ReceiveResult {
    let greatest = 0n
    for (const stamp of stamps) if (stamp > greatest) greatest = stamp
    return this.receive(greatest, wallMs)
  }

  /** How far the clock is ahead of the wall, in ms; negative when it is behind. */
  aheadMs(wallMs: number): number {
    return this.#wallMs - wholeMs(wallMs)
  }

  /** Whether the clock is further ahead than the drift bound, so that peers would refuse its stamps. */
  isAhead(wallMs: number): boolean {
    return this.aheadMs(wallMs) > this.driftMsMax
  }

  #next(wall: number): Stamp {
    if (this.#onReserve !== undefined) this.#reserve(wall, this.#onReserve)
    if (wall > this.#wallMs) {
      this.#wallMs = wall
      this.#counter = 0
      this.#last = stampOf(wall)
      return this.#last
    }
    if (this.#last === STAMP_MAX)
      throw new RangeError('The clock has issued its last stamp; repair the clock')
    if (this.#counter === STAMP_COUNTER_MAX) {
      this.#wallMs++
      this.#counter = 0
    } else {
      this.#counter++
    }
    this.#last += 1n
    return this.#last
  }

  /**
   * Reserves up to the later of the next stamp plus 1 ms and the wall plus the window. The window hangs on the wall and not on
   * the clock, so that restarts in a loop do not add up.
   */
  #reserve(wall: number, onReserve: (reserved: Stamp) => void): void {
    if (wall < this.#reservedWallMs && this.#wallMs < this.#reservedWallMs - 1) return
    const next = wall > this.#wallMs ? stampOf(wall) : this.#last + 1n
    if (next <= this.#reserved) return
    const until = Math.max(stampWallMs(next) + 1, wall + this.#reserveMs)
    const reserved = until > STAMP_WALL_MS_MAX ? STAMP_MAX : stampOf(until)
    onReserve(reserved)
    this.#reserved = reserved
    this.#reservedWallMs = stampWallMs(reserved)
  }
}

function wholeMs(wallMs: number): number {
  if (!(wallMs <= STAMP_WALL_MS_MAX))
    throw new RangeError(`wallMs must be a finite time below 2^48 ms, got ${wallMs}`)
  return wallMs > 0 ? Math.floor(wallMs) : 0
}
