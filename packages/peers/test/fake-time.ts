import type { Clock, Timers } from '@starling/ports'

/** Time that stands still until a test moves it. */
export class FakeTime {
  #nowMs = 0
  #wallOffsetMs = 1_700_000_000_000
  #number = 0
  readonly #tasks = new Map<number, { atMs: number; task: () => void }>()

  get nowMs(): number {
    return this.#nowMs
  }

  /** Timers that have not run and were not cancelled. */
  get pending(): number {
    return this.#tasks.size
  }

  clock(skewMs = 0): Clock {
    return {
      wallMs: () => this.#wallOffsetMs + this.#nowMs + skewMs,
      monotonicMs: () => this.#nowMs
    }
  }

  readonly timers: Timers = {
    schedule: (delayMs, task) => {
      const number = ++this.#number
      this.#tasks.set(number, { atMs: this.#nowMs + delayMs, task })
      return { cancel: () => void this.#tasks.delete(number) }
    }
  }

  /** Moves time on, running each timer at its moment and everything that follows from it before the next. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settled()
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      const [number, { atMs, task }] = next
      this.#tasks.delete(number)
      this.#nowMs = Math.max(this.#nowMs, atMs)
      task()
      await settled()
    }
    this.#nowMs = untilMs
    await settled()
  }

  /** Moves time on without running anything, as when the process was stopped; what is overdue runs at the next `advance`. */
  freeze(ms: number): void {
    this.#nowMs += ms
  }

  #next(untilMs: number): [number, { atMs: number; task: () => void }] | undefined {
    let best: [number, { atMs: number; task: () => void }] | undefined
    for (const entry of this.#tasks) {
      if (entry[1].atMs <= untilMs && (best === undefined || entry[1].atMs < best[1].atMs)) best = entry
    }
    return best
  }
}

/** Resolves when every promise that can settle without time has settled. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>(resolve => setImmediate(resolve))
}
