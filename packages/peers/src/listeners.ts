/** Listeners of one kind of event. A listener that throws is counted and stops nobody else. */
export class Listeners<T> {
  readonly #listeners = new Set<(event: T) => void>()
  readonly #onError: () => void

  constructor(onError: () => void) {
    this.#onError = onError
  }

  /** Returns what takes it away again. One function added twice is two listeners. */
  add(listener: (event: T) => void): () => void {
    const own = (event: T): void => listener(event)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  tell(event: T): void {
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener(event)
      } catch {
        this.#onError()
      }
    }
  }
}
