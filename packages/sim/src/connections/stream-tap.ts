/** Called when something has arrived. */
type TapListener = (event: { readonly type: 'message' }) => void

/**
 * Stands in for all streams of a connection where somebody only wants to notice that something arrives. Channels read what
 * arrives in any case, so there always is a listener beside those added.
 */
export class StreamTap {
  readonly #listeners = new Set<TapListener>()

  listenerCount(_type: 'message'): number {
    return 1 + this.#listeners.size
  }

  addEventListener(_type: 'message', listener: TapListener): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'message', listener: TapListener): void {
    this.#listeners.delete(listener)
  }

  /** Something has arrived. */
  heard(): void {
    for (const listener of [...this.#listeners]) listener({ type: 'message' })
  }
}
