import type { Clock, TimerHandle, Timers } from '@starling/ports'

interface Task {
  readonly atMs: number
  readonly run: () => void
}

/** A clock and timers that move only when told. */
export class FakeTime implements Clock, Timers {
  ms: number
  /** How wrong the wall clock is. */
  wrongMs = 0
  readonly #tasks: Set<Task> = new Set()

  constructor(startMs = 1_700_000_000_000) {
    this.ms = startMs
  }

  get pending(): number {
    return this.#tasks.size
  }

  wallMs(): number {
    return this.ms + this.wrongMs
  }

  monotonicMs(): number {
    return this.ms
  }

  schedule(delayMs: number, run: () => void): TimerHandle {
    const task = { atMs: this.ms + delayMs, run }
    this.#tasks.add(task)
    return { cancel: () => void this.#tasks.delete(task) }
  }

  /** Runs everything due within the next `ms`, in order, letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const until = this.ms + ms
    await settle()
    for (;;) {
      const [next] = [...this.#tasks].filter(task => task.atMs <= until).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.#tasks.delete(next)
      this.ms = Math.max(this.ms, next.atMs)
      next.run()
      await settle()
    }
    this.ms = until
  }
}

/** Lets every promise reaction that is due run. */
export async function settle(turns = 40): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve()
}
