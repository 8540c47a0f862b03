import type { CancelSignal } from './connection-types.ts'

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Promises that wait for one thing, each until its own signal gives it up. */
export class Waiters {
  readonly #waiting = new Set<Waiter>()

  wait(signal: CancelSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { resolve, reject }
    const cancel = (): void => {
      this.#waiting.delete(waiter)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', cancel, { once: true })
    this.#waiting.add(waiter)
    const settled = (): void => signal?.removeEventListener('abort', cancel)
    promise.then(settled, settled)
    return promise
  }

  resolve(): void {
    for (const { resolve } of this.#take()) resolve()
  }

  reject(error: () => Error): void {
    for (const { reject } of this.#take()) reject(error())
  }

  #take(): Waiter[] {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    return waiting
  }
}
