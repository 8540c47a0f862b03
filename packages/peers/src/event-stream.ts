import { EVENT_BUFFER, EVENT_BUFFER_MAX } from './config.ts'

/** In place of `missed` events that a slow reader lost: what it needs it reads anew from the current state. */
export interface Lagged {
  readonly type: 'lagged'
  readonly missed: number
}

/**
 * Events for one reader, in a bounded buffer. Whoever pushes never waits: when the buffer is full the oldest event goes, and the
 * reader is told how many went before it gets the next.
 */
export class EventStream<T> implements AsyncIterableIterator<T | Lagged> {
  readonly #bufferMax: number
  readonly #onEnd: () => void
  readonly #buffer: T[] = []
  #missed = 0
  #ended = false
  readonly #readers: ((result: IteratorResult<T | Lagged>) => void)[] = []

  /** @throws RangeError for a buffer that is not 1 to 65,536 events */
  constructor(bufferMax: number = EVENT_BUFFER, onEnd: () => void = () => {}) {
    if (!Number.isInteger(bufferMax) || bufferMax < 1 || bufferMax > EVENT_BUFFER_MAX) {
      throw new RangeError(`bufferMax must be 1 to ${EVENT_BUFFER_MAX} events, got ${String(bufferMax)}`)
    }
    this.#bufferMax = bufferMax
    this.#onEnd = onEnd
  }

  push(event: T): void {
    if (this.#ended) return
    const reader = this.#readers.shift()
    if (reader !== undefined) return reader({ done: false, value: event })
    if (this.#buffer.length === this.#bufferMax) {
      this.#buffer.shift()
      this.#missed++
    }
    this.#buffer.push(event)
  }

  /** No more events; what is in the buffer can still be read. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined })
    this.#onEnd()
  }

  next(): Promise<IteratorResult<T | Lagged>> {
    if (this.#missed > 0) {
      const missed = this.#missed
      this.#missed = 0
      return Promise.resolve({ done: false, value: { type: 'lagged', missed } })
    }
    const event = this.#buffer.shift()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise(resolve => this.#readers.push(resolve))
  }

  return(): Promise<IteratorResult<T | Lagged>> {
    this.#buffer.length = 0
    this.#missed = 0
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** The streams of one kind of event that are being read. */
export class EventStreams<T> {
  readonly #streams = new Set<EventStream<T>>()

  get size(): number {
    return this.#streams.size
  }

  /** A stream from now on, until its signal aborts, its reader leaves, or `end`. */
  open(options: { readonly signal?: AbortSignal; readonly bufferMax?: number } = {}): EventStream<T> {
    const { signal, bufferMax } = options
    const onAbort = (): void => stream.end()
    const stream: EventStream<T> = new EventStream<T>(bufferMax, () => {
      this.#streams.delete(stream)
      signal?.removeEventListener('abort', onAbort)
    })
    this.#streams.add(stream)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) stream.end()
    return stream
  }

  push(event: T): void {
    for (const stream of this.#streams) stream.push(event)
  }

  end(): void {
    for (const stream of [...this.#streams]) stream.end()
  }
}
