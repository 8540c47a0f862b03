import type { TimerHandle, Timers } from '@starling/ports'

/** An abort signal that fires by itself after a while, or when it is told to. */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #timer: TimerHandle

  constructor(timers: Timers, delayMs: number, reason: () => Error) {
    this.#timer = timers.schedule(delayMs, () => this.#controller.abort(reason()))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Fires now. */
  abort(reason: Error): void {
    this.#timer.cancel()
    this.#controller.abort(reason)
  }

  /** Never fires any more. */
  cancel(): void {
    this.#timer.cancel()
  }
}

/** The promise's result, or the signal's reason if that comes first. The promise's later rejection is owned here. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Resolves when the promise has, or the signal fires. */
export async function settledOr(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const fired = Promise.withResolvers<void>()
  const onAbort = (): void => fired.resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  await Promise.race([promise, fired.promise])
  signal.removeEventListener('abort', onAbort)
}
