import { signal, type ReadonlySignal } from '@preact/signals'
import type { EntryPage } from '../../../src/api/types.ts'
import { REREAD_EVERY_MS } from '../config.ts'
import { sentence, type NodeClient } from './api-client.ts'
import { LiveStream } from './live-stream.ts'

/** What is shown of a map: one page of its entries, or why there is none. */
export interface MapPage {
  readonly page: EntryPage | undefined
  /** Keys whose version is not what it was on the page drawn before. */
  readonly changed: ReadonlySet<string>
  readonly error: string | undefined
}

/**
 * One page of a map's entries, read again whenever the map says it has changed. Reading again costs one request for a page and needs no
 * second idea of how entries are ordered, paged and merged.
 */
export class MapView {
  readonly #client: NodeClient
  readonly #map: string
  readonly #shown = signal<MapPage>({ page: undefined, changed: new Set(), error: undefined })
  readonly #stream: LiveStream
  #prefix = ''
  #after: string | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #reading: AbortController | undefined
  #again = false
  #elsewhere = false
  #ended = false
  #lastReadMs = -Infinity

  constructor(client: NodeClient, map: string) {
    this.#client = client
    this.#map = map
    this.#stream = new LiveStream({
      // Only that something has changed is of use: what is there is read.
      address: `${client.watchAddress(map)}?from=now`,
      // A stream that comes back may have missed changes.
      onConnection: ({ type }) => {
        if (type === 'live') this.#reread()
      },
      events: { change: () => this.#reread() }
    })
    this.#reread()
  }

  get shown(): ReadonlySignal<MapPage> {
    return this.#shown
  }

  /** Shows another part of the map, at once. */
  show(prefix: string, after: string | undefined): void {
    this.#prefix = prefix
    this.#after = after
    if (this.#ended) return
    this.#elsewhere = true
    this.#reading?.abort()
    void this.#read()
  }

  close(): void {
    this.#stream.close()
    this.#ended = true
    this.#reading?.abort()
    clearTimeout(this.#timer)
  }

  /** Soon, and once for all the changes that come until then. */
  #reread(): void {
    if (this.#ended) return
    if (this.#reading !== undefined) {
      this.#again = true
      return
    }
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        void this.#read()
      },
      Math.max(0, this.#lastReadMs + REREAD_EVERY_MS - performance.now())
    )
  }

  async #read(): Promise<void> {
    const reading = new AbortController()
    this.#reading = reading
    this.#again = false
    this.#lastReadMs = performance.now()
    const query = { prefix: this.#prefix, after: this.#after }
    const before = this.#shown.value
    try {
      const { signal } = reading
      const page = await this.#client.entries(this.#map, query, signal)
      if (signal.aborted) return
      const changed = changedKeys(this.#elsewhere ? undefined : before.page, page)
      this.#elsewhere = false
      this.#shown.value = { page, changed, error: undefined }
    } catch (error) {
      if (reading.signal.aborted) return
      this.#shown.value = { ...before, error: sentence(error) }
    } finally {
      if (this.#reading === reading) {
        this.#reading = undefined
        if (this.#again) this.#reread()
      }
    }
  }
}

/** Nothing has changed on a page that was not shown before. */
function changedKeys(before: EntryPage | undefined, after: EntryPage): ReadonlySet<string> {
  if (before === undefined) return new Set()
  const versions = new Map(before.entries.map(({ key, version }) => [key, version]))
  return new Set(
    after.entries.filter(({ key, version }) => versions.get(key) !== version).map(({ key }) => key)
  )
}
