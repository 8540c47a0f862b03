import type { Clock, TimerHandle, Timers } from '@starling/ports'

interface Task {
  readonly atMs: number
  readonly run: () => void
}

/** Virtual time: a clock and timers that move only when told. */
export class FakeTime implements Clock, Timers {
  #nowMs = 0
  readonly #tasks: Set<Task> = new Set()

  get pending(): number {
    return this.#tasks.size
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, run: () => void): TimerHandle {
    const task = { atMs: this.#nowMs + delayMs, run }
    this.#tasks.add(task)
    return { cancel: () => void this.#tasks.delete(task) }
  }

  /** Runs everything due within the next `ms`, in order, letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms
    await settle()
    for (;;) {
      let next: Task | undefined
      for (const task of this.#tasks) {
        if (task.atMs <= until && (next === undefined || task.atMs < next.atMs)) next = task
      }
      if (next === undefined) break
      this.#tasks.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.run()
      await settle()
    }
    this.#nowMs = until
  }
}

/** Lets every promise that can settle now settle. */
export function settle(): Promise<void> {
  return new Promise(resolve => void setImmediate(resolve))
}
