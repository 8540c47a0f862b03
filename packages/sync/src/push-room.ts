/** How many pushes of one peer are being answered, over all its channels: each until its protocol has really returned. */
export class PushRoom {
  readonly #most: number
  #taken = 0
  #freed: PromiseWithResolvers<void> | undefined

  constructor(most: number) {
    this.#most = most
  }

  get isFull(): boolean {
    return this.#taken >= this.#most
  }

  get isEmpty(): boolean {
    return this.#taken === 0
  }

  take(): void {
    this.#taken++
  }

  give(): void {
    this.#taken--
    this.#freed?.resolve()
    this.#freed = undefined
  }

  /** Resolves with the next place that is given back. */
  freed(): Promise<void> {
    return (this.#freed ??= Promise.withResolvers()).promise
  }
}
