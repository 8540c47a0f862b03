/** Whoever wants to be told of something. One that throws is reported, and the others hear of it all the same. */
export class Listeners<Event extends readonly unknown[]> {
  readonly #listeners = new Set<(...event: Event) => void>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Returns how to stop listening. */
  add(listener: (...event: Event) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Those that are added or removed meanwhile make no difference. */
  tell(...event: Event): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(...event)
      } catch (error) {
        this.#onError(error)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
