import { randomBytes } from 'node:crypto'
import type { HttpLimits } from './config.ts'
import type { ServerEvent } from './event-stream.ts'
import type { LogLine } from './types.ts'

interface Line {
  readonly number: number
  readonly line: LogLine
}

/** News of which only the newest of its kind is worth sending. `merge` puts a newer one over one that was not read yet. */
export interface State<T> {
  readonly name: string
  readonly data: T
  merge?(unread: T, newer: T): T
}

/**
 * What happens, for any number of readers. States (`pulse`, `cluster`) replace each other while a reader does not read; lines of the log
 * are kept, the last `logLinesMax` for whoever comes later and at most `readerLinesMax` for each reader. A reader that missed lines gets
 * `resync`: what follows is all there is.
 *
 * An event's id names this feed and the line's number. A reader that comes back with one gets the lines after it, or `resync` when they
 * are not kept any more, or when the process was another.
 */
export class EventFeed {
  readonly #limits: Pick<HttpLimits, 'logLinesMax' | 'readerLinesMax'>
  readonly #epoch = randomBytes(4).toString('hex')
  readonly #lines: Line[] = []
  readonly #readers = new Set<Reader>()
  #lastNumber = 0

  constructor(limits: Pick<HttpLimits, 'logLinesMax' | 'readerLinesMax'>) {
    this.#limits = limits
  }

  get readers(): number {
    return this.#readers.size
  }

  log(line: LogLine): void {
    const numbered = { number: ++this.#lastNumber, line }
    this.#lines.push(numbered)
    if (this.#lines.length > this.#limits.logLinesMax) this.#lines.shift()
    for (const reader of this.#readers) reader.offerLine(numbered)
  }

  publish<T>(state: State<T>): void {
    for (const reader of this.#readers) reader.offerState(state)
  }

  /** Begins at once: first `states`, then the lines that are kept, then what comes. */
  read(
    lastEventId: string | undefined,
    states: readonly State<unknown>[]
  ): AsyncIterableIterator<ServerEvent> {
    const reader = new Reader(this.#epoch, this.#limits.readerLinesMax, () => this.#readers.delete(reader))
    this.#readers.add(reader)
    for (const state of states) reader.offerState(state)
    const after = this.#numberOf(lastEventId)
    if (lastEventId !== undefined && after === undefined) reader.missed()
    for (const line of this.#lines) if (line.number > (after ?? 0)) reader.offerLine(line)
    return reader
  }

  /** The number after which a returning reader wants the lines; `undefined` when some of those are gone. */
  #numberOf(lastEventId: string | undefined): number | undefined {
    const [epoch, digits] = lastEventId?.split('-') ?? []
    const number = Number(digits)
    if (epoch !== this.#epoch || !Number.isInteger(number) || number > this.#lastNumber) return undefined
    return number >= (this.#lines[0]?.number ?? 1) - 1 ? number : undefined
  }
}

class Reader implements AsyncIterableIterator<ServerEvent> {
  readonly #epoch: string
  readonly #linesMax: number
  readonly #ended: () => void
  readonly #states = new Map<string, unknown>()
  readonly #lines: Line[] = []
  #missed = false
  #waiting: (() => void) | undefined
  #done = false

  constructor(epoch: string, linesMax: number, ended: () => void) {
    this.#epoch = epoch
    this.#linesMax = linesMax
    this.#ended = ended
  }

  offerState<T>(state: State<T>): void {
    const { name, data } = state
    const unread = this.#states.get(name) as T | undefined
    this.#states.set(name, unread === undefined ? data : (state.merge?.(unread, data) ?? data))
    this.#waiting?.()
  }

  offerLine(line: Line): void {
    if (this.#lines.push(line) > this.#linesMax) {
      this.#lines.shift()
      this.#missed = true
    }
    this.#waiting?.()
  }

  missed(): void {
    this.#missed = true
  }

  /** One call at a time, as a stream makes them. */
  async next(): Promise<IteratorResult<ServerEvent, undefined>> {
    for (;;) {
      if (this.#done) return { done: true, value: undefined }
      const event = this.#take()
      if (event !== undefined) return { done: false, value: event }
      await new Promise<void>(resolve => (this.#waiting = resolve))
      this.#waiting = undefined
    }
  }

  return(): Promise<IteratorResult<ServerEvent, undefined>> {
    this.#done = true
    this.#ended()
    this.#waiting?.()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #take(): ServerEvent | undefined {
    for (const [name, data] of this.#states) {
      this.#states.delete(name)
      return { name, data }
    }
    if (this.#missed) {
      this.#missed = false
      return { name: 'resync', data: {} }
    }
    const line = this.#lines.shift()
    return line === undefined
      ? undefined
      : { name: 'event', data: line.line, id: `${this.#epoch}-${line.number}` }
  }
}
