import type { Entry } from '@starling/ormap'
import type { Clock } from '@starling/ports'
import type { Change } from '@starling/replica'
import type { MapEvent } from './types.ts'
import { visibleEntry } from './visible.ts'
import { eventOf, showsSame, type Watcher, type WatchSource } from './watcher.ts'

type Listener = (key: string, previous: Entry | undefined, entry: Entry, how: EventCause) => unknown

/** Where a change came from, and whether only time passed. */
export interface EventCause {
  readonly origin: 'local' | 'remote'
  readonly expired: boolean
}

/** Everybody who follows the changes of a map. Whatever one of them does or throws stays with it. */
export class Listeners<V> {
  readonly watchers: Set<Watcher<V>> = new Set()
  readonly #listeners = new Set<Listener>()
  readonly #clock: Clock
  #failed = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Listeners, without the watchers. */
  get count(): number {
    return this.#listeners.size
  }

  /** Calls of listeners that threw or rejected. */
  get failed(): number {
    return this.#failed
  }

  add(source: WatchSource<V>, listener: (event: MapEvent<V>) => void): () => void {
    const each: Listener = (key, previous, entry, cause) => {
      const before = previous === undefined ? undefined : source.show(key, previous)
      const now = source.show(key, entry)
      return showsSame(before, now) ? undefined : listener(eventOf(key, before, now, cause))
    }
    this.#listeners.add(each)
    return () => void this.#listeners.delete(each)
  }

  /** @param endsToldMs the wall time up to which everybody has been told of values that ended. */
  offer(changes: readonly Change[], endsToldMs: number): void {
    if (this.watchers.size === 0 && this.#listeners.size === 0) return
    const wallMs = this.#clock.wallMs()
    for (const change of changes) this.#offer(change, endsToldMs, wallMs)
  }

  finish(): void {
    this.#listeners.clear()
    for (const watcher of this.watchers) watcher.finish()
  }

  #offer({ key, previous, entry, origin, cause }: Change, endsToldMs: number, wallMs: number): void {
    // What is read back from disk before the map is there is in every snapshot.
    const from = origin === 'local' ? 'local' : 'remote'
    const before = previous === undefined ? undefined : visibleEntry(previous, endsToldMs)
    const now = visibleEntry(entry, wallMs)
    const how = { origin: from, expired: cause === 'expired' } as const
    for (const watcher of this.watchers) watcher.offer(key, before, now, how)
    if (this.#listeners.size === 0) return
    // Whoever is added by one of them is told of what comes next; whoever is taken away, of nothing more.
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) this.#call(() => listener(key, before, now, how))
    }
  }

  /** One that throws, or whose promise rejects, is counted. */
  #call(listener: () => unknown): void {
    try {
      const result = listener()
      if (result instanceof Promise) result.catch(() => void this.#failed++)
    } catch {
      this.#failed++
    }
  }
}
