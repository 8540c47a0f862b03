import { decodeValue } from '@starling/codec'
import { liveDots, versionOf, winner, type Dot, type Entry } from '@starling/ormap'
import type { Clock, Hash } from '@starling/ports'
import type { Replica } from '@starling/replica'
import { assertText } from './key.ts'
import type { ExportedEntry } from './lines.ts'
import type { Projection } from './projection.ts'
import { rangeKeys } from './range.ts'
import type { Conflict, RangeOptions, Versioned } from './types.ts'
import { shownDot, visibleEntry } from './visible.ts'
import type { Shown, WatchSource } from './watcher.ts'

/** The map as its readers see it: of the replica's entries, the values that have not ended and that the schema accepts. */
export class View<V> implements WatchSource<V> {
  readonly #replica: Replica
  readonly #projection: Projection<V>
  readonly #clock: Clock
  readonly #hash: Hash

  constructor(replica: Replica, projection: Projection<V>, clock: Clock, hash: Hash) {
    this.#replica = replica
    this.#projection = projection
    this.#clock = clock
    this.#hash = hash
  }

  get size(): number {
    return this.#replica.size - this.#projection.hidden.size - this.#projection.ended.size
  }

  get(key: string): V | undefined {
    return this.#value(this.dot(key))
  }

  has(key: string): boolean {
    return this.dot(key) !== undefined
  }

  getWithVersion(key: string): Versioned<V> | undefined {
    assertText(key)
    const entry = this.entry(key)
    const shown = entry === undefined ? undefined : this.show(key, entry)
    return shown === undefined ? undefined : { value: shown.value, version: shown.version }
  }

  *entries(): IterableIterator<readonly [key: string, value: V]> {
    for (const [key, entry] of this.#replica.entries()) {
      const value = this.#value(this.#shown(key, entry))
      if (value !== undefined) yield [key, value]
    }
  }

  range(options: RangeOptions): IterableIterator<readonly [key: string, value: V]> {
    const { limit = Infinity } = options
    if (limit !== Infinity && (!Number.isSafeInteger(limit) || limit < 0)) {
      throw new RangeError(`limit must be a whole number of at least 0, got ${String(limit)}`)
    }
    const sorted = this.#projection.sorted(() => this.#liveKeys())
    return this.#valuesOf(rangeKeys(sorted, options), limit)
  }

  conflicts(key: string): readonly Conflict<V>[] {
    assertText(key)
    const entry = this.entry(key)
    if (entry === undefined) return []
    return liveDots(entry)
      .toSorted(newestFirst)
      .flatMap(dot => {
        const value = this.#projection.decode(key, dot)
        if (value === undefined) return []
        const { stamp, replica, expiresAtMs } = dot
        return [{ value, stamp, replica, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) }]
      })
  }

  *exported(): IterableIterator<ExportedEntry> {
    for (const [key, entry] of this.#replica.entries()) {
      const dot = this.#shown(key, entry)
      if (dot !== undefined) yield { key, bytes: dot.value, expiresAtMs: dot.expiresAtMs }
    }
  }

  /** The dot that is shown of a key. */
  dot(key: string): Dot | undefined {
    assertText(key)
    const entry = this.#replica.entry(key)
    return entry === undefined ? undefined : this.#shown(key, entry)
  }

  /** What has not ended of a key's entry. */
  entry(key: string): Entry | undefined {
    const entry = this.#replica.entry(key)
    return entry === undefined ? undefined : visibleEntry(entry, this.#clock.wallMs())
  }

  /** What an entry of which nothing has ended shows. */
  show(key: string, entry: Entry): Shown<V> | undefined {
    const dot = winner(entry)
    const value = dot === undefined ? undefined : this.#projection.decode(key, dot)
    if (dot === undefined || value === undefined) return undefined
    // Not the replica's version, which is as of now: what was shown before something ended had one too.
    const version = versionOf(entry, this.#hash)
    const conflict = entry.items.length > 1 && liveDots(entry).length > 1
    return { value, version, conflict, bytes: dot.value }
  }

  *shownKeys(): IterableIterator<string> {
    for (const [key, entry] of this.#replica.entries()) {
      if (this.#shown(key, entry) !== undefined) yield key
    }
  }

  *#valuesOf(keys: Iterable<string>, limit: number): Generator<readonly [key: string, value: V], undefined> {
    let left = limit
    if (left === 0) return
    for (const key of keys) {
      const value = this.#value(this.dot(key))
      if (value === undefined) continue
      yield [key, value]
      if (--left === 0) return
    }
  }

  *#liveKeys(): IterableIterator<string> {
    for (const [key] of this.#replica.entries()) yield key
  }

  #shown(key: string, entry: Entry): Dot | undefined {
    return this.#projection.hidden.has(key) ? undefined : shownDot(entry, this.#clock)
  }

  /** A fresh copy each time, so that what a caller does to it stays with the caller. */
  #value(dot: Dot | undefined): V | undefined {
    return dot === undefined ? undefined : (decodeValue(dot.value, { bytesMax: dot.value.length }) as V)
  }
}

function newestFirst(a: Dot, b: Dot): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? 1 : -1
  return a.replica < b.replica ? 1 : -1
}
