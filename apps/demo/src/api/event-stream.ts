import type { HttpLimits } from './config.ts'
import { RefusedRequest } from './problem.ts'

/** One server-sent event. `id` is what a reader gives back as `Last-Event-ID`; without it, the last one stays. */
export interface ServerEvent {
  readonly name: string
  readonly data: unknown
  readonly id?: string
}

type Limits = Pick<HttpLimits, 'readersMax' | 'heartbeatMs'>

/**
 * The streams of one server. A stream is pulled: the next event is taken from its source when the connection has room for it, so a
 * slow reader costs what the source keeps for it and nothing else. The server closes the connection of one that takes nothing.
 */
export class EventStreams {
  readonly #limits: Limits
  readonly #ends = new Set<() => void>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get readers(): number {
    return this.#ends.size
  }

  /**
   * Answers with what `open` gives. `open` is called at once, and its signal ends with the reader.
   *
   * @throws RefusedRequest when there are `readersMax` readers already
   */
  respond(gone: AbortSignal, open: (signal: AbortSignal) => AsyncIterator<ServerEvent>): Response {
    const { signal, end } = this.#enter(gone)
    let source: AsyncIterator<ServerEvent>
    try {
      source = open(signal)
    } catch (error) {
      end()
      throw error
    }
    return new Response(this.#body(source, signal, end), {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        // A proxy that collects an answer before passing it on would hold events back.
        'x-accel-buffering': 'no'
      }
    })
  }

  /**
   * Passes on what another server answers, as it comes. A stream of events counts as a reader until it has ended.
   *
   * @throws RefusedRequest for a stream when there are `readersMax` readers already; what `ask` throws
   */
  async passOn(gone: AbortSignal, ask: (signal: AbortSignal) => Promise<Response>): Promise<Response> {
    const asking = new AbortController()
    gone.addEventListener('abort', () => asking.abort(), { once: true })
    const answer = await ask(asking.signal)
    const { body, status, headers } = answer
    if (body === null || headers.get('content-type') !== 'text/event-stream') return answer
    try {
      const { signal, end } = this.#enter(gone)
      signal.addEventListener('abort', () => asking.abort(), { once: true })
      return new Response(untilItEnds(body, end), { status, headers })
    } catch (error) {
      asking.abort()
      throw error
    }
  }

  #enter(gone: AbortSignal): { readonly signal: AbortSignal; readonly end: () => void } {
    const { readersMax } = this.#limits
    if (this.#ends.size >= readersMax) {
      throw new RefusedRequest(
        503,
        'ReaderLimitError',
        `There are ${readersMax} readers of events already; close a page or a watch.`,
        { 'retry-after': '5' }
      )
    }
    const ending = new AbortController()
    const end = (): void => {
      this.#ends.delete(end)
      gone.removeEventListener('abort', end)
      ending.abort()
    }
    this.#ends.add(end)
    gone.addEventListener('abort', end, { once: true })
    return { signal: ending.signal, end }
  }

  /** Ends every stream. */
  close(): void {
    for (const end of [...this.#ends]) end()
  }

  #body(
    source: AsyncIterator<ServerEvent>,
    signal: AbortSignal,
    end: () => void
  ): ReadableStream<Uint8Array> {
    const { heartbeatMs } = this.#limits
    const encoder = new TextEncoder()
    let next: Promise<IteratorResult<ServerEvent, unknown>> | undefined
    let greeted = false
    const finish = (controller: ReadableStreamDefaultController): void => {
      end()
      void source.return?.()
      try {
        controller.close()
      } catch {
        // The reader has ended it.
      }
    }
    return new ReadableStream<Uint8Array>({
      start: controller => signal.addEventListener('abort', () => finish(controller), { once: true }),
      pull: async controller => {
        let text = ': this stream sends heartbeats\nretry: 1000\n\n'
        if (greeted) {
          next ??= source.next()
          const taken = await nextOrHeartbeat(next, heartbeatMs, signal)
          if (taken !== undefined) next = undefined
          if (signal.aborted || taken?.done === true) {
            finish(controller)
            return
          }
          text = taken === undefined ? ': heartbeat\n\n' : eventText(taken.value)
        }
        greeted = true
        controller.enqueue(encoder.encode(text))
      },
      cancel: () => {
        end()
        void source.return?.()
      }
    })
  }
}

/** The same stream, which also ends when its server dies: readers of events come back by themselves. */
function untilItEnds(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>({
    pull: async controller => {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }) as const)
      if (!done) return controller.enqueue(value)
      ended()
      controller.close()
    },
    cancel: reason => {
      ended()
      return reader.cancel(reason)
    }
  })
}

/** `undefined` when the time for a heartbeat came first. A source that fails has nothing more to say. */
async function nextOrHeartbeat(
  next: Promise<IteratorResult<ServerEvent, unknown>>,
  heartbeatMs: number,
  signal: AbortSignal
): Promise<IteratorResult<ServerEvent, unknown> | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(resolve, heartbeatMs, undefined)
  const onAbort = (): void => resolve(undefined)
  signal.addEventListener('abort', onAbort, { once: true })
  const failed = { done: true, value: undefined } as const
  try {
    return await Promise.race([next.catch(() => failed), promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** JSON has no line breaks of its own, so data is always one line. */
function eventText({ name, data, id }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
