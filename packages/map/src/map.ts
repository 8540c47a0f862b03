import type { OnStale } from '@starling/ormap'
import type { Change, Replica } from '@starling/replica'
import { resolveLimits, type MapLimits } from './config.ts'
import { MapClosedError, WatcherLimitError } from './errors.ts'
import { healthOf } from './health.ts'
import { toLine } from './lines.ts'
import { Listeners } from './listeners.ts'
import { mapFigures } from './figures.ts'
import { Projection } from './projection.ts'
import { toValidate, type Validate } from './schema.ts'
import { Synced } from './synced.ts'
import type {
  BatchOperation,
  Conflict,
  Imported,
  MapComponents,
  MapEvent,
  MapHealth,
  MapInit,
  MapStats,
  RangeOptions,
  ReplicatedMap,
  SetOptions,
  StaleValue,
  Versioned,
  WatchOptions,
  WriteOptions,
  Written
} from './types.ts'
import { View } from './view.ts'
import { Watcher } from './watcher.ts'
import { Writer } from './writer.ts'

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
  const { clock, timers, hash } = components
  const projection = new Projection<V>(init.schema === undefined ? undefined : validate, clock)
  const listeners = new Listeners<V>(clock)
  const { entriesMax, bytesMax } = limits
  const { replica, sync } = await components.open(
    {
      applied(changes: readonly Change[], endsToldMs: number) {
        for (const change of changes) projection.apply(change)
        listeners.offer(changes, endsToldMs)
      }
    },
    { quota: { entriesMax, bytesMax } }
  )
  const view = new View(replica, projection, clock, hash)
  const writer = new Writer({ replica, view, validate, limits, clock, timers })
  const synced = new Synced(sync, components.alone ?? sync === undefined)
  const map = new OwnedMap({ replica, limits, validate, projection, listeners, view, writer, synced })
  const { metrics } = components
  if (metrics !== undefined) void map.closed.then(mapFigures(metrics).add(replica.name, map))
  return map
}

interface Parts<V> {
  readonly replica: Replica
  readonly limits: MapLimits
  readonly validate: Validate<V>
  readonly projection: Projection<V>
  readonly listeners: Listeners<V>
  readonly view: View<V>
  readonly writer: Writer<V>
  readonly synced: Synced
}

class OwnedMap<V> implements ReplicatedMap<V> {
  readonly #parts: Parts<V>
  readonly #replica: Replica
  readonly #view: View<V>
  readonly #writer: Writer<V>
  readonly closed: Promise<void>
  readonly #resolveClosed: () => void
  #closing: Promise<void> | undefined
  #isClosed = false

  constructor(parts: Parts<V>) {
    this.#parts = parts
    this.#replica = parts.replica
    this.#view = parts.view
    this.#writer = parts.writer
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
  }

  get size(): number {
    return this.#view.size
  }

  get(key: string): V | undefined {
    return this.#view.get(key)
  }

  getWithVersion(key: string): Versioned<V> | undefined {
    return this.#view.getWithVersion(key)
  }

  has(key: string): boolean {
    return this.#view.has(key)
  }

