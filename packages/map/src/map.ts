import { decodeValue, encodeValue, UnencodableValueError, type Value } from '@starling/codec'
import { liveDots, winner, type Entry, type Item } from '@starling/ormap'
import type { Change, Operation, OperationResult, Replica } from '@starling/replica'
import { resolveLimits, type MapLimits } from './config.ts'
import { MapClosedError, QuotaExceededError, ValueTooLargeError, WatcherLimitError } from './errors.ts'
import { assertKey, assertText } from './key.ts'
import { Projection } from './projection.ts'
import { toValidate, type Validate } from './schema.ts'
import type {
  BatchOperation,
  Conflict,
  MapComponents,
  MapEvent,
  MapInit,
  MapStats,
  ReplicatedMap,
  Versioned,
  WatchOptions,
  WriteOptions,
  Written
} from './types.ts'
import { Watcher, type Shown, type WatchSource } from './watcher.ts'

/**
 * Opens a map on a replica.
 *
 * @throws TypeError, RangeError for a schema or limit that is none; otherwise rejects as `components.open` does: a map whose
 *   log cannot be opened is not opened.
 */
export async function createMap<V>(
  components: MapComponents,
  init: MapInit<V> = {}
): Promise<ReplicatedMap<V>> {
  const limits = resolveLimits(init.limits)
  const validate = toValidate(init.schema)
  const projection = new Projection<V>(init.schema === undefined ? undefined : validate)
  const watchers = new Set<Watcher<V>>()
  const replica = await components.open({
    applied(changes) {
      for (const change of changes) projection.apply(change)
      for (const change of changes) offer(watchers, change)
    }
  })
  return new OwnedMap(replica, { limits, validate, projection, watchers })
}

function offer<V>(watchers: ReadonlySet<Watcher<V>>, change: Change): void {
  // Nobody watches before the map is there, so what recovery brings is always in the snapshot.
  if (change.origin === 'recovery') return
  for (const watcher of watchers) watcher.offer(change.key, change.previous, change.entry, change.origin)
}

interface Parts<V> {
  readonly limits: MapLimits
  readonly validate: Validate<V>
  readonly projection: Projection<V>
  readonly watchers: Set<Watcher<V>>
}

class OwnedMap<V> implements ReplicatedMap<V>, WatchSource<V> {
  readonly #replica: Replica
  readonly #limits: MapLimits
  readonly #validate: Validate<V>
  readonly #projection: Projection<V>
  readonly #watchers: Set<Watcher<V>>
  readonly closed: Promise<void>
  readonly #resolveClosed: () => void
  #closing: Promise<void> | undefined

  constructor(replica: Replica, parts: Parts<V>) {
    this.#replica = replica
    this.#limits = parts.limits
    this.#validate = parts.validate
    this.#projection = parts.projection
    this.#watchers = parts.watchers
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
  }

  get size(): number {
    return this.#replica.size - this.#projection.hidden.size
  }

  get(key: string): V | undefined {
    return this.#value(this.#winner(key))
  }

  getWithVersion(key: string): Versioned<V> | undefined {
    const entry = this.entry(key)
    const shown = entry === undefined ? undefined : this.show(key, entry)
    return shown === undefined ? undefined : { value: shown.value, version: shown.version }
  }

  has(key: string): boolean {
    return this.#winner(key) !== undefined
  }

