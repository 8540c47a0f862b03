/**
 * More events are pending than the simulation allows: some task schedules faster than time passes. Raise
 * `eventsPendingMax`, or look for the task that schedules two for each one that runs.
 */
export class EventQueueFullError extends Error {
  override readonly name = 'EventQueueFullError'
  /** The bound that was reached. */
  readonly eventsPendingMax: number
  /** Virtual time at which it was reached. */
  readonly nowMs: number

  constructor(eventsPendingMax: number, nowMs: number) {
    super(
      `${eventsPendingMax} events are pending at ${nowMs} ms of virtual time: raise eventsPendingMax or find what schedules without end`
    )
    this.eventsPendingMax = eventsPendingMax
    this.nowMs = nowMs
  }
}

/**
 * The program waits, and no event is left that could wake it: a promise that nobody settles, or one that something real
 * was to settle. Look at what the program awaits.
 */
export class StalledError extends Error {
  override readonly name = 'StalledError'
  readonly nowMs: number
  readonly steps: number

  constructor(nowMs: number, steps: number) {
    super(
      `the program waits at ${nowMs} ms of virtual time, after ${steps} events, and nothing is pending that could wake it`
    )
    this.nowMs = nowMs
    this.steps = steps
  }
}

/** The program ran longer than it was allowed to. Raise `stepsMax`, or look for what goes on for ever. */
export class StepLimitError extends Error {
  override readonly name = 'StepLimitError'
  readonly stepsMax: number
  readonly nowMs: number

  constructor(stepsMax: number, nowMs: number) {
    super(`the program has not ended after ${stepsMax} events, at ${nowMs} ms of virtual time`)
    this.stepsMax = stepsMax
    this.nowMs = nowMs
  }
}

/** The program started something real: a timer, a file operation, a socket. Its run could not be repeated. */
export class RealWorkError extends Error {
  override readonly name = 'RealWorkError'
  /** What the host says is pending that was not when the run began. */
  readonly resources: readonly string[]

  constructor(resources: readonly string[], nowMs: number) {
    super(
      `something real is pending at ${nowMs} ms of virtual time: ${resources.join(', ')}; give the program virtual ports`
    )
    this.resources = resources
  }
}