  presence(key: string): 'present' | 'absent' | 'notSynced' {
    if (this.#view.has(key)) return 'present'
    return this.#parts.synced.done ? 'absent' : 'notSynced'
  }

  keys(): IterableIterator<string> {
    return this.#view.shownKeys()
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this.#view.entries()) yield value
  }

  entries(): IterableIterator<readonly [key: string, value: V]> {
    return this.#view.entries()
  }

  [Symbol.iterator](): IterableIterator<readonly [key: string, value: V]> {
    return this.#view.entries()
  }

  range(options: RangeOptions = {}): IterableIterator<readonly [key: string, value: V]> {
    return this.#view.range(options)
  }

  conflicts(key: string): readonly Conflict<V>[] {
    return this.#view.conflicts(key)
  }

  async whenSynced(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#begin(options)
    await this.#parts.synced.when(options.signal)
  }

  async set(key: string, value: V, options: SetOptions = {}): Promise<Written> {
    this.#begin(options)
    return await this.#writer.set(key, value, options)
  }

  async setIf(
    key: string,
    value: V,
    version: string | undefined,
    options: SetOptions = {}
  ): Promise<Written> {
    this.#begin(options)
    return await this.#writer.set(key, value, options, { version })
  }

  async delete(key: string, options: WriteOptions = {}): Promise<boolean> {
    this.#begin(options)
    return await this.#writer.delete(key, options)
  }

  async deleteIf(key: string, version: string | undefined, options: WriteOptions = {}): Promise<boolean> {
    this.#begin(options)
    return await this.#writer.delete(key, options, { version })
  }

  async batch(operations: readonly BatchOperation<V>[], options: WriteOptions = {}): Promise<void> {
    this.#begin(options)
    await this.#writer.batch(operations, options)
  }

  *exportLines(): IterableIterator<string> {
    for (const entry of this.#view.exported()) yield toLine(entry)
  }

  async importLines(
    lines: Iterable<string> | AsyncIterable<string>,
    options: WriteOptions = {}
  ): Promise<Imported> {
    this.#begin(options)
    return await this.#writer.import(lines, options)
  }

  watch(options: WatchOptions = {}): AsyncIterableIterator<MapEvent<V>> {
    this.#begin(options)
    const { listeners, limits } = this.#parts
    if (listeners.watchers.size >= limits.watchersMax) throw new WatcherLimitError(limits.watchersMax)
    const { from = 'now' } = options
    if (from !== 'now' && from !== 'snapshot') throw new TypeError("from must be 'now' or 'snapshot'")
    const watcher: Watcher<V> = new Watcher(this.#view, {
      from,
      signal: options.signal,
      keysMax: limits.watchKeysMax,
      ended: () => void listeners.watchers.delete(watcher)
    })
    listeners.watchers.add(watcher)
    return watcher
  }

  onChange(listener: (event: MapEvent<V>) => void): () => void {
    this.#begin(undefined)
    const { listeners, limits } = this.#parts
    if (listeners.count >= limits.watchersMax) throw new WatcherLimitError(limits.watchersMax)
    return listeners.add(this.#view, listener)
  }

  health(): MapHealth {
    return healthOf(this.#replica.status(), this.#parts.synced.done)
  }

  invalid(): readonly string[] {
    return [...this.#parts.projection.hidden]
  }

  stale(): readonly StaleValue<V>[] {
    return this.#replica.stale().map(({ key, dot, setAsideMs }) => ({
      key,
      value: this.#parts.projection.decode(key, dot),
      setAsideMs
    }))
  }

  decideStale(onStale: OnStale): void {
    this.#begin(undefined)
    this.#replica.decideStale(onStale)
  }

  async reopen(): Promise<void> {
    this.#begin(undefined)
    await this.#replica.reopen()
  }

  async repairClock(): Promise<void> {
    this.#begin(undefined)
    await this.#replica.repairClock()
  }

  stats(): MapStats {
    const { projection, listeners } = this.#parts
    return {
      state: this.#closing === undefined ? 'open' : this.#isClosed ? 'closed' : 'closing',
      entries: this.size,
      bytes: projection.bytes,
      invalid: projection.hidden.size,
      conflicts: projection.conflicting.size,
      watchers: listeners.watchers.size,
      listenersFailed: listeners.failed,
      renewals: this.#writer.renewals,
      overQuota: this.#replica.status().overQuota,
      replica: this.#replica.stats()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end(() => this.#replica.close())
    return this.#closing
  }

  destroy(): Promise<void> {
    // A map that is closed already has let its store go, so its rows are deleted through the replica all the same.
    const closed = this.#closing ?? Promise.resolve()
    this.#closing = this.#end(async () => {
      await closed.catch(() => undefined)
      await this.#replica.destroy()
    })
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #end(endReplica: () => Promise<void>): Promise<void> {
    const { synced, listeners } = this.#parts
    synced.end(new MapClosedError())
    await this.#writer.leave()
    try {
      // Writes that wait are still to be seen by those who watch.
      await endReplica()
    } finally {
      listeners.finish()
      this.#isClosed = true
      this.#resolveClosed()
    }
  }

  #begin(options: { readonly signal?: AbortSignal } | undefined): void {
    if (this.#closing !== undefined) throw new MapClosedError()
    options?.signal?.throwIfAborted()
  }
}