  *keys(): IterableIterator<string> {
    yield* this.shownKeys()
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this.entries()) yield value
  }

  *entries(): IterableIterator<readonly [key: string, value: V]> {
    for (const [key, entry] of this.#replica.entries()) {
      const item = winner(entry)
      if (item === undefined || this.#projection.hidden.has(key)) continue
      const value = this.#value(item)
      if (value !== undefined) yield [key, value]
    }
  }

  [Symbol.iterator](): IterableIterator<readonly [key: string, value: V]> {
    return this.entries()
  }

  conflicts(key: string): readonly Conflict<V>[] {
    assertText(key)
    const entry = this.entry(key)
    if (entry === undefined) return []
    const first = winner(entry)
    const others = liveDots(entry).filter(item => item !== first)
    return [first, ...others.sort(newestFirst)].flatMap(item => {
      if (item === undefined) return []
      const value = this.#projection.decode(key, item)
      return value === undefined ? [] : [{ value, stamp: item.stamp, replica: item.replica }]
    })
  }

  async set(key: string, value: V, options?: WriteOptions): Promise<Written> {
    this.#begin(options)
    return written(await this.#replica.commit([this.#put(key, value)]))
  }

  async setIf(key: string, value: V, version: string | undefined, options?: WriteOptions): Promise<Written> {
    this.#begin(options)
    return written(await this.#replica.commit([{ ...this.#put(key, value), expected: { version } }]))
  }

  async delete(key: string, options?: WriteOptions): Promise<boolean> {
    this.#begin(options)
    assertKey(key, this.#limits.keyBytesMax)
    const [result] = await this.#replica.commit([{ type: 'remove', key }])
    return result?.changed === true
  }

  async batch(operations: readonly BatchOperation<V>[], options?: WriteOptions): Promise<void> {
    this.#begin(options)
    const commit = operations.map((operation): Operation => {
      if (operation.type === 'set') return this.#put(operation.key, operation.value)
      if (operation.type !== 'delete') throw new TypeError("an operation's type must be 'set' or 'delete'")
      assertKey(operation.key, this.#limits.keyBytesMax)
      return { type: 'remove', key: operation.key }
    })
    await this.#replica.commit(commit)
  }

  watch(options: WatchOptions = {}): AsyncIterableIterator<MapEvent<V>> {
    this.#begin(options)
    if (this.#watchers.size >= this.#limits.watchersMax) throw new WatcherLimitError(this.#limits.watchersMax)
    const { from = 'now' } = options
    if (from !== 'now' && from !== 'snapshot') throw new TypeError("from must be 'now' or 'snapshot'")
    const watcher: Watcher<V> = new Watcher(this, {
      from,
      signal: options.signal,
      keysMax: this.#limits.watchKeysMax,
      ended: () => void this.#watchers.delete(watcher)
    })
    this.#watchers.add(watcher)
    return watcher
  }

  invalid(): readonly string[] {
    return [...this.#projection.hidden]
  }

  stats(): MapStats {
    const replica = this.#replica.stats()
    const bytes = this.#projection.bytes
    return {
      entries: this.size,
      bytes,
      invalid: this.#projection.hidden.size,
      watchers: this.#watchers.size,
      overQuota: replica.liveKeys > this.#limits.entriesMax || bytes > this.#limits.bytesMax,
      replica
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For watchers. */
  entry(key: string): Entry | undefined {
    return this.#replica.entry(key)
  }

  /** For watchers. */
  show(key: string, entry: Entry): Shown<V> | undefined {
    const item = winner(entry)
    const version = this.#replica.versionOf(entry)
    if (item === undefined || version === undefined) return undefined
    const value = this.#projection.decode(key, item)
    return value === undefined ? undefined : { value, version, conflict: liveDots(entry).length > 1 }
  }

  /** For watchers. */
  *shownKeys(): Iterable<string> {
    for (const [key, entry] of this.#replica.entries()) {
      if (winner(entry) !== undefined && !this.#projection.hidden.has(key)) yield key
    }
  }

  async #close(): Promise<void> {
    try {
      // Writes that wait are still to be seen by those who watch.
      await this.#replica.close()
    } finally {
      for (const watcher of this.#watchers) watcher.finish()
      this.#resolveClosed()
    }
  }

  #begin(options: { readonly signal?: AbortSignal } | undefined): void {
    if (this.#closing !== undefined) throw new MapClosedError()
    options?.signal?.throwIfAborted()
  }

  #winner(key: string): Item | undefined {
    assertText(key)
    if (this.#projection.hidden.has(key)) return undefined
    const entry = this.#replica.entry(key)
    return entry === undefined ? undefined : winner(entry)
  }

  /** A fresh copy each time, so that what a caller does to it stays with the caller. */
  #value(item: Item | undefined): V | undefined {
    return item?.value === undefined
      ? undefined
      : (decodeValue(item.value, { bytesMax: item.value.length }) as V)
  }

  #put(key: string, value: V): Operation & { readonly type: 'put' } {
    assertKey(key, this.#limits.keyBytesMax)
    const valid = this.#validate(key, value)
    // What is stored is judged again when it is read, so a schema that changes values has to accept what it makes of them.
    if (valid !== value) this.#validate(key, valid)
    const bytes = this.#encode(key, valid)
    const { entriesMax, bytesMax } = this.#limits
    const entry = this.#replica.entry(key)
    const present = entry !== undefined && winner(entry) !== undefined
    if (!present && this.#replica.size >= entriesMax) throw new QuotaExceededError('entriesMax', entriesMax)
    const growth =
      key.length + bytes.length - (entry === undefined ? 0 : this.#projection.bytesOf(key, entry))
    if (growth > 0 && this.#projection.bytes + growth > bytesMax)
      throw new QuotaExceededError('bytesMax', bytesMax)
    return { type: 'put', key, value: bytes }
  }

  #encode(key: string, value: V): Uint8Array {
    const { valueBytesMax } = this.#limits
    try {
      return encodeValue(value as Value, { bytesMax: valueBytesMax })
    } catch (error) {
      if (error instanceof UnencodableValueError && error.reason === 'tooLarge') {
        throw new ValueTooLargeError(key, valueBytesMax, error)
      }
      throw error
    }
  }
}

function written(results: readonly OperationResult[]): Written {
  const { version, stamp } = results[0] as { version: string; stamp: bigint }
  return { version, stamp }
}

function newestFirst(a: Item, b: Item): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? 1 : -1
  return a.replica < b.replica ? 1 : -1
}
