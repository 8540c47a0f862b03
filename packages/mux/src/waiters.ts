interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Callers that wait for one thing, each with its own signal. */
export class Waiters {
  #waiting = new Set<Waiter>()

  /** Resolves or rejects with all the others, or earlier with the signal's reason. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { resolve, reject }
    this.#waiting.add(waiter)
    const onAbort = (): void => reject(signal?.reason as Error)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      this.#waiting.delete(waiter)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  resolve(): void {
    for (const waiter of this.#waiting) waiter.resolve()
  }

  reject(error: () => Error): void {
    for (const waiter of this.#waiting) waiter.reject(error())
  }
}
