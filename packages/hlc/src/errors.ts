/**
 * This replica's clock is further ahead of its own wall clock than the drift bound allows, so every peer would refuse what it
 * writes. It happens when the wall clock was set forward for a while, something was written, and it was set back. Wait until
 * the wall clock has caught up, or repair the clock.
 */
export class ClockAheadError extends Error {
  override readonly name = 'ClockAheadError'
  /** How far the clock is ahead of the wall, in ms. */
  readonly aheadMs: number
  /** How far it may be, in ms. */
  readonly driftMsMax: number

  constructor(aheadMs: number, driftMsMax: number) {
    super(
      `The clock is ${aheadMs} ms ahead of this host's wall clock, at most ${driftMsMax} ms are allowed; ` +
        'check the time of this host, then wait or repair the clock'
    )
    this.aheadMs = aheadMs
    this.driftMsMax = driftMsMax
  }
}
