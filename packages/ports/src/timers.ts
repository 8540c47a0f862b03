/** A scheduled task that has not run yet. */
export interface TimerHandle {
  /** Prevents the task from running. Idempotent, and harmless after the task ran. */
  cancel(): void
}

/** Runs tasks later. A task never runs inside the call that schedules it. */
export interface Timers {
  /**
   * Runs `task` once, `delayMs` from now (0 or more; fractions allowed). A pending task does not keep the process alive by
   * itself: what the program waits for does.
   */
  schedule(delayMs: number, task: () => void): TimerHandle
}
