/** One session of the map's topic. A sync handle's sessions fit it. */
export interface SyncSessionView {
  readonly lastCompleteMs: number | undefined
}

/** What a map needs to know of its reconciliation. A handle of `@starling/sync` fits it. */
export interface SyncView {
  sessions(): readonly SyncSessionView[]
  onRound(listener: (event: { readonly outcome?: { readonly complete: boolean } }) => void): () => void
}

/** Whether everything was compared with at least one neighbour since the map was opened. */
export class Synced {
  #done: boolean
  readonly #waiting = new Set<{ resolve: () => void; reject: (reason: unknown) => void }>()
  #stopListening: (() => void) | undefined

  /** @param alone there is nobody to compare with. */
  constructor(view: SyncView | undefined, alone: boolean) {
    this.#done =
      alone || (view?.sessions().some(({ lastCompleteMs }) => lastCompleteMs !== undefined) ?? false)
    if (this.#done || view === undefined) return
    this.#stopListening = view.onRound(({ outcome }) => {
      if (outcome?.complete === true) this.#finish()
    })
  }

  get done(): boolean {
    return this.#done
  }

  /** Rejects with the signal's reason, or with that of {@link Synced.end}. */
  async when(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#done) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { resolve, reject }
    const onAbort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting.add(waiter)
    try {
      await promise
    } finally {
      this.#waiting.delete(waiter)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** The map is closed: nobody will be synced any more. */
  end(reason: Error): void {
    this.#stopListening?.()
    this.#stopListening = undefined
    for (const { reject } of this.#waiting) reject(reason)
  }

  #finish(): void {
    this.#done = true
    this.#stopListening?.()
    this.#stopListening = undefined
    for (const { resolve } of this.#waiting) resolve()
  }
}
