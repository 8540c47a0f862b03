import type { Timers } from '@starling/ports'
import { systemTimers } from '@starling/ports/system'

/** Timers that stand still until they are told to advance; tasks of 0 ms run at the next immediate, as gathering needs. */
export class ManualTimers implements Timers {
  #nowMs = 0
  readonly #tasks = new Set<{ readonly atMs: number; readonly task: () => void }>()

  /** While true, tasks of 0 ms wait for `advance(0)` as well. */
  holdsTurns: boolean = false

  get pending(): number {
    return this.#tasks.size
  }

  schedule(delayMs: number, task: () => void): { cancel(): void } {
    if (delayMs === 0 && !this.holdsTurns) {
      return systemTimers.schedule(0, task)
    }
    const entry = { atMs: this.#nowMs + delayMs, task }
    this.#tasks.add(entry)
    return { cancel: () => this.#tasks.delete(entry) }
  }

  /** Runs what falls due within the next `byMs`, in order of time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (;;) {
      const due = [...this.#tasks].filter(entry => entry.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#tasks.delete(due)
      this.#nowMs = due.atMs
      due.task()
    }
    this.#nowMs = untilMs
  }
}
