import { readEvents } from '../api/event-reader.ts'
import type { LogLine, Pulse } from '../api/types.ts'

/** Between two attempts to read a member's events, ms. */
const RETRY_MS = 500

export interface MemberLinkListener {
  pulse(pulse: Pulse): void
  line(line: LogLine): void
}

/** Reads what a member of the local cluster tells on its own API, again and again until closed. */
export class MemberLink {
  readonly #url: string
  readonly #listener: MemberLinkListener
  readonly #closed = new AbortController()
  #lastEventId: string | undefined

  constructor(url: string, listener: MemberLinkListener) {
    this.#url = url
    this.#listener = listener
    void this.#read()
  }

  close(): void {
    this.#closed.abort()
  }

  async #read(): Promise<void> {
    const { signal } = this.#closed
    while (!signal.aborted) {
      // A member that is being killed ends its stream in any way; the next attempt tells whether it is back.
      await this.#readOnce(signal).catch(() => {})
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, RETRY_MS)
        signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
      })
    }
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    const headers = this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }
    const { ok, body } = await fetch(new URL('api/v1/events', this.#url), { signal, headers })
    if (!ok || body === null) return
    for await (const { name, data, id } of readEvents(body)) {
      this.#lastEventId = id ?? this.#lastEventId
      if (name === 'pulse') this.#listener.pulse(data as Pulse)
      else if (name === 'event') this.#listener.line(data as LogLine)
    }
  }
}
