import type { Timers } from '@starling/ports'
import { TIMER_MS_MAX } from './config.ts'

interface Step {
  readonly name: string
  close(): Promise<void> | void
}

/** What did not close in time, or failed to. */
export interface Abandoned {
  readonly name: string
  readonly error: Error | undefined
}

/**
 * Closes what was opened, in reverse order, whether a start failed half-way or a node stops. Each step gets a share of the
 * time that is left; one that does not end in it is abandoned and named, and the next is taken.
 */
export class Shutdown {
  readonly #steps: Step[] = []
  readonly #timers: Timers

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Adds a step to be taken before all those added so far. */
  defer(name: string, close: () => Promise<void> | void): void {
    this.#steps.push({ name, close })
  }

  /** Takes every step, at most `stepTimeoutMs` each, and 24 days. Never rejects. */
  async run(stepTimeoutMs: number): Promise<readonly Abandoned[]> {
    const abandoned: Abandoned[] = []
    const timeoutMs = stepTimeoutMs > 0 ? Math.min(stepTimeoutMs, TIMER_MS_MAX) : 0
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const { name } = step
      const end = await this.#within(step, timeoutMs)
      if (end !== 'closed') abandoned.push({ name, error: end === 'late' ? undefined : end })
    }
    return abandoned
  }

  async #within(step: Step, timeoutMs: number): Promise<'closed' | 'late' | Error> {
    let timer: { cancel(): void } | undefined
    const late = new Promise<'late'>(resolve => {
      timer = this.#timers.schedule(timeoutMs, () => resolve('late'))
    })
    const closed = (async (): Promise<'closed' | Error> => {
      try {
        await step.close()
        return 'closed'
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error))
      }
    })()
    try {
      return await Promise.race([closed, late])
    } finally {
      timer?.cancel()
    }
  }
}
