import { equalBytes } from '@starling/codec'
import type { Entry } from '@starling/ormap'
import type { EventCause } from './listeners.ts'
import type { MapEvent, Origin } from './types.ts'

/** What a key shows to readers. */
export interface Shown<V> {
  readonly value: V
  readonly version: string
  readonly conflict: boolean
  /** The value as it is stored. */
  readonly bytes: Uint8Array
}

/** Whether readers see no difference. A peer that gives two values one stamp changes the value and not the version. */
export function showsSame(a: Shown<unknown> | undefined, b: Shown<unknown> | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.version === b.version && equalBytes(a.bytes, b.bytes)
}

/** The map, as a watcher needs it. */
export interface WatchSource<V> {
  /** What an entry of which nothing has ended shows; a fresh copy each time. `undefined` for nothing. */
  show(key: string, entry: Entry): Shown<V> | undefined
  /** What has not ended of a key's entry now. */
  entry(key: string): Entry | undefined
  /** The keys that are shown now. */
  shownKeys(): Iterable<string>
}

/** How a watcher is made. */
export interface WatcherInit {
  readonly from: 'snapshot' | 'now'
  readonly signal: AbortSignal | undefined
  /** Changed keys that are kept. */
  readonly keysMax: number
  /** Called once, when the watcher has ended. */
  readonly ended: () => void
}

interface Pending {
  readonly previous: Entry | undefined
  entry: Entry
  cause: EventCause
}

type Result<V> = IteratorResult<MapEvent<V>, undefined>

interface Waiter<V> {
  resolve(result: Result<V>): void
  reject(reason: unknown): void
}

/**
 * One reader's view on the changes of a map: a bounded buffer with one place per key. The map offers changes and never
 * waits; whatever the reader does or throws stays with the reader.
 */
export class Watcher<V> implements AsyncIterableIterator<MapEvent<V>> {
  readonly #source: WatchSource<V>
  readonly #init: WatcherInit
  readonly #pending = new Map<string, Pending>()
  /** One iterator as long as anything is pending: a new one has to pass over what was taken before. */
  #changes: Iterator<string, undefined> | undefined
  /** Keys of the snapshot that were not read yet. Their changes need no place: the read will see them. */
  #snapshot = new Set<string>()
  /** One iterator for the whole snapshot: starting anew at each read would pass over what was deleted before. */
  #snapshotKeys: Iterator<string, undefined> = this.#snapshot.values()
  /** Changes dropped since there was no more room; the reader is told of their number before anything else. */
  #missed = 0
  #waiters: Waiter<V>[] = []
  #ended: { readonly reason: unknown; readonly failed: boolean } | undefined

  constructor(source: WatchSource<V>, init: WatcherInit) {
    this.#source = source
    this.#init = init
    this.#takeSnapshot()
    init.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Takes note of a change of what is shown. Called in the order of the changes. */
  offer(key: string, previous: Entry | undefined, entry: Entry, cause: EventCause): void {
    if (this.#ended !== undefined || this.#snapshot.has(key)) return
    if (this.#missed > 0) {
      this.#missed++
      return
    }
    const pending = this.#pending.get(key)
    if (pending !== undefined) {
      pending.entry = entry
      pending.cause = cause
    } else if (this.#pending.size < this.#init.keysMax) {
      this.#pending.set(key, { previous, entry, cause })
    } else {
      this.#missed = this.#pending.size + 1
      this.#pending.clear()
      this.#snapshot.clear()
    }
    this.#serve()
  }

  /** Ends the watch after what is buffered: nothing more will be offered. */
  finish(): void {
    this.#end({ reason: undefined, failed: false })
  }

  next(): Promise<Result<V>> {
    // What is there is handed over at once, without a waiter.
    const event = this.#waiters.length === 0 ? this.#take() : undefined
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#serve()
    })
  }

  return(): Promise<Result<V>> {
    this.#discard()
    this.#end({ reason: undefined, failed: false })
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  readonly #onAbort = (): void => {
    this.#discard()
    this.#end({ reason: this.#init.signal?.reason, failed: true })
  }

  #discard(): void {
    this.#pending.clear()
    this.#snapshot.clear()
    this.#missed = 0
  }

  #end(how: { readonly reason: unknown; readonly failed: boolean }): void {
    if (this.#ended !== undefined) return
    this.#ended = how
    this.#init.signal?.removeEventListener('abort', this.#onAbort)
    this.#init.ended()
    this.#serve()
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      const event = this.#take()
      if (event === undefined && this.#ended === undefined) return
      const waiter = this.#waiters.shift() as Waiter<V>
      if (event !== undefined) waiter.resolve({ done: false, value: event })
      else if (this.#ended?.failed === true) waiter.reject(this.#ended.reason)
      else waiter.resolve({ done: true, value: undefined })
    }
  }

  #take(): MapEvent<V> | undefined {
    if (this.#missed > 0) {
      const event = { ...RESYNC, missed: this.#missed }
      this.#missed = 0
      this.#takeSnapshot()
      return event
    }
    return this.#takeFromSnapshot() ?? this.#takeChange()
  }

  #takeFromSnapshot(): MapEvent<V> | undefined {
    for (;;) {
      const { done, value: key } = this.#snapshotKeys.next()
      if (done === true) return undefined
      this.#snapshot.delete(key)
      const entry = this.#source.entry(key)
      const shown = entry === undefined ? undefined : this.#source.show(key, entry)
      if (shown !== undefined) return eventOf(key, undefined, shown, { origin: 'snapshot', expired: false })
    }
  }

  #takeChange(): MapEvent<V> | undefined {
    this.#changes ??= this.#pending.keys()
    for (let next = this.#changes.next(); next.done !== true; next = this.#changes.next()) {
      const key = next.value
      const pending = this.#pending.get(key) as Pending
      this.#pending.delete(key)
      const before = pending.previous === undefined ? undefined : this.#source.show(key, pending.previous)
      const now = this.#source.show(key, pending.entry)
      // Several changes may cancel out, and evidence alone shows nothing.
      if (showsSame(before, now)) continue
      return eventOf(key, before, now, pending.cause)
    }
    this.#changes = undefined
    return undefined
  }

  #takeSnapshot(): void {
    this.#snapshot = this.#init.from === 'snapshot' ? new Set(this.#source.shownKeys()) : new Set()
    this.#snapshotKeys = this.#snapshot.values()
  }
}

const RESYNC = {
  type: 'resync',
  key: undefined,
  value: undefined,
  previous: undefined,
  version: undefined,
  origin: undefined
} as const

/** The event that tells a reader who was shown `before` what there is now. */
export function eventOf<V>(
  key: string,
  before: Shown<V> | undefined,
  now: Shown<V> | undefined,
  { origin, expired }: { readonly origin: Origin; readonly expired: boolean }
): MapEvent<V> {
  const previous = before?.value
  if (now === undefined) {
    const type = expired ? 'expired' : 'delete'
    return { type, key, value: undefined, previous, version: undefined, origin }
  }
  return {
    type: now.conflict ? 'conflict' : 'set',
    key,
    value: now.value,
    previous,
    version: now.version,
    origin
  }
}
