import { HIDDEN_MS_MAX, RECONNECT_MS_MAX, RECONNECT_MS_MIN } from '../config.ts'

/** How a stream is doing. */
export type Connection =
  | { readonly type: 'connecting' }
  | { readonly type: 'live' }
  | { readonly type: 'resting' }
  | { readonly type: 'lost'; readonly retryAtMs: number }

export interface LiveStreamInit {
  readonly address: string
  /** By the name of the event. The data is parsed, what is not JSON is dropped; the id is empty before the first that has one. */
  readonly events: Readonly<Record<string, (data: unknown, id: string) => void>>
  readonly onConnection: (connection: Connection) => void
  /** Taken for broken after this many milliseconds without an event. Without it a stream may be silent. */
  readonly silenceMsMax?: number
}

/**
 * Server-sent events that come back by themselves. The browser's own reconnecting gives up on some errors and says nothing about the
 * others, so each connection is used once and a new one is opened here.
 */
export class LiveStream {
  readonly #init: LiveStreamInit
  #source: EventSource | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #silence: ReturnType<typeof setTimeout> | undefined
  #pauseMs = RECONNECT_MS_MIN
  #closed = false

  constructor(init: LiveStreamInit) {
    this.#init = init
    document.addEventListener('visibilitychange', this.#onVisibility)
    this.#open()
  }

  /** Opens it now instead of at the end of the pause. */
  retry(): void {
    if (this.#closed || this.#source !== undefined) return
    this.#open()
  }

  close(): void {
    this.#closed = true
    document.removeEventListener('visibilitychange', this.#onVisibility)
    this.#drop()
  }

  #open(): void {
    this.#drop()
    const { address, events, onConnection } = this.#init
    onConnection({ type: 'connecting' })
    const source = new EventSource(address)
    this.#source = source
    source.addEventListener('open', () => {
      onConnection({ type: 'live' })
      this.#heard()
    })
    source.addEventListener('error', () => {
      if (this.#source === source) this.#lost()
    })
    for (const [name, take] of Object.entries(events))
      source.addEventListener(name, ({ data, lastEventId }: MessageEvent<string>) => {
        this.#pauseMs = RECONNECT_MS_MIN
        this.#heard()
        const parsed = parse(data)
        if (parsed !== undefined) take(parsed, lastEventId)
      })
    this.#heard()
  }

  #heard(): void {
    const { silenceMsMax } = this.#init
    if (silenceMsMax === undefined) return
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.#lost(), silenceMsMax)
  }

  #lost(): void {
    this.#drop()
    this.#init.onConnection({ type: 'lost', retryAtMs: Date.now() + this.#pauseMs })
    this.#timer = setTimeout(() => this.#open(), this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, RECONNECT_MS_MAX)
  }

  #drop(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#silence)
    this.#source?.close()
    this.#source = undefined
  }

  readonly #onVisibility = (): void => {
    if (document.visibilityState === 'hidden') {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => {
        this.#drop()
        this.#init.onConnection({ type: 'resting' })
      }, HIDDEN_MS_MAX)
    } else if (this.#source === undefined) this.#open()
    else clearTimeout(this.#timer)
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data) as unknown
  } catch {
    return undefined
  }
}
