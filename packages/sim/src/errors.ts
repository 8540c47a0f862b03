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
